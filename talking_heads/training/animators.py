"""Whatever can be asked to make a face speak, by name: a model or a baseline."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from talking_heads.errors import UserError
from talking_heads.face.motion import Motion
from talking_heads.files import shown
from talking_heads.models import load_model, shipped_models
from talking_heads.models.baselines import (
    MeanFace,
    NearestNeighbour,
    PhonemeOracle,
    RidgeRegression,
)
from talking_heads.models.baselines.oracle import average_style
from talking_heads.models.loading import shipped_priors
from talking_heads.training.evaluation import Animator

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Clip
    from talking_heads.corpus.collection import Corpus

BASELINES = ("mean_face", "nearest", "ridge", "oracle", "oracle_style")
"""Names that `load_animator` knows besides models."""


def load_animator(name_or_path: str | Path, corpus: Corpus) -> Animator:
    """Return a model, or a baseline that has learnt from a corpus.

    Parameters
    ----------
    name_or_path : str or Path
        One of `BASELINES`, the name of a shipped model, or a checkpoint's folder. A folder that
        bears a baseline's name is given as ``./ridge``.
    corpus : Corpus
        Baselines learn from its split ``train``; ridge regression chooses its penalty on ``val``
        where there is one. Models do not look at it.

    Returns
    -------
    Animator
        Ask it through `animate_clip`, which tells an oracle what is said in the clip.

    Raises
    ------
    UserError
        If there is no such model or baseline, its checkpoint is damaged, or the baseline cannot
        learn from this corpus.
    """
    name = os.fspath(name_or_path)
    if name not in BASELINES:
        shipped = (*shipped_models(), *shipped_priors())
        if name not in shipped and not os.path.isdir(name):  # noqa: PTH112
            raise UserError(
                f'There is no model "{shown(name)}". Shipped: {", ".join(shipped_models())}.\n'
                f"Or give the folder of a checkpoint, or a baseline: {', '.join(BASELINES)}."
            )
        return load_model(name_or_path)
    if name.startswith("oracle"):
        if corpus.kind != "coefficients":
            raise UserError(f"An oracle makes coefficients; the corpus {corpus.name} has vertices.")
        if name == "oracle_style":
            return PhonemeOracle(None, corpus.fps)
        heard = dict.fromkeys(clip.speaker for clip in corpus.split("train"))
        return PhonemeOracle(average_style(heard), corpus.fps)
    train = corpus.split("train")
    if name == "mean_face":
        return MeanFace.fit(train)
    if name == "nearest":
        return NearestNeighbour.fit(train)
    return RidgeRegression.fit(train, corpus.split("val") if "val" in corpus.splits else ())


def animate_clip(
    animator: Animator, clip: Clip, *, speaker: str | None = None, seed: int = 0
) -> Motion:
    """Let an animator speak a clip of a corpus.

    An oracle is told the phonemes and the speaker's head, and a nearest neighbour may not answer
    with the clip itself.

    Parameters
    ----------
    animator : Animator
        From `load_animator`.
    clip : Clip
        Whose sound.
    speaker : str, optional
        Whose style. An oracle in the speaker's own style takes that of the clip's speaker.
    seed : int
        For models with chance in them.

    Returns
    -------
    Motion

    Raises
    ------
    UserError
        If an oracle is asked about a clip without phonemes, or the animator cannot hear the clip.
    """
    audio = clip.audio
    if isinstance(animator, PhonemeOracle):
        from talking_heads.face import get_face

        if not clip.phonemes:
            raise UserError(f"An oracle needs the phonemes; clip {clip.id} has none.")
        identity = clip.face_id.partition("@")[0]
        return animator.animate(
            audio,
            speaker=clip.speaker,
            seed=seed,
            phonemes=clip.phonemes,
            face=get_face(f"{identity}@low"),
        )
    if isinstance(animator, NearestNeighbour):
        return animator.animate(audio, speaker=speaker, seed=seed, exclude=clip.id)
    return animator.animate(audio, speaker=speaker, seed=seed)
