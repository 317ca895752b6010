"""What a second of sound costs in each audio encoder, as multiples of its log-mel features.

Run it as a script. One thread; clips of four seconds, then one of sixteen: what attends to the
whole clip costs more for a second of a longer one. The networks have random weights, which cost as
much as others. The log-mel encoder has the sizes of ``DiffSpeakerConfig``.
"""

import numpy as np
import torch

from talking_heads.models.config import DiffSpeakerConfig
from talking_heads.speech.encoder import LogMelEncoder
from talking_heads.speech.small_hubert import SmallHubert
from talking_heads.speech.small_hubert_encoder import SmallHubertEncoder
from talking_heads.training.probe_features import (
    cpu_ms_per_second,
    encoder_frames,
    log_mel_frames,
)
from talking_heads.training.probe_runs import base_hubert
from talking_heads.training.probing import ProbeClip

LENGTHS = (4, 16)


def noise(seconds):
    """Return a clip of noise."""
    rng = np.random.default_rng(0)
    audio = (0.1 * rng.normal(size=16_000 * seconds)).astype(np.float32)
    frames = 25 * seconds
    return ProbeClip("noise", "nobody", "val", audio, np.zeros(frames, np.int64),
                     np.zeros(frames, np.float32))  # fmt: skip


def main():
    torch.manual_seed(0)
    small = SmallHubertEncoder(SmallHubert(), freeze="all").eval()
    sizes = DiffSpeakerConfig()
    log_mel = LogMelEncoder(sizes.encoder_width, sizes.encoder_blocks, sizes.encoder_kernel).eval()
    encoders = {
        "log-mel features": (log_mel_frames(), 10),
        "log-mel encoder": (encoder_frames(log_mel), 5),
        "small HuBERT": (encoder_frames(small), 5),
        "HuBERT base, 94 M": (base_hubert(), 1),
    }
    print(f"{'':26}" + "".join(f"{f'{seconds} s clip':>12}" for seconds in LENGTHS))
    unit = {}
    for name, (hear, repeats) in encoders.items():
        cells = []
        for seconds in LENGTHS:
            cost = cpu_ms_per_second(hear, [noise(seconds)], repeats)
            unit.setdefault(seconds, cost)
            cells.append(f"{cost / unit[seconds]:12.1f}")
        print(f"{name:26}" + "".join(cells))


if __name__ == "__main__":
    main()
