"""The check of a split by text: it tests properties, because many answers are right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.checking import Answer, Case, CheckFailed, Mistake, as_array, call

Mask = NDArray[np.bool_]

_WORDS = (
    ("The baker", "My uncle", "A penguin", "Our teacher", "The old pump", "Somebody", "A robin"),
    ("bought", "dropped", "painted", "watched", "mopped up", "borrowed", "described"),
    ("a purple boat", "five blue moths", "the muddy pool", "an umbrella", "two big plums"),
)


def split_by_text(texts: Sequence[str], share: float, seed: int) -> Mask:
    """Choose test clips so that no sentence is in both parts.

    Parameters
    ----------
    texts : sequence of str
        What each clip says. Texts that differ only in capitals are one sentence.
    share : float
        Share of the sentences that go to test.
    seed : int
        Another seed, another choice.

    Returns
    -------
    ndarray of bool
        ``(clip,)``, True for test: all clips of ``max(1, round(share * sentences))`` sentences,
        which do not depend on the order of the clips.
    """
    keys = [text.lower() for text in texts]
    return _chosen(keys, sorted(set(keys)), share, seed)


def _chosen(keys: Sequence[str], sentences: Sequence[str], share: float, seed: int) -> Mask:
    order = np.random.default_rng(seed).permutation(len(sentences))
    test = {sentences[i] for i in order[: max(1, round(share * len(sentences)))]}
    return np.array([key in test for key in keys])


def _texts(rng: np.random.Generator, sentences: int) -> list[str]:
    """Return the texts of some clips: each sentence once to six times, some in capitals."""
    made = {
        " ".join(str(rng.choice(words)) for words in _WORDS) + "." for _ in range(4 * sentences)
    }
    chosen = sorted(made)
    rng.shuffle(chosen)
    texts = []
    for number, sentence in enumerate(chosen[:sentences]):
        copies = [sentence] * int(rng.integers(1, 7))
        if number % 3 == 0:
            copies.append(sentence.upper() if number % 2 else sentence.lower())
        texts += copies
    rng.shuffle(texts)
    return texts


def check_split(answer: Answer, rng: np.random.Generator) -> str:
    """Check a learner's split: the ``check`` of an `Exercise`.

    Parameters
    ----------
    answer : callable
        ``answer(texts, share, seed)``, as `split_by_text`.
    rng : numpy.random.Generator
        Draws the texts.

    Returns
    -------
    str
        What was checked.

    Raises
    ------
    CheckFailed
        With the property that fails: the shape, leaks, the share, one answer for one seed, another
        for another, none that depends on the order of the clips.
    """
    # 0.3 * 29 is cut off one sentence lower than it is rounded; 0.05 * 8 rounds to none.
    sizes = ((20, 0.2), (31, 0.3), (29, 0.3), (8, 0.25), (8, 0.05))
    inputs = [(_texts(rng, count), share) for count, share in sizes]
    for texts, share in inputs:
        for seed in range(6):
            mask = _mask(answer, texts, share, seed)
            _no_leak(mask, texts)
            _right_share(mask, texts, share, seed)
    for texts, share in inputs:
        first = _mask(answer, texts, share, 0)
        if any((_mask(answer, texts, share, 0) != first).any() for _ in range(2)):
            raise CheckFailed(
                "The same seed gives another split each time, so nobody can repeat your numbers.\n"
                "Draw from np.random.default_rng(seed) and from nothing else."
            )
    texts, share = inputs[0]
    if all(
        (_mask(answer, texts, share, s) == _mask(answer, texts, share, 0)).all() for s in (1, 2)
    ):
        raise CheckFailed(
            "Every seed gives the same split. Shuffle the sentences with the generator\n"
            "np.random.default_rng(seed) before you take the first ones."
        )
    # A set of texts hands them out in nearly the same order each time: many, and several tries.
    texts, share = _texts(rng, 90), 0.2
    for seed in range(16):
        order = rng.permutation(len(texts))
        shuffled = _mask(answer, [texts[i] for i in order], share, seed)
        if (shuffled != _mask(answer, texts, share, seed)[order]).any():
            raise CheckFailed(
                "With the clips in another order, other sentences are chosen. Sort the sentences\n"
                "before you shuffle them: sorted(set(...))."
            )
    return f"no sentence in both parts, one split a seed, on {len(inputs)} inputs."


def _mask(answer: Answer, texts: Sequence[str], share: float, seed: int) -> Mask:
    case = Case(f"{len(texts)} clips", (list(texts), share, seed))
    found = as_array(call(answer, case))
    if found.shape != (len(texts),):
        raise CheckFailed(
            f"Your answer has shape {found.shape}; one truth value for each of {len(texts)} clips\n"
            f"is wanted, so ({len(texts)},)."
        )
    if not np.isin(found, (0, 1)).all():
        raise CheckFailed("Your answer holds other values than True (test) and False (train).")
    return found.astype(bool)


def _no_leak(mask: Mask, texts: Sequence[str]) -> None:
    for key in (str, str.lower):
        test = {key(text) for text, chosen in zip(texts, mask, strict=True) if chosen}
        train = {key(text) for text, chosen in zip(texts, mask, strict=True) if not chosen}
        both = sorted(test & train)
        if both and key is str:
            raise CheckFailed(
                f'"{both[0]}" is in training and in test: {len(both)} sentences leak.\n'
                "Choose sentences, not clips, and take all clips of each."
            )
        if both:
            raise CheckFailed(
                f'"{both[0]}" is in training and, in other capitals, in test.\n'
                "They sound the same: compare text.lower()."
            )


def _right_share(mask: Mask, texts: Sequence[str], share: float, seed: int) -> None:
    sentences = {text.lower() for text in texts}
    wanted = max(1, round(share * len(sentences)))
    found = len({text.lower() for text, chosen in zip(texts, mask, strict=True) if chosen})
    if found == len(sentences) - wanted:
        raise CheckFailed("You marked the training clips. True stands for test, the smaller part.")
    if seed and 0 < found < wanted:
        raise CheckFailed(
            f"With the seed {seed} only {found} sentences are in test; {wanted} are wanted.\n"
            "Was one drawn twice? Take the first ones of a permutation."
        )
    if found != wanted:
        raise CheckFailed(
            f"{found} of {len(sentences)} sentences are in test; {wanted} are wanted.\n"
            "share counts sentences, not clips: max(1, round(share * sentences))."
        )


def _by_clip(texts: Sequence[str], share: float, seed: int) -> Mask:
    mask = np.zeros(len(texts), dtype=bool)
    order = np.random.default_rng(seed).permutation(len(texts))
    mask[order[: round(share * len(texts))]] = True
    return mask


def _last_clips(texts: Sequence[str], share: float, seed: int) -> Mask:
    return np.arange(len(texts)) >= len(texts) - round(share * len(texts))


def _capitals(texts: Sequence[str], share: float, seed: int) -> Mask:
    """Take texts as they are, and so that at least one leaks (not every seed would show it)."""
    sentences = sorted(set(texts))
    wanted = max(1, round(share * len({text.lower() for text in texts})))
    twice = [s for s in sentences if sum(s.lower() == t.lower() for t in sentences) > 1]
    test = set(twice[:1] + [s for s in sentences if s not in twice][: wanted - 1])
    return np.array([text in test for text in texts])


def _share_of_clips(texts: Sequence[str], share: float, seed: int) -> Mask:
    keys = [text.lower() for text in texts]
    rare = sorted(set(keys), key=lambda key: (keys.count(key), key))
    mask = np.zeros(len(texts), dtype=bool)
    for sentence in rare:
        if mask.sum() >= share * len(texts):
            break
        mask |= np.array([key == sentence for key in keys])
    return mask


def _unseeded() -> Callable[[Sequence[str], float, int], Mask]:
    generator = np.random.default_rng(99)

    def answer(texts: Sequence[str], share: float, seed: int) -> Mask:
        return split_by_text(texts, share, int(generator.integers(1_000_000)))

    return answer


def _in_order_of_clips(texts: Sequence[str], share: float, seed: int) -> Mask:
    keys = [text.lower() for text in texts]
    return _chosen(keys, list(dict.fromkeys(keys)), share, seed)


def _cut_off(texts: Sequence[str], share: float, seed: int) -> Mask:
    keys = [text.lower() for text in texts]
    sentences = sorted(set(keys))
    order = np.random.default_rng(seed).permutation(len(sentences))
    test = {sentences[i] for i in order[: int(share * len(sentences))]}
    return np.array([key in test for key in keys])


def _drawn_twice(texts: Sequence[str], share: float, seed: int) -> Mask:
    keys = [text.lower() for text in texts]
    sentences = sorted(set(keys))
    count = max(1, round(share * len(sentences)))
    test = set(np.random.default_rng(seed).choice(sentences, count))
    return np.array([key in test for key in keys])


def _first_sentences(texts: Sequence[str], share: float, seed: int) -> Mask:
    return split_by_text(texts, share, 0)


def _nobody(texts: Sequence[str], share: float, seed: int) -> Any:
    return np.zeros(len(texts), dtype=bool)


SPLIT_MISTAKES = (
    Mistake("clips drawn", _by_clip, "Choose sentences, not clips, and take all clips of each."),
    Mistake("last clips", _last_clips, "sentences leak."),
    Mistake("capitals", _capitals, "They sound the same: compare text.lower()."),
    Mistake(
        "train marked",
        lambda texts, share, seed: ~split_by_text(texts, share, seed),
        "You marked the training clips. True stands for test, the smaller part.",
    ),
    Mistake("share of the clips", _share_of_clips, "share counts sentences, not clips:"),
    Mistake("nothing in test", _nobody, "0 of 20 sentences are in test; 4 are wanted."),
    Mistake("cut off", _cut_off, "8 of 29 sentences are in test; 9 are wanted."),
    Mistake("drawn twice", _drawn_twice, "Was one drawn twice?"),
    Mistake("no seed", _unseeded(), "The same seed gives another split each time"),
    Mistake("one split for all seeds", _first_sentences, "Every seed gives the same split."),
    Mistake("order of the clips", _in_order_of_clips, "With the clips in another order"),
)
"""Typical wrong answers. Each message is a part of what the learner reads."""
