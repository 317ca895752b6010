"""What metrics cost: regions first and in pieces, against whole meshes at once.

Run it as a script. Times are multiples of reading both motions once (a sum); memory is that of the
two motions in single precision. "plain" squares the whole mesh and then picks the region, as one
would write it down first. The last lines say what intervals cost.
"""

import time
import tracemalloc

import numpy as np

from talking_heads.metrics import bootstrap_values, measure_clip, measure_spread

MESHES = {  # vertices, lips, upper face, frames
    "course, low": (1_142, 140, 362, 100),
    "VOCASET": (5_023, 250, 827, 120),
    "BIWI": (23_370, 4_996, 7_784, 117),
}


def plain(true, made, lips, upper):
    """Return LVE three times, MVE, EVE and FDD three times, each from the whole mesh."""
    true, made = true.astype(np.float64), made.astype(np.float64)

    def distances():
        return np.linalg.norm(true - made, axis=2)

    def centred(x):
        return x - x[:, lips].mean(1, keepdims=True)

    def dynamics(power):
        spread = [(np.linalg.norm(m, axis=2) ** power).std(0)[upper] for m in (true, made)]
        return spread[0] - spread[1]

    return [
        distances()[:, lips].max(1).mean(),
        (distances() ** 2)[:, lips].max(1).mean(),
        np.linalg.norm(centred(true) - centred(made), axis=2)[:, lips].max(1).mean(),
        distances().mean(),
        distances()[:, upper].max(1).mean(),
        dynamics(2).mean(),
        dynamics(1).mean(),
        np.abs(dynamics(1)).mean(),
    ]


NAMES = ("lve", "lve_squared_pooled", "lve_meshtalk", "mve", "eve", "fdd", "fdd_norm",
         "fdd_vertexwise")  # fmt: skip


def best_of(work, repeats=3):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_of(work):
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def main():
    rng = np.random.default_rng(0)
    print(f"{'mesh':12} {'frames':>6} {'read s':>7} {'ours':>6} {'plain':>6} {'plain/ours':>10} "
          f"{'memory':>7} {'plain':>6} {'5 seeds':>8} {'difference':>10}")  # fmt: skip
    for name, (size, lips, upper, frames) in MESHES.items():
        true = rng.normal(size=(frames, size, 3)).astype(np.float32)
        made = true + 0.1 * rng.normal(size=true.shape).astype(np.float32)
        order = rng.permutation(size)
        parts = {"lips": order[:lips], "upper_face": order[lips : lips + upper]}

        def ours(a=true, b=made, p=parts):
            return measure_clip(a, b, only=NAMES, **p)

        def theirs(a=true, b=made, p=parts):
            return plain(a, b, np.sort(p["lips"]), np.sort(p["upper_face"]))

        seeds = [made + i for i in range(5)]
        read = best_of(lambda a=true, b=made: (a.sum(), b.sum()))
        fast, slow = best_of(ours), best_of(theirs)
        spread = best_of(lambda s=seeds, p=parts: measure_spread(s, **p), 1)
        both = true.nbytes + made.nbytes
        gap = max(abs(a / b / w - 1) for (a, b), w in zip(ours().values(), theirs(), strict=True))
        print(f"{name:12} {frames:6d} {read:7.4f} {fast / read:6.1f} {slow / read:6.1f} "
              f"{slow / fast:10.2f} {peak_of(ours) / both:7.2f} {peak_of(theirs) / both:6.2f} "
              f"{spread / read:8.1f} {gap:10.1e}")  # fmt: skip
    rows = rng.uniform(size=(200, 10, 2))
    who = [f"s{i % 8}" for i in range(200)]
    clips = best_of(lambda: bootstrap_values(rows, "clips"))
    print("\n1000 draws of 200 clips of 10 seeds, as multiples of drawing clips alone:")
    for over in ("clips and seeds", "speakers"):
        cost = best_of(lambda o=over: bootstrap_values(rows, o, speakers=who))
        print(f"{over:16} {cost / clips:6.1f}")


if __name__ == "__main__":
    main()
