"""A run that is started once, or by ``torchrun`` in two processes; see test_processes.py.

Nothing in it is left to chance but the start: whoever has a clip draws the same for it. Beside the
checkpoint lie the last state that was saved, and of each process the hash of what it ends with.
"""

import dataclasses
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import torch

from talking_heads.models import DiffSpeakerConfig
from talking_heads.models.prior_config import MotionVQVAEConfig
from talking_heads.training import TrainConfig, fitting, train

sys.path.insert(0, str(Path(__file__).parent))
from conftest import build_corpus

SPEAKER = DiffSpeakerConfig(
    width=16, layers=1, heads=2, feed_forward=32, encoder_width=16, encoder_blocks=1,
    sampling_steps=3, step_code=16, dropout=0.0, encoder_dropout=0.0, style_dropout=0.0,
)  # fmt: skip
PRIOR = {"width": 16, "layers": 1, "heads": 2, "feed_forward": 32, "components": 2, "codes": 8}
CONFIGS: dict[str, Any] = {
    "diff_speaker": SPEAKER,
    "motion_vqvae": MotionVQVAEConfig(**PRIOR, start="uniform", restart=0),
    "running_means": MotionVQVAEConfig(**PRIOR, start="uniform", restart=0, decay=0.9),
    # Its codes start, and start again, from tokens drawn at random.
    "random": MotionVQVAEConfig(**PRIOR, start="data", restart=1),
    "random_means": MotionVQVAEConfig(**PRIOR, start="data", restart=1, decay=0.9),
}
SETTINGS = TrainConfig(batch=4, crop=25, warm_up=2, save_every=10, ema=0.9)


def same_for_all() -> None:
    """Replace what is drawn at random for a clip by what depends on the clip alone."""
    torch.randn_like = lambda x: torch.sin(50 * x + torch.arange(x[0].numel()).view_as(x[0]))
    torch.randint = lambda high, size, **_: torch.full(size, high // 3)
    fitting.augment_mel = lambda mel, _: mel


def digest(tensors: dict[str, torch.Tensor]) -> str:
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(name.encode() + tensors[name].cpu().numpy().tobytes())
    return found.hexdigest()


def main(name: str, out: Path, steps: int) -> None:
    rank = os.environ.get("RANK", "0")
    out.mkdir(parents=True, exist_ok=True)
    (out / f"pid{rank}").write_text(str(os.getpid()))
    keep, save = fitting.keep_mean, fitting.save_state

    def kept(mean: torch.nn.Module, model: torch.nn.Module) -> None:
        ends = [digest(net.state_dict()) for net in (mean, model)]
        drawn = float(torch.rand(()))
        (out / f"rank{rank}.json").write_text(json.dumps([*ends, drawn]))
        keep(mean, model)

    def saved(path: Path, *how: Any) -> None:
        assert rank == "0"
        save(path, *how)
        shutil.copy(path, out / "kept.safetensors")

    fitting.keep_mean, fitting.save_state = kept, saved
    same_for_all()
    train(
        "diff_speaker" if name == "diff_speaker" else "motion_vqvae",
        data=build_corpus(clips=12), out=out, config=CONFIGS[name],
        settings=dataclasses.replace(SETTINGS, steps=steps),
        view="coefficients", encoder="log_mel" if name == "diff_speaker" else None,
        evaluate=False,
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
