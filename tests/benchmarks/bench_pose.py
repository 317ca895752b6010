"""What posing costs: at once against frame by frame, and with soft tissue and scan noise.

Run it as a script. The last two columns are multiples of a pose.
"""

import time

import numpy as np

from talking_heads.face import RESOLUTIONS, Motion, build_face, surface_motion
from talking_heads.view.raster import render

FRAMES = 250


def best_of(work, repeats=3):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    rng = np.random.default_rng(0)
    c = rng.uniform(0, 1, (FRAMES, 52)) * (rng.uniform(size=(FRAMES, 52)) < 0.4)
    print(f"{'resolution':10} {'skin':>6} {'build s':>8} {'pose s':>7} {'loop s':>7} "
          f"{'loop/pose':>9} {'pose/aperture':>13} {'draw s':>7} "
          f"{'soft':>5} {'noisy':>5}")  # fmt: skip
    for resolution in RESOLUTIONS:
        build = best_of(lambda r=resolution: build_face(r), 2)
        face = build_face(resolution)
        face.pose(c[:2])
        pose = best_of(lambda f=face: f.pose(c))
        loop = best_of(lambda f=face: [f.pose(row) for row in c], 1)
        gap = best_of(lambda f=face: f.aperture(c))
        motion = Motion(c, "coefficients", face_id=face.id)
        soft = best_of(lambda m=motion, f=face: surface_motion(m, face=f, part="skin"))
        noisy = best_of(
            lambda m=motion, f=face: surface_motion(m, face=f, part="skin", noise_seed=1)
        )
        draw = best_of(lambda f=face: render(f.vertices, f.triangles, f.colors))
        print(f"{resolution:10} {face.parts['skin'].stop:6d} {build:8.3f} {pose:7.3f} {loop:7.3f} "
              f"{loop / pose:9.1f} {pose / gap:13.0f} {draw:7.3f} "
              f"{soft / pose:5.1f} {noisy / pose:5.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
