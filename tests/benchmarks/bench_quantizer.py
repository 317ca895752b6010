"""What the lookup of the nearest codes costs, against the direct table; run it as a script.

Ratios of processor time in one run on whatever machine, one thread. "direct" writes down and
squares every difference of tokens, codes and channels, in pieces of 200 tokens; its table is
counted as if it were whole. "cdist" is torch's own table of distances. Memory is the largest tensor
made, in multiples of the latents. The step is `VectorQuantizer` forward and backward in training,
in multiples of the lookup alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from talking_heads.layers import VectorQuantizer, nearest_codes
from talking_heads.layers.quantizer import SCORES

# Frames of 2 clips of 4 seconds at 25 per second, times components; codes; channels.
CASES = {
    "course, 200 frames x 16 of 64": (3_200, 256, 64),
    "BIWI, 200 frames x 8 of 128": (1_600, 512, 128),
    "long, 2,000 frames x 16 of 64": (32_000, 256, 64),
}
DIRECT_PIECE = 200


def _seconds(run: Callable[[], object], repeats: int = 5) -> float:
    run()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def _direct(latents: Tensor, codebook: Tensor) -> Tensor:
    pieces = latents.split(DIRECT_PIECE)
    return torch.cat([(p[:, None] - codebook).square().sum(-1).argmin(1) for p in pieces])


def main() -> None:
    """Print the table."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    print(f"{'':31}{'time: direct':>13}{'cdist':>7}{'memory: direct':>16}{'cdist':>7}{'lookup':>8}"
          f"{'step':>6}")  # fmt: skip
    for name, (tokens, codes, channels) in CASES.items():
        latents = torch.randn(tokens, channels)
        layer = VectorQuantizer(codes, channels, start="data")
        layer(latents)
        codebook = layer.codebook.detach()
        assert torch.equal(_direct(latents, codebook), nearest_codes(latents, codebook))

        def step(layer: VectorQuantizer = layer, latents: Tensor = latents) -> None:
            inputs = latents.requires_grad_()
            result = layer(inputs)
            (result.loss + result.values.sum()).backward()

        lookup = _seconds(lambda z=latents, c=codebook: nearest_codes(z, c))
        direct = _seconds(lambda z=latents, c=codebook: _direct(z, c), repeats=1)
        cdist = _seconds(lambda z=latents, c=codebook: torch.cdist(z, c).argmin(1))
        size = tokens * channels
        scores = min(tokens * codes, SCORES)
        print(f"{name:31}{direct / lookup:13.0f}{cdist / lookup:7.1f}"
              f"{tokens * codes * channels / size:16.0f}{tokens * codes / size:7.1f}"
              f"{scores / size:8.1f}{_seconds(step) / lookup:6.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
