from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from talking_heads.corpus import load_corpus
from talking_heads.corpus.collection import Corpus
from talking_heads.errors import UserError
from talking_heads.speech import Phoneme
from talking_heads.training.probing import (
    FIGURES,
    GROUPS,
    SOUNDS,
    ProbeClip,
    engines,
    fit_probe,
    frame_sounds,
    heard,
    probe,
    probe_clips,
)

M, A, PAUSE = SOUNDS.index("m"), SOUNDS.index("ɑ"), SOUNDS.index("#")


def made(count: int = 12, frames: int = 50, speakers: int = 2) -> list[ProbeClip]:
    """Clips without sound, of three sounds; the aperture depends on the sound."""
    clips = []
    for part in ("train", "val", *GROUPS):
        for number in range(count):
            rng = np.random.default_rng([len(part), number])
            sounds = rng.choice([M, A, PAUSE], size=frames)
            gap = np.where(sounds == A, 10.0, 1.0) + rng.normal(0, 0.1, frames)
            name = f"{part}-{number}"
            clips.append(
                ProbeClip(
                    name,
                    f"{part}-{number % speakers}",
                    part,
                    np.zeros(640 * frames, np.float32),
                    sounds,
                    gap.astype(np.float32),
                )
            )
    return clips


def telling(noise: float, seed: int = 0) -> Callable[[ProbeClip], NDArray[np.float32]]:
    """Features that name the sound, under noise."""

    def hear(clip: ProbeClip) -> NDArray[np.float32]:
        rng = np.random.default_rng([seed, *clip.id.encode()])
        one_hot = np.eye(len(SOUNDS))[clip.sounds][:, [M, A, PAUSE]]
        return np.asarray(one_hot + noise * rng.normal(size=one_hot.shape), dtype=np.float32)

    return hear


def test_sounds_at_the_middle_of_frames_by_hand() -> None:
    phonemes = [
        Phoneme("m", 0.0, 0.1),
        Phoneme("ɚ", 0.1, 0.26),  # two sounds of 80 ms each: ə, then ɹ
        Phoneme("ʲ", 0.26, 0.3),
        Phoneme("", 0.3, 0.38),
    ]
    # Middles of frames at 20, 60, 100, ... ms; the one at 100 ms belongs to what begins there.
    names = ["m", "m", "ə", "ə", "ɹ", "ɹ", None, "#", "#", "#"]
    expected = [-1 if name is None else SOUNDS.index(name) for name in names]
    assert frame_sounds(phonemes, 10).tolist() == expected
    fast = frame_sounds(phonemes, 20, 50.0)
    assert fast[:6].tolist() == [M] * 5 + [SOUNDS.index("ə")]
    assert frame_sounds([], 3).tolist() == [PAUSE] * 3


def test_the_held_out_engine_is_only_tested_on(corpus: Corpus) -> None:
    # "slt" is a name of flite's: the clips of this speaker leave train and join their own group.
    names = {"ada": "ada", "ben": "slt", "maya": "awb"}
    clips = tuple(dataclasses.replace(c, speaker=names[c.speaker]) for c in corpus)
    foreign = dataclasses.replace(corpus, clips=clips, speakers=("ada", "slt", "awb"))
    assert engines(foreign) == {"ada": "espeak-ng", "slt": "flite", "awb": "flite"}
    found = probe_clips(foreign)
    by_part: dict[str, set[str]] = {}
    for clip in found:
        by_part.setdefault(clip.part, set()).add(clip.speaker)
    assert by_part["train"] == by_part["val"] == {"ada"}
    assert by_part["held-out engine"] == {"slt", "awb"}
    assert "unseen" not in by_part
    assert not {c.id for c in found if c.part == "train"} & {c.id for c in found if c.part == "val"}


def test_targets_are_those_of_the_clips(corpus: Corpus) -> None:
    clip = next(c for c in probe_clips(corpus) if c.part == "unseen")
    source = corpus.clip(clip.id)
    jaw_open = source.motion.values.max(1) > 0.3
    assert len(clip.sounds) == len(clip.aperture) == len(source)
    assert set(clip.sounds) <= {M, A}
    assert np.array_equal(clip.sounds == A, clip.aperture > clip.aperture.mean())
    assert 2 < clip.aperture.max() < 60
    assert jaw_open.any()


def test_engines_of_the_course() -> None:
    found = engines(load_corpus())
    assert [name for name, engine in found.items() if engine == "flite"] == [
        "slt", "rms", "awb", "kal16",
    ]  # fmt: skip
    assert len(found) == 16


def test_a_probe_reads_what_features_tell_and_no_more() -> None:
    clips = made()
    clear = probe("clear", clips, telling(0.0))
    deaf = probe("deaf", clips, lambda clip: telling(1.0)(clip)[::-1] * 0 + 1)
    for group in GROUPS:
        assert clear.value(group, "phonemes") == 1
        assert clear.value(group, "aperture_r") > 0.99
        # The noise of the aperture, 0.1 mm: its mean size is 0.1 * sqrt(2 / pi).
        assert clear.value(group, "aperture_mm") == pytest.approx(0.08, abs=0.01)
        # Without any news the commonest sound is named: a pause counts for nothing.
        assert deaf.value(group, "phonemes") in (0, pytest.approx(0.5, abs=0.1))
        assert deaf.value(group, "aperture_r") == 0
        assert deaf.value(group, "aperture_mm") > 3
    assert clear.width == 3
    assert clear.rows["seen"].shape == (12, 1, len(FIGURES), 2)


def test_figures_by_hand() -> None:
    clips = made(3, 10, 1)
    fitted = fit_probe(clips, telling(0.3))
    clip = next(c for c in clips if c.part == "unseen")
    features = telling(0.3)(clip)
    named = fitted.sounds(features).argmax(1)
    gap = fitted.aperture(features)[:, 0]
    right = sum(int(a == b) for a, b in zip(named, clip.sounds, strict=True) if b != PAUSE)
    speech = sum(int(b != PAUSE) for b in clip.sounds)
    row = fitted.row(clip, features)
    assert row[0].tolist() == [right, speech]
    assert row[1] == pytest.approx([np.corrcoef(gap, clip.aperture)[0, 1], 1], abs=1e-5)
    assert row[2] == pytest.approx([np.abs(gap - clip.aperture).sum(), 10], rel=1e-5)


def test_nothing_of_the_test_clips_is_learned() -> None:
    asked: list[str] = []

    def hear(clip: ProbeClip) -> NDArray[np.float32]:
        asked.append(clip.part)
        return telling(0.5)(clip)

    clips = made()
    first = fit_probe(clips, hear)
    assert set(asked) == {"train", "val"}
    others = [
        c if c.part in ("train", "val") else dataclasses.replace(c, sounds=c.sounds[::-1].copy())
        for c in clips
    ]
    assert np.array_equal(fit_probe(others, hear).sounds.weight, first.sounds.weight)


def test_seeds_count_as_one() -> None:
    clips = made(4)
    alone = [probe("n", clips, telling(0.5, seed)) for seed in (0, 1)]
    both = probe("n", clips, telling(0.5, 0), telling(0.5, 1))
    for figure in FIGURES:
        mean = np.mean([one.value("seen", figure) for one in alone])
        assert both.value("seen", figure) == pytest.approx(mean)
    assert both.rows["seen"].shape[:2] == (4, 2)
    assert len(both.strengths) == 2


def test_differences_are_paired() -> None:
    clips = made(20, 30, 4)
    good, bad = probe("good", clips, telling(0.5)), probe("bad", clips, telling(1.0))
    difference, sides = good.minus(bad, "seen", "phonemes")
    assert sides is not None
    low, high = sides
    assert difference == pytest.approx(
        good.value("seen", "phonemes") - bad.value("seen", "phonemes")
    )
    assert 0 < low < difference < high
    assert good.minus(good, "seen", "phonemes") == (0, (0, 0))
    interval = good.interval("seen", "phonemes")
    assert interval is not None and interval[1] - interval[0] > 0


def test_one_voice_has_no_interval() -> None:
    # Clips of one voice vary, but say nothing of other voices: no interval is better than that.
    clips = made(6, 30, 1)
    good, bad = probe("good", clips, telling(0.5)), probe("bad", clips, telling(1.0))
    assert good.interval("seen", "phonemes") is None
    difference, sides = good.minus(bad, "seen", "phonemes")
    assert difference > 0 and sides is None


def test_results_as_plain_values() -> None:
    found = probe("features", made(4), telling(0.5)).to_dict()
    figure = found["groups"]["unseen"]["phonemes"]
    assert set(figure["by_speaker"]) == {"unseen-0", "unseen-1"}
    assert figure["interval"][0] <= figure["value"] <= figure["interval"][1]
    assert found["width"] == 3 and len(found["strengths"]) == 1


@pytest.mark.parametrize(
    ("hear", "told"),
    [
        (lambda clip: np.zeros((49, 3)), "25 frames a second"),
        (lambda clip: np.zeros(50), "25 frames a second"),
        (lambda clip: np.full((50, 3), np.nan), "not finite"),
    ],
)
def test_features_that_do_not_fit(hear: Any, told: str) -> None:
    with pytest.raises(UserError, match=told):
        probe("wrong", made(2), hear)


def test_features_may_go_on_after_the_motion() -> None:
    clip = made(1)[0]
    assert heard(clip, lambda c: np.ones((60, 2), np.float32)).shape == (50, 2)


def test_clips_that_cannot_be_probed(corpus: Corpus) -> None:
    mute = tuple(dataclasses.replace(clip, phonemes=()) for clip in corpus)
    with pytest.raises(UserError, match="no phonemes"):
        probe_clips(dataclasses.replace(corpus, clips=mute))
    with pytest.raises(UserError, match="nothing for a probe"):
        probe_clips(dataclasses.replace(corpus, splits={"test_seen": corpus.splits["test_seen"]}))
    with pytest.raises(UserError, match="test_seen or test_unseen"):
        probe_clips(dataclasses.replace(corpus, splits={"train": corpus.splits["train"]}))


def test_fewer_clips(corpus: Corpus) -> None:
    found = probe_clips(corpus, clips=1)
    parts = [clip.part for clip in found]
    assert all(parts.count(part) == 1 for part in set(parts))
