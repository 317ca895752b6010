"""The course corpus, larger ones of its kind, and corpora from one's own texts and speakers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from talking_heads.corpus.builder import build_corpus
from talking_heads.corpus.casting import Person, course_cast, read_people
from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.script import course_script, larger_script, own_script, read_texts
from talking_heads.errors import UserError


def build_course_corpus(
    out: str | Path,
    *,
    clips_per_speaker: int = 40,
    speakers: Sequence[str] | None = None,
    hours: float | None = None,
    seed: int = 0,
    workers: int = 2,
    progress: bool = True,
    overwrite: bool = False,
    audio_format: str = "ogg",
) -> Corpus:
    """Build the course corpus: 12 seen and 4 unseen speakers with 40 sentences each.

    Parameters
    ----------
    out : str or Path
        Folder of the corpus; it appears when all is done, or not at all.
    clips_per_speaker : int
        3 to 70.
    speakers : sequence of str, optional
        Some of `SPEAKERS`; all by default. A speaker's clips do not depend on the others.
    hours : float, optional
        About this length instead, 0.75 to 20: the same clips, and more for training, of the same
        speakers and of new ones. Validation and test clips stay the same.
    seed : int
        Deals the sentences, and draws all that is left to chance.
    workers : int
        Clips that are made at the same time.
    progress : bool
        Whether to show a progress bar on stderr.
    overwrite : bool
        Whether a corpus in `out` may be replaced.
    audio_format : {"ogg", "flac", "wav"}
        See `build_corpus`.

    Returns
    -------
    Corpus
        As `load_corpus` gives it.

    Raises
    ------
    UserError
        If `out` is taken or cannot be written, an argument is out of range, or a speech engine
        is missing.
    """
    if seed < 0:
        raise UserError(f"The seed must be 0 or above, not {seed}.")
    if hours is None:
        chosen = course_cast(None if speakers is None else list(speakers))
        names = {person.name for person in chosen}
        script = [line for line in course_script(clips_per_speaker, seed) if line.speaker in names]
    else:
        if speakers is not None or clips_per_speaker != 40:
            raise UserError(
                "A corpus by hours holds the whole course corpus.\n"
                "Leave out the speakers and the number of clips, or the hours."
            )
        script, chosen = larger_script(hours, seed)
    return build_corpus(
        out,
        script,
        chosen,
        name="course" if hours is None else f"course-{hours:g}h",
        seed=seed,
        workers=workers,
        progress=progress,
        overwrite=overwrite,
        audio_format=audio_format,
    )


def build_own_corpus(
    out: str | Path,
    *,
    texts: str | Path | None = None,
    speakers: str | Path | None = None,
    clips_per_speaker: int | None = None,
    seed: int = 0,
    workers: int = 2,
    progress: bool = True,
    overwrite: bool = False,
    audio_format: str = "ogg",
) -> Corpus:
    """Build a corpus from one's own texts, or speakers, or both.

    Parameters
    ----------
    out : str or Path
        Folder of the corpus.
    texts : str or Path, optional
        A text file, see `read_texts`; the sentences of the course by default. They are divided
        among the splits so that none crosses.
    speakers : str or Path, optional
        A JSON file, see `read_people`; the speakers of the course by default.
    clips_per_speaker : int, optional
        At most so many clips a speaker. By default 40 of the course's sentences, or all texts.
    seed, workers, progress, overwrite, audio_format
        As for `build_course_corpus`.

    Returns
    -------
    Corpus
        As `load_corpus` gives it.

    Raises
    ------
    UserError
        If a file says what cannot be, and as `build_course_corpus`.
    """
    if seed < 0:
        raise UserError(f"The seed must be 0 or above, not {seed}.")
    people: list[Person] = course_cast() if speakers is None else read_people(speakers)
    if texts is None:
        script = course_script(clips_per_speaker or 40, seed, people)
    else:
        script = own_script(read_texts(texts), people, clips_per_speaker, seed)
    return build_corpus(
        out,
        script,
        people,
        name="own",
        seed=seed,
        workers=workers,
        progress=progress,
        overwrite=overwrite,
        audio_format=audio_format,
    )
