"""A miniature of VOCASET as it is downloaded; see `talking_heads.corpus.real.convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from talking_heads.corpus.miniature.parts import (
    course_clip,
    identity_of,
    is_miniature,
    take_sound,
    write_readme,
)
from talking_heads.corpus.miniature.vocaset import (
    RATE,
    motion_of,
    takes,
    vocaset_cast,
    write_masks_and_mesh,
)
from talking_heads.corpus.real.python2_pickle import python2_pickle
from talking_heads.corpus.store import check_target, load_corpus, new_folder

RAW_TRAPS = {
    "FaceTalk_170728_03272_TA_sentence02": "frames 10 and 11 are missing",
    "FaceTalk_170904_00128_TA_sentence01": "no sound",
    "FaceTalk_170904_00128_TA_sentence03": "no frames",
}
"""What ``traps=True`` takes away or adds."""
_SECONDS = 0.5


def write_miniature_vocaset_raw(
    folder: str | Path, *, seed: int = 0, traps: bool = False, overwrite: bool = False
) -> Path:
    """Write a miniature of the download of VOCASET.

    Eight clips of half a second. The rows of ``data_verts.npy`` are in no order, and the numbers of
    frames come in no order either: only ``subj_seq_to_idx.pkl`` tells what belongs where.
    Converted, it holds the first half of the frames of `write_miniature_vocaset`.

    Parameters
    ----------
    folder : str or Path
        Where to.
    seed : int
        Draws the order of vertices, rows and frames.
    traps : bool
        Whether some frames and sounds are missing, see `RAW_TRAPS`.
    overwrite : bool
        Whether a miniature that is there may be replaced. Nothing else ever is.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    UserError
        If the folder exists and may not be replaced, or cannot be written.
    """
    out = Path(folder)
    check_target(out, overwrite=overwrite, ours=is_miniature)
    cast = vocaset_cast(seed)
    corpus = load_corpus()
    rng = np.random.default_rng(seed)
    sounds: dict[str, dict[str, Any]] = {}
    templates, motions = {}, {}
    for take in takes(_SECONDS):
        clip = course_clip(corpus, take)
        subject, _, sentence = take.name.rpartition("_")
        templates[subject] = cast.template(identity_of(clip)).astype(np.float64)
        motions[take.name] = motion_of(cast, clip, _SECONDS)
        heard = np.rint(take_sound(clip, _SECONDS, RATE) * 32767).clip(-32768, 32767)
        entry = {"sample_rate": RATE, "audio": heard.astype(np.int16)}
        sounds.setdefault(subject, {})[sentence] = entry
    places = rng.permutation(sum(map(len, motions.values())))
    rows = np.empty((len(places), *next(iter(motions.values())).shape[1:]), np.float32)
    index: dict[str, dict[str, dict[int, int]]] = {}
    used = 0
    for name, frames in motions.items():
        subject, _, sentence = name.rpartition("_")
        own = places[used : used + len(frames)]
        used += len(frames)
        rows[own] = frames
        order = rng.permutation(len(frames)).tolist()
        index.setdefault(subject, {})[sentence] = {i: int(own[i]) for i in order}
    if traps:
        one, other = "FaceTalk_170728_03272_TA", "FaceTalk_170904_00128_TA"
        for number in (10, 11):
            del index[one]["sentence02"][number]
        sounds[other]["sentence03"] = sounds[other].pop("sentence01")
    with new_folder(out, overwrite=overwrite, ours=is_miniature) as new:
        write_readme(new, "VOCASET", "It stands for the files of the download.\n")
        np.save(new / "data_verts.npy", rows)
        (new / "subj_seq_to_idx.pkl").write_bytes(python2_pickle(index))
        (new / "raw_audio_fixed.pkl").write_bytes(python2_pickle(sounds))
        (new / "templates.pkl").write_bytes(python2_pickle(templates))
        (new / "templates").mkdir()
        write_masks_and_mesh(new, cast)
    return out
