"""Checks of notebook 04 on codebooks: the nearest code, perplexity, and restarts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.checking import Case, Exercise, Mistake, same_as_package

Array = NDArray[Any]

# --- Nearest codes ---------------------------------------------------------------------------


def nearest_codes(latents: Array, codebook: Array) -> Array:
    """Return the code nearest to each latent, as `talking_heads.layers.quantizer` does.

    Parameters
    ----------
    latents : ndarray
        ``(latent, number)``.
    codebook : ndarray
        ``(code, number)``.

    Returns
    -------
    ndarray of int64
        ``(latent,)``.
    """
    return np.asarray(_squares(latents, codebook).argmin(axis=1))


def _squares(latents: Array, codebook: Array) -> Array:
    lengths = np.square(latents).sum(1)[:, None] + np.square(codebook).sum(1)
    return np.asarray(lengths - 2 * latents @ codebook.T)


def _lengths(rows: Array) -> Array:
    return np.linalg.norm(rows, axis=1)


def _nearest_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield Case(
        "forty latents and twelve codes", (rng.normal(0, 1, (40, 4)), rng.normal(0, 1, (12, 4)))
    )
    # Codes of all lengths: here the length of a code matters most.
    codebook = rng.normal(0, 1, (30, 3)) * rng.uniform(0.1, 4, (30, 1))
    yield Case("codes near and far", (rng.normal(0.5, 1.5, (200, 3)), codebook))
    yield Case("two codes of one number", (rng.normal(0, 1, (9, 1)), np.array([[-0.5], [1.0]])))
    yield Case("a single latent", (rng.normal(0, 1, (1, 6)), rng.normal(0, 1, (20, 6))))


_NEAREST_MISTAKES = (
    Mistake(
        "farthest",
        lambda z, c: _squares(z, c).argmax(axis=1),
        "You return the code that is farthest away: argmin, not argmax, of the distances.",
    ),
    Mistake(
        "largest product",
        lambda z, c: (z @ c.T).argmax(axis=1),
        "You took the code with the largest product z.c, so long codes win everywhere. The length\n"
        "of a code counts too: |z - c|^2 = |z|^2 - 2 z.c + |c|^2.",
    ),
    Mistake(
        "smallest angle",
        lambda z, c: (z @ (c / _lengths(c)[:, None]).T).argmax(axis=1),
        "You took the code in the most similar direction (cosine), so lengths do not count. The\n"
        "nearest one is wanted.",
    ),
    Mistake(
        "product not doubled",
        lambda z, c: (np.square(c).sum(1) - z @ c.T).argmin(axis=1),
        "The product in the middle counts twice: |z - c|^2 = |z|^2 - 2 z.c + |c|^2.",
    ),
    Mistake(
        "sign of the product",
        lambda z, c: (np.square(c).sum(1) + 2 * z @ c.T).argmin(axis=1),
        "The sign of the product is turned round, so you look for the code nearest to -z:\n"
        "|z - c|^2 = |z|^2 - 2 z.c + |c|^2.",
    ),
    Mistake(
        "sum of absolute differences",
        lambda z, c: np.abs(z[:, None] - c).sum(axis=2).argmin(axis=1),
        "You measure by the sum of absolute differences. Distance is the root of the sum of\n"
        "squares; for the nearest code the root may be left out.",
    ),
    Mistake(
        "other way round",
        lambda z, c: _squares(z, c).argmin(axis=0),
        "You return the nearest latent for each code. The nearest code for each latent is wanted:\n"
        "argmin over the codes.",
    ),
    Mistake(
        "vectors",
        lambda z, c: c[nearest_codes(z, c)],
        "You return the vectors of the codes. Their numbers are wanted, one for each latent.",
    ),
    Mistake(
        "distances",
        lambda z, c: _squares(z, c).min(axis=1),
        "You return the smallest squared distance. Which code has it? argmin, not min.",
    ),
    Mistake(
        "distances, with the root",
        lambda z, c: np.sqrt(np.maximum(_squares(z, c), 0).min(axis=1)),
        "You return the smallest distance. Which code has it? argmin, not min.",
    ),
    Mistake(
        "counted from 1",
        lambda z, c: nearest_codes(z, c) + 1,
        "Your numbers are one too high: the first code has the number 0.",
    ),
)

# --- Perplexity ------------------------------------------------------------------------------


def perplexity(codes: Array, size: int) -> Array:
    """Return the perplexity of codes, as `talking_heads.layers.quantizer` does.

    Parameters
    ----------
    codes : ndarray of int
        ``(frame, piece)``, from 0 to ``size - 1``.
    size : int
        Codes in the codebook.

    Returns
    -------
    ndarray
        One number, from 1 to ``size``.
    """
    return np.asarray(np.exp(_entropy(codes, size)))


def _entropy(codes: Array, size: int) -> float:
    share = _above_zero(_shares(codes, size))
    return float(-(share * np.log(share)).sum())


def _shares(codes: Array, size: int) -> Array:
    return np.bincount(np.ravel(codes), minlength=size) / np.size(codes)


def _above_zero(shares: Array) -> Array:
    return np.asarray(shares[shares > 0])


def _perplexity_cases(rng: np.random.Generator) -> Iterator[Case]:
    shares = np.array([0.4, 0.3, 0.15, 0.1, 0.05, 0, 0, 0])
    yield Case("five of eight codes", (rng.choice(8, (60, 3), p=shares), 8))
    yield Case("codes that are used alike", (np.arange(64).reshape(32, 2) % 16, 16))
    yield Case("always the same code", (np.full((20, 4), 7), 32))
    # Each piece uses other codes: one codebook all the same.
    pieces = [rng.integers(10 * k, 10 * k + 4 + 2 * k, 80) for k in range(3)]
    yield Case("pieces that use other codes", (np.stack(pieces, axis=1), 64))


_PERPLEXITY_MISTAKES = (
    Mistake(
        "entropy",
        _entropy,
        "You return the entropy. The perplexity is e to the power of it: np.exp.",
    ),
    Mistake(
        "entropy in bits",
        lambda k, n: _entropy(k, n) / np.log(2),
        "You return the entropy in bits. The perplexity is 2 to the power of it.",
    ),
    Mistake(
        "2 to the power of nats",
        lambda k, n: 2 ** _entropy(k, n),
        "Your logarithm is the natural one, and you take 2 to the power of the sum. Either np.exp\n"
        "with np.log, or 2 ** with np.log2.",
    ),
    Mistake(
        "e to the power of bits",
        lambda k, n: np.exp(_entropy(k, n) / np.log(2)),
        "Your logarithm has base 2, and you take e to the power of the sum. Either np.exp with\n"
        "np.log, or 2 ** with np.log2.",
    ),
    Mistake(
        "sign",
        lambda k, n: np.exp(-_entropy(k, n)),
        "The minus in the exponent is missing: shares are below 1, so their logarithms are\n"
        "negative, and the sum wants its sign turned round.",
    ),
    Mistake(
        "codes in use",
        lambda k, n: np.count_nonzero(_shares(k, n)),
        "You return how many codes occur at all. A code that occurs once counts for less in the\n"
        "perplexity: weigh the logarithms by the shares.",
    ),
    Mistake(
        "one over the sum of squares",
        lambda k, n: 1 / np.square(_shares(k, n)).sum(),
        "You return 1 over the sum of the squared shares: another measure of the same thing. The\n"
        "perplexity is exp(-sum p log p).",
    ),
    Mistake(
        "share of the codebook",
        lambda k, n: perplexity(k, n) / n,
        "You divide by the size of the codebook. The perplexity is a number of codes.",
    ),
    Mistake(
        "not weighed",
        lambda k, n: np.exp(-np.log(_above_zero(_shares(k, n))).sum()),
        "You add up the logarithms alone. Each counts by its share: p log p.",
    ),
    Mistake(
        "mean over codes",
        lambda k, n: np.exp(_entropy(k, n) / n),
        "You take the mean over the codes. The entropy is the sum of -p log p.",
    ),
    Mistake(
        "mean over pieces",
        lambda k, n: np.mean([perplexity(column, n) for column in np.transpose(k)]),
        "You take the mean over the pieces. All pieces share one codebook: count them together.",
    ),
    Mistake(
        "combinations",
        lambda k, n: _of_combinations(k),
        "You counted combinations of codes, one for each frame. Count each code by itself, in all\n"
        "pieces of all frames.",
    ),
    Mistake(
        "shares of frames",
        lambda k, n: np.exp(_of_frames(k, n)),
        "Your shares do not add up to 1: divide by the number of codes in all frames and pieces,\n"
        "not by the number of frames.",
    ),
)


def _of_combinations(codes: Array) -> float:
    _, counts = np.unique(codes, axis=0, return_counts=True)
    share = counts / counts.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def _of_frames(codes: Array, size: int) -> float:
    share = np.bincount(np.ravel(codes), minlength=size) / len(codes)
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())


# --- Restarts --------------------------------------------------------------------------------


def restart(codebook: Array, unused: Array, codes: Array, patience: int, fresh: Array) -> Array:
    """Return a codebook in which codes that were long not chosen start anew.

    Parameters
    ----------
    codebook : ndarray
        ``(code, number)``.
    unused : ndarray of int
        ``(code,)`` for how many steps a code was not chosen, before this step.
    codes : ndarray of int
        ``(latent,)`` what was chosen in this step.
    patience : int
        A code that was not chosen for so many steps, this one included, starts anew.
    fresh : ndarray
        ``(latent, number)`` what it starts as: the first row for the first such code, and so on.

    Returns
    -------
    ndarray
        ``(code, number)``.
    """
    return _place(codebook, _steps(unused, codes) >= patience, fresh)


def _steps(unused: Array, codes: Array) -> Array:
    steps = unused + 1
    steps[codes] = 0
    return np.asarray(steps)


def _place(codebook: Array, dead: Array, fresh: Array) -> Array:
    out = codebook.copy()
    out[dead] = fresh[: np.count_nonzero(dead)]
    return out


def _restart_case(
    rng: np.random.Generator, name: str, size: int, latents: int, unused: Array
) -> Case:
    codes = rng.integers(0, max(1, size // 2), latents)
    arrays = rng.normal(0, 1, (size, 3)), unused, codes
    return Case(name, (*arrays, 5, rng.normal(0, 1, (latents, 3))))


def _restart_cases(rng: np.random.Generator) -> Iterator[Case]:
    # Every age from 0 to 6 in codes that are chosen (the first half) and in others.
    unused = np.tile(np.arange(7), 4)
    yield _restart_case(rng, "28 codes, some of them dead", 28, 40, unused)
    yield _restart_case(rng, "a code on its last step", 6, 8, np.array([0, 0, 0, 3, 4, 5]))
    yield _restart_case(rng, "no dead code", 6, 30, np.zeros(6, dtype=int))
    yield _restart_case(rng, "old codes that were chosen now", 10, 60, np.full(10, 9))


_RESTART_MISTAKES = (
    Mistake(
        "nothing happens",
        lambda c, u, k, p, f: c,
        "You return the codebook as it was. Give the dead codes new rows and return a copy.",
    ),
    Mistake(
        "chosen codes too",
        lambda c, u, k, p, f: _place(c, u + 1 >= p, f),
        "You restart codes that were chosen in this very step. Being chosen sets the count to 0.",
    ),
    Mistake(
        "this step not counted",
        lambda c, u, k, p, f: _place(c, _steps(u, k) - 1 >= p, f),
        "A code that has now been idle for `patience` steps, this one included, starts anew. You\n"
        "wait one step longer: count this step, and compare with >=.",
    ),
    Mistake(
        "only the counts of before",
        lambda c, u, k, p, f: _place(c, u >= p, f),
        "You look at the counts from before this step. First bring them up to date: 0 for the\n"
        "chosen codes, 1 more for all others.",
    ),
    Mistake(
        "chosen codes keep their count",
        lambda c, u, k, p, f: _place(c, np.where(_steps(u, k) > 0, u + 1, u) >= p, f),
        "The count of a code that is chosen becomes 0. In your answer it only stops growing.",
    ),
    Mistake(
        "exactly patience",
        lambda c, u, k, p, f: _place(c, _steps(u, k) == p, f),
        "You restart codes whose count is exactly `patience`. Older ones are dead too: >=.",
    ),
    Mistake(
        "last rows",
        lambda c, u, k, p, f: _place(c, _steps(u, k) >= p, f[_last(_steps(u, k) >= p, f) :]),
        "You take the last rows of `fresh`. The first dead code takes the first row.",
    ),
    Mistake(
        "only what is idle now",
        lambda c, u, k, p, f: _place(c, _steps(u, k) > 0, f),
        "You restart every code that was not chosen in this step. Wait until the count has\n"
        "reached `patience`.",
    ),
    Mistake(
        "rows of the same number",
        lambda c, u, k, p, f: _same_rows(c, _steps(u, k) >= p, f),
        "You take the fresh row with the number of the code. The first dead code takes the first\n"
        "fresh row, the second the second: fresh[: number of dead codes].",
    ),
    Mistake(
        "all alike",
        lambda c, u, k, p, f: np.where((_steps(u, k) >= p)[:, None], f[0], c),
        "All dead codes become the same row. Give each one of its own, or all but one die again.",
    ),
    Mistake(
        "zeros",
        lambda c, u, k, p, f: np.where((_steps(u, k) >= p)[:, None], 0.0, c),
        "Dead codes become zeros. Put the fresh latents there, each on its own.",
    ),
    Mistake(
        "counts",
        lambda c, u, k, p, f: _steps(u, k),
        "You return the counts. Return the codebook, with the dead codes replaced.",
    ),
    Mistake(
        "the living replaced",
        lambda c, u, k, p, f: _living(c, _steps(u, k) >= p, f),
        "You replace the codes that are alive, and keep the dead ones. Turn the test round.",
    ),
)


def _last(dead: Array, fresh: Array) -> int:
    return len(fresh) - int(np.count_nonzero(dead))


def _living(codebook: Array, dead: Array, fresh: Array) -> Array:
    rows = np.resize(fresh, (len(codebook), fresh.shape[1]))
    return _place(codebook, ~dead, rows)


def _same_rows(codebook: Array, dead: Array, fresh: Array) -> Array:
    rows = np.resize(fresh, (len(codebook), fresh.shape[1]))
    return np.where(dead[:, None], rows, codebook)


CODEBOOK_EXERCISES = (
    Exercise(
        id="04.nearest_codes",
        title="The nearest code",
        points=2,
        check=same_as_package(nearest_codes, _nearest_cases, _NEAREST_MISTAKES, tolerance=1e-9),
        mistakes=_NEAREST_MISTAKES,
    ),
    Exercise(
        id="04.perplexity",
        title="Perplexity",
        points=2,
        check=same_as_package(perplexity, _perplexity_cases, _PERPLEXITY_MISTAKES, tolerance=1e-6),
        mistakes=_PERPLEXITY_MISTAKES,
    ),
    Exercise(
        id="04.restart",
        title="Dead codes start anew",
        points=3,
        check=same_as_package(restart, _restart_cases, _RESTART_MISTAKES, tolerance=1e-9),
        mistakes=_RESTART_MISTAKES,
    ),
)
