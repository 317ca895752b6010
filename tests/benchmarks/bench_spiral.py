"""What spiral convolution costs: only the kept vertices against all, and building the meshes.

Run it as a script. Times are CPU seconds of one thread. "full / kept" says how many times longer
it takes to convolve all vertices of each level and then select those that the next level keeps.
"cached" is a pyramid read from disk.
"""

import tempfile
import time
from itertools import pairwise

import torch

from talking_heads.face import RESOLUTIONS, get_face
from talking_heads.geometry import build_pyramid
from talking_heads.layers.spiral import SpiralConv, SpiralPyramid

CHANNELS = (3, 16, 16, 32, 32)


def best_of(work, repeats=3):
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


class FullPyramid(torch.nn.Module):
    """The same convolutions at every vertex, and a selection after each."""

    def __init__(self, pyramid, channels):
        super().__init__()
        self.kept = [torch.from_numpy(level.kept) for level in pyramid.levels[:-1]]
        self.convolutions = torch.nn.ModuleList(
            SpiralConv(before, after, torch.from_numpy(level.spirals))
            for (before, after), level in zip(pairwise(channels), pyramid.levels, strict=False)
        )

    def forward(self, x):
        for convolution, kept in zip(self.convolutions, self.kept, strict=True):
            x = torch.nn.functional.elu(convolution(x)).index_select(-2, kept)
        return x


def train_step(net, x):
    net.zero_grad()
    net(x).sum().backward()


def main():
    torch.set_num_threads(1)
    print(f"{'vertices':>8} {'factor':>6} {'build s':>8} {'cached s':>8} {'kept s':>7} "
          f"{'full / kept':>11} {'in training':>11}")  # fmt: skip
    for resolution in RESOLUTIONS:
        face = get_face(f"neutral@{resolution}")
        count = face.parts["skin"].stop
        mesh = face.vertices[:count], face.triangles[(face.triangles < count).all(1)]
        x = torch.randn(max(1, 100_000 // count), count, 3)
        for factor in (2, 4):
            with tempfile.TemporaryDirectory() as folder:
                call = (*mesh, (factor,) * 4, 9, 2, folder)
                start = time.process_time()
                pyramid = build_pyramid(*call)
                built = time.process_time() - start
                cached = best_of(lambda c=call: build_pyramid(*c))
            kept, full = (
                SpiralPyramid.from_pyramid(pyramid, CHANNELS),
                FullPyramid(pyramid, CHANNELS),
            )
            times = []
            for net in (kept, full):
                with torch.no_grad():
                    times.append(best_of(lambda n=net, x=x: n(x)))
                times.append(best_of(lambda n=net, x=x: train_step(n, x)))
            print(f"{count:8,d} {factor:6d} {built:8.2f} {cached:8.3f} {times[0]:7.3f} "
                  f"{times[2] / times[0]:11.1f} {times[3] / times[1]:11.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
