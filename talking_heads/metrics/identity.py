"""Identity matching: whether a model knows whose voice it hears.

DiffusionTalker keeps one embedding for each training speaker and picks, for a sound, the one whose
feature is most similar to the sound's. It prints precision, recall and F1 (99.996, 99.986 and
99.991 %) without a formula, measured "on the whole BEAT dataset", so the clips it was trained on
are among them. Each clip gets exactly one identity, and then the micro averages of all three are
one number, the share of right clips: each wrong clip is one false positive and one false negative.
Its three numbers differ, so they are no micro averages. Macro averages, means over identities, are
the usual other choice. Both are given here.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from talking_heads.errors import UserError


@dataclass(frozen=True)
class IdentityReport:
    """How well clips were matched with their speakers.

    Parameters
    ----------
    precision, recall, f1 : float
        Macro averages: means over identities. Precision of an identity: the share of clips given to
        it that are its own, 0 if none was given to it. Recall: the share of its own clips that were
        given to it, 0 if it has none. F1: their harmonic mean ``2PR/(P+R)``, 0 if both are 0.
        `f1` is the mean of the F1 of identities, not the harmonic mean of the two other fields.
    top1 : float
        Share of clips given to the right identity. It is also the micro precision, recall and F1.
    chance : float
        Share of the commonest identity: what always naming it would reach in `top1`.
    clips, identities : int
        How many.
    by_identity : dict
        ``{identity: (precision, recall, f1)}`` for all identities that have a clip or were given
        one.
    correct : tuple of bool
        For each clip whether it was right; for intervals, see `bootstrap_interval`.
    """

    precision: float
    recall: float
    f1: float
    top1: float
    chance: float
    clips: int
    identities: int
    by_identity: dict[Hashable, tuple[float, float, float]]
    correct: tuple[bool, ...]

    def to_dict(self) -> dict[str, float | int]:
        """Return the figures as plain numbers, without those of single identities."""
        names = ("precision", "recall", "f1", "top1", "chance", "clips", "identities")
        return {name: getattr(self, name) for name in names}


def identity_report(true: Sequence[Hashable], predicted: Sequence[Hashable]) -> IdentityReport:
    """Compare predicted identities with true ones.

    Parameters
    ----------
    true, predicted : sequence
        One identity for each clip: names or numbers.

    Returns
    -------
    IdentityReport

    Raises
    ------
    UserError
        If there are no clips, or the lengths differ.
    """
    if not len(true) or len(true) != len(predicted):
        raise UserError(f"{len(predicted)} predicted identities do not match {len(true)} clips.")
    pairs = list(zip(true, predicted, strict=True))
    right = [a == b for a, b in pairs]
    by_identity: dict[Hashable, tuple[float, float, float]] = {}
    for who in dict.fromkeys((*true, *predicted)):
        hits = sum(a == b == who for a, b in pairs)
        given, own = sum(b == who for _, b in pairs), sum(a == who for a, _ in pairs)
        precision, recall = hits / given if given else 0.0, hits / own if own else 0.0
        by_identity[who] = (precision, recall, 2 * hits / (given + own))
    means = np.mean(list(by_identity.values()), axis=0)
    return IdentityReport(
        precision=float(means[0]),
        recall=float(means[1]),
        f1=float(means[2]),
        top1=sum(right) / len(right),
        chance=max(sum(a == who for a in true) for who in set(true)) / len(true),
        clips=len(true),
        identities=len(by_identity),
        by_identity=by_identity,
        correct=tuple(right),
    )


def match_identities(
    similarity: ArrayLike, true: Sequence[Hashable], identities: Sequence[Hashable]
) -> IdentityReport:
    """Give each clip the identity most similar to it, and compare with the true one.

    Parameters
    ----------
    similarity : array_like
        ``(clip, identity)``, higher: more alike.
    true : sequence
        The true identity of each clip, one of `identities`.
    identities : sequence
        What each column stands for.

    Returns
    -------
    IdentityReport
        Of equal similarities, the first column counts.

    Raises
    ------
    UserError
        If the shapes do not match, a similarity is not a number, or a clip's identity has no
        column: no choice could be right then.
    """
    table = np.asarray(similarity, dtype=np.float64)
    if table.shape != (len(true), len(identities)) or not table.size:
        raise UserError(
            f"Similarities of shape {table.shape} do not match {len(true)} clips and "
            f"{len(identities)} identities."
        )
    if np.isnan(table).any():
        raise UserError("A similarity is not a number.")
    known = set(identities)
    if len(known) != len(identities):
        raise UserError("An identity has two columns.")
    strange = [who for who in true if who not in known]
    if strange:
        raise UserError(f"No column stands for the identity {strange[0]!r}.")
    return identity_report(true, [identities[column] for column in table.argmax(1)])
