from __future__ import annotations

import filecmp
import json
import pickle
import shutil
import subprocess
import sys
import wave
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talking_heads.corpus import Corpus
from talking_heads.corpus.lazy import SoundFile
from talking_heads.corpus.miniature import BEAT_TRAPS, write_miniature_beat
from talking_heads.corpus.real import beat_json
from talking_heads.corpus.real.beat import load_beat
from talking_heads.corpus.real.beat_names import (
    Recording,
    authors_split,
    emotion_of,
    parse_name,
    split_recordings,
)
from talking_heads.corpus.real.beat_scan import scan_beat
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, BEAT_NAMES
from tests.corpus.beat_files import write_recording, write_wav


@pytest.fixture(scope="module")
def plain_path(mini_beat: Path) -> Path:
    return mini_beat


@pytest.fixture(scope="module")
def trap_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_miniature_beat(tmp_path_factory.mktemp("beat") / "traps", traps=True)


@pytest.fixture(scope="module")
def traps(trap_path: Path) -> Corpus:
    return load_beat(trap_path)


# Names and emotions


def test_the_emotions_as_documented() -> None:
    told = [
        *[(n, "neutral") for n in (0, 1, 64)],
        *[(n, "happiness") for n in (65, 72)],
        *[(n, "anger") for n in (73, 80)],
        *[(n, "sadness") for n in (81, 86)],
        *[(n, "contempt") for n in (87, 94)],
        *[(n, "surprise") for n in (95, 102)],
        *[(n, "fear") for n in (103, 110)],
        *[(n, "disgust") for n in (111, 118)],
        (119, "unknown"),
    ]
    assert [(n, emotion_of(n)) for n, _ in told] == told
    lost = [n for n in range(119) if emotion_of(n) != emotion_of(n, published=True)]
    # 64 is neutral either way.
    assert lost == [72, 80, 86, 94, 102, 110, 118]
    assert {emotion_of(n, published=True) for n in lost} == {"neutral"}
    # The numbers of conversations have no such meaning.
    assert Recording(1, "wayne", 1, 70, 70).emotion == "neutral"
    assert Recording(1, "wayne", 2, 70, 70).emotion == "happiness"


def test_names() -> None:
    found = parse_name("1_wayne_0_65_66")
    assert found == Recording(1, "wayne", 0, 65, 66)
    assert (found.id, found.speaker, found.emotion) == ("1_wayne_0_65_66", "1_wayne", "happiness")
    assert parse_name("1_wayne_0_65_66/003") == found
    for strange in (
        *("", "wayne_0_1_1", "1_wayne_0_1", "1_wayne_0_1_1_1", "1__0_1_1", "1_wayne_10_1_1"),
        *("1_wayne_0_1_1 ", "._1_wayne_0_1_1", "٣_wayne_0_1_1", "1_wäyne_0_1_1", "1_wayne_0_1_1\n"),
        *("99999_wayne_0_1_1", "1_../x_0_1_1", f"1_{'x' * 500}_0_1_1"),
    ):
        assert parse_name(strange) is None, strange


# Splits

_recordings = st.lists(
    st.builds(
        Recording,
        st.integers(1, 4),
        st.just("x"),
        st.just(0),
        st.integers(0, 125),
        st.integers(0, 125),
    ),
    max_size=60,
    unique=True,
)


@given(_recordings, st.randoms(use_true_random=False))
def test_splits_hold_each_recording_once(recordings: list[Recording], random: object) -> None:
    splits = split_recordings(recordings)
    assert list(splits) == ["train", "val", "test"]
    assert sorted(i for ids in splits.values() for i in ids) == sorted(r.id for r in recordings)
    for number in range(1, 5):
        mine = {r.id for r in recordings if r.number == number}
        assert len(mine & set(splits["val"])) == int(len(mine) / 10 + 0.7 + 1e-9)
        assert len(mine & set(splits["test"])) == int(len(mine) / 10 + 0.5 + 1e-9)
        # Neither the order of the files nor who else is there matters.
        alone = [r for r in recordings if r.number == number]
        random.shuffle(alone)  # type: ignore[attr-defined]
        assert split_recordings(alone) == {
            split: [i for i in ids if i in mine] for split, ids in splits.items()
        }


def test_splits_are_even_over_emotions() -> None:
    recordings = [Recording(s, "x", 0, n, n) for s in (1, 2) for n in range(1, 119)]
    splits = split_recordings(recordings)
    for speaker in (1, 2):
        counts = {
            split: Counter(r.emotion for r in map(parse_name, ids) if r and r.number == speaker)
            for split, ids in splits.items()
        }
        assert [sum(counts[split].values()) for split in splits] == [94, 12, 12]
        assert counts["val"]["neutral"] in (6, 7) and counts["test"]["neutral"] in (6, 7)
        for emotion in ("happiness", "anger", "sadness", "contempt", "surprise", "fear", "disgust"):
            assert counts["val"][emotion] <= 1 and counts["test"][emotion] <= 1
    assert splits != split_recordings(recordings, seed=43)
    # The draw is not the order of the numbers.
    first = [int(name.split("_")[3]) for name in splits["test"] if name.startswith("1_")]
    assert first != list(range(first[0], first[0] + len(first)))


FOUR_HOURS, ONE_HOUR = (1, 2, 3, 4, 6, 7, 8, 9, 11, 21), (5, 10, *range(12, 21), *range(22, 31))
AUTHORS = {
    # As listed by BEAT's authors: type and sequence.
    ("train", FOUR_HOURS): (
        [(0, n) for n in range(9, 57)]
        + [(0, n) for n in (66, 67, 68, 69, 70, 71, 74, 75, 76, 77, 78, 79, 82, 83, 84, 85)]
        + [(0, n) for n in (88, 89, 90, 91, 92, 93, 96, 97, 98, 99, 100, 101)]
        + [(0, n) for n in (104, 105, 106, 107, 108, 109, 112, 113, 114, 115, 116, 117)]
        + [(1, n) for n in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11)]
    ),
    ("val", FOUR_HOURS): (
        [(0, n) for n in (57, 58, 59, 60, 61, 62, 63, 64, 72, 80, 86, 94, 102, 110, 118)]
        + [(1, 12)]
    ),
    ("test", FOUR_HOURS): (
        [(0, n) for n in (1, 2, 3, 4, 5, 6, 7, 8, 65, 73, 81, 87, 95, 103, 111)] + [(1, 1)]
    ),
    ("train", ONE_HOUR): (
        [(0, n) for n in (9, 10, 11, 12, 13, 14, 15, 16, 66, 74, 82, 88, 96, 104, 112, 118)]
        + [(1, 2), (1, 3)]
    ),
    ("val", ONE_HOUR): [(0, n) for n in (5, 6, 7, 8)],
    ("test", ONE_HOUR): [(0, n) for n in (1, 2, 3, 4)],
    ("halves", ONE_HOUR): [(0, n) for n in (65, 73, 81, 87, 95, 103, 111)] + [(1, 1)],
}


def test_the_split_of_the_authors() -> None:
    wanted = {
        (speaker, *place): split
        for (split, speakers), places in AUTHORS.items()
        for speaker in speakers
        for place in places
    }
    wanted |= {(29, 1, 0): "train", (29, 1, 4): "train"}
    for speaker in range(32):
        for kind in range(8):
            for number in range(125):
                what = Recording(speaker, "x", kind, number, number)
                found = {authors_split(what, *part) for part in ((0, 0.3), (0.4, 0.6), (0.5, 1))}
                split = wanted.get((speaker, kind, number))
                assert found == ({"test", None, "val"} if split == "halves" else {split}), what
                assert (
                    authors_split(Recording(speaker, "x", kind, number, number + 1), 0, 1) is None
                )


def test_the_split_of_the_authors_by_name(tmp_path: Path) -> None:
    for name in ("5_stewart_0_65_65", "5_stewart_0_9_9", "5_stewart_0_40_40", "2_scott_0_1_1"):
        write_recording(tmp_path, name, 360)
    corpus = load_beat(tmp_path, window_seconds=1, split_rule="authors")
    assert corpus.splits == {
        "train": tuple(f"5_stewart_0_9_9/00{n}" for n in range(6)),
        "val": tuple(f"5_stewart_0_65_65/00{n}" for n in (3, 4, 5)),
        "test": tuple(f"2_scott_0_1_1/00{n}" for n in range(6))
        + tuple(f"5_stewart_0_65_65/00{n}" for n in (0, 1, 2)),
    }
    assert len(corpus) == 24
    with pytest.raises(UserError, match="one of ours, authors"):
        load_beat(tmp_path, split_rule="published")


def test_windows_of_a_recording_share_a_split(tmp_path: Path) -> None:
    for number in range(1, 12):
        write_recording(tmp_path, f"3_solomon_0_{number}_{number}", 200, seed=number)
    corpus = load_beat(tmp_path, window_seconds=0.5)
    homes: dict[str, set[str]] = {}
    for split, ids in corpus.splits.items():
        for clip_id in ids:
            homes.setdefault(clip_id.partition("/")[0], set()).add(split)
    assert len(homes) == 11 and all(len(found) == 1 for found in homes.values())
    assert sum(map(len, corpus.splits.values())) == len(corpus) == 11 * 6


# What is read


@given(st.integers(1, 500), st.integers(1, 130), st.integers(-4000, 4000))
def test_how_many_windows(count: int, frames: int, more: int) -> None:
    """Against counting by hand: a window needs all of its frames and all of its samples."""
    samples = max(1, round(count * 16_000 / 60) + more)
    frames30 = len(range(0, count, 2))
    by_hand = 0
    while (by_hand + 1) * frames <= frames30 and (by_hand + 1) * frames * 16_000 <= samples * 30:
        by_hand += 1
    from talking_heads.corpus.real.beat import Paired, corpus_of

    used = min(frames30, samples * 30 // 16_000)
    one = Paired(Recording(1, "x", 0, 1, 1), Path("j"), Path("w"), used, 51, (1.0, 1.0))
    assert len(corpus_of(Path(), [one], frames)) == by_hand


def test_clips_are_windows_of_the_files(tmp_path: Path) -> None:
    weights, pcm = write_recording(tmp_path, "2_scott_0_9_9", 605)
    corpus = load_beat(tmp_path, window_seconds=2.5)
    assert [clip.id for clip in corpus] == [f"2_scott_0_9_9/{n:03d}" for n in range(4)]
    columns = [ARKIT_INDEX[name] for name in BEAT_NAMES]
    for number, clip in enumerate(corpus):
        assert (len(clip), clip.fps, clip.kind, clip.speaker) == (
            75,
            30.0,
            "coefficients",
            "2_scott",
        )
        motion = clip.motion
        assert motion.face_id == "neutral@medium"
        wanted = weights[::2][75 * number : 75 * (number + 1)].astype(np.float32)
        np.testing.assert_array_equal(motion.values[:, columns], wanted)
        assert not motion.values[:, ARKIT_INDEX["tongueOut"]].any()
        sound = pcm[40_000 * number : 40_000 * (number + 1)] / np.float32(32_768)
        np.testing.assert_array_equal(clip.audio, sound)
        np.testing.assert_array_equal(clip.piece(10, 20).values[:, columns], wanted[10:20])
        np.testing.assert_array_equal(clip.sound(10, 20), sound[5_333:10_667])


@pytest.mark.parametrize(
    ("frames", "seconds", "windows", "told"),
    [
        (1200, 20.0, 2, False),
        (1199, 20.0, 2, False),  # every second of 1,199 frames is 600
        (1198, 20.0, 1, False),
        (1200, 19.99, 1, False),
        (1200, 30.0, 2, True),
        (1200, 12.0, 1, True),
        (1200, 9.9, 0, True),
        (1000, 19.9, 1, True),
        (1200, 20.45, 2, False),
        (1200, 20.55, 2, True),
    ],
)
def test_the_common_part_of_sound_and_motion_is_used(
    tmp_path: Path, frames: int, seconds: float, windows: int, told: bool
) -> None:
    write_recording(tmp_path, "2_scott_0_9_9", frames, samples=round(seconds * 16_000))
    scan = scan_beat(tmp_path)
    assert len(scan.clips) == windows
    assert [p.path for p in scan.problems] == ["2/2_scott_0_9_9.wav"] * told
    for clip in scan.clips:
        assert clip.motion.values.shape == (300, 52) and clip.audio.shape == (160_000,)


@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_sound_of_other_rates_lasts_as_long(tmp_path: Path, rate: int) -> None:
    write_recording(tmp_path, "2_scott_0_9_9", 1200)
    write_wav(tmp_path / "2" / "2_scott_0_9_9.wav", 20 * rate, rate=rate)
    scan = scan_beat(tmp_path)
    assert not scan.problems
    assert [clip.audio.shape for clip in scan.clips] == [(160_000,)] * 2


def test_a_sound_that_was_cut_while_copying(tmp_path: Path) -> None:
    """Its header still promises 20 s: what is there counts."""
    write_recording(tmp_path, "2_scott_0_9_9", 1200)
    path = tmp_path / "2" / "2_scott_0_9_9.wav"
    path.write_bytes(path.read_bytes()[: 44 + 12 * 32_000])
    scan = scan_beat(tmp_path)
    assert "it lasts 12.0 s, its motion 20.0 s" in scan.problems[0].what
    (clip,) = load_beat(tmp_path)
    assert clip.audio.shape == (160_000,)


def test_the_corpus(plain_path: Path) -> None:
    corpus = load_beat(plain_path)
    assert (corpus.name, corpus.layout, corpus.fps, corpus.unit) == ("beat", "beat", 30.0, None)
    assert corpus.speakers == ("1_wayne", "2_scott", "4_lawrence")
    assert set(corpus.face_ids.values()) == {"neutral@medium"}
    assert (corpus.kind, corpus.view) == ("coefficients", "coefficients")
    assert {split: len(ids) for split, ids in corpus.splits.items()} == {
        "train": 12,
        "val": 3,
        "test": 3,
    }
    assert all(len(clip) == 300 for clip in corpus)
    clip = corpus.split("test")[0]
    assert clip.motion.values.shape == (300, 52) and clip.audio.shape == (160_000,)
    assert clip.motion.values.min() >= 0 and 0.05 < clip.motion.values.max() <= 1
    assert clip.blendshapes("beat").shape == (300, 51)


def test_sound_and_motion_of_the_miniature_belong_together(plain_path: Path) -> None:
    """Where the mouth is open the sound is louder, at this offset more than at any other."""
    corpus = load_beat(plain_path)
    jaw, loud = [], []
    for clip in corpus:
        jaw.append(clip.motion.values[:, ARKIT_INDEX["jawOpen"]])
        loud.append(np.log(1e-4 + np.abs(clip.audio[: 300 * 533].reshape(300, 533)).mean(1)))
    shifts = range(-15, 16, 3)
    fits = [
        np.mean([np.corrcoef(np.roll(j, s), v)[0, 1] for j, v in zip(jaw, loud, strict=True)])
        for s in shifts
    ]
    assert abs(shifts[int(np.argmax(fits))]) <= 3 and max(fits) > 0.3


def test_speakers_can_be_chosen(plain_path: Path) -> None:
    everyone = load_beat(plain_path)
    for chosen in ("2 4", ["scott", 4], ("2_scott", "4_lawrence")):
        some = load_beat(plain_path, speakers=chosen)
        assert some.speakers == ("2_scott", "4_lawrence")
        for split, ids in some.splits.items():
            assert ids == tuple(i for i in everyone.splits[split] if i[0] in "24")
    with pytest.raises(UserError, match=r"no speaker '6'.*\n.*1_wayne, 2_scott, 4_lawrence"):
        load_beat(plain_path, speakers="2 4 6 8")
    with pytest.raises(UserError, match="No speaker"):
        load_beat(plain_path, speakers="")
    # One speaker's folder is a data set as well.
    assert load_beat(plain_path / "1").speakers == ("1_wayne",)


def test_types_can_be_chosen(trap_path: Path) -> None:
    talk = load_beat(trap_path, types=[1])
    assert [clip.id for clip in talk] == ["4_lawrence_1_1_1/000"]
    with pytest.raises(UserError, match="holds no recording of 10 s"):
        load_beat(trap_path, types=[7])


@pytest.mark.parametrize("seconds", [0, -1, 601, float("nan"), float("inf"), 0.01])
def test_windows_have_a_length(plain_path: Path, seconds: float) -> None:
    with pytest.raises(UserError, match="A window lasts"):
        load_beat(plain_path, window_seconds=seconds)


def test_clips_go_to_worker_processes(plain_path: Path) -> None:
    clip = load_beat(plain_path)[1]
    again = pickle.loads(pickle.dumps(clip))
    np.testing.assert_array_equal(again.motion.values, clip.motion.values)


# Traps


def test_what_the_scan_tells(trap_path: Path) -> None:
    scan = scan_beat(trap_path)
    assert [(p.path, p.what.partition(";")[0]) for p in scan.problems] == [
        ("1/1_wayne_0_3_3.wav", "there is no motion of this name"),
        ("2/2_scott_0_3_3.json", "there is no sound of this name"),
        ("4/4_lawrence_0_1_1.wav", "it lasts 23.3 s, its motion 21.8 s"),
        ("4/4_lawrence_0_2_2.wav", "it lasts 13.5 s, its motion 15.0 s"),
    ]
    notes = " ".join(scan.notes)
    assert "15 with 51, 1 with 52" in notes and "The split is ours" in notes
    assert "1 of type 1 (English conversation)" in notes
    assert scan.disk_fps == 60 and scan.corpus.fps == 30

    deep = scan_beat(trap_path, thorough=True)
    more = set(deep.problems) - set(scan.problems)
    assert [p.path for p in more] == ["2/2_scott_0_65_65.json"]
    assert "it lacks 0.50 s of frames at 5.0 s" in next(iter(more)).what
    outside = next(note for note in deep.notes if "below 0 or above 1" in note)
    # Ten frames each of 60 a second, of which every second one is read.
    assert outside.startswith("10 of ") and "least is -0.02, the greatest 1.04" in outside
    assert [c.id for c in deep.clips] == [c.id for c in scan.clips]


def test_all_clips_of_the_traps_are_read(traps: Corpus) -> None:
    for clip in traps:
        assert clip.motion.values.shape == (300, 52)
        assert clip.audio.shape == (160_000,)
        assert not clip.id.startswith(("1_wayne_0_3_3", "2_scott_0_3_3", "4_lawrence_0_4_4"))


def test_other_channels_and_rates_give_the_same(traps: Corpus, plain_path: Path) -> None:
    plain = load_beat(plain_path)
    many, few = traps.clip("2_scott_0_1_1/000"), plain.clip("2_scott_0_1_1/000")
    tongue = ARKIT_INDEX["tongueOut"]
    assert many.motion.values[:, tongue].max() > 0.15
    np.testing.assert_array_equal(
        np.delete(many.motion.values, tongue, 1), np.delete(few.motion.values, tongue, 1)
    )
    fast, usual = traps.clip("4_lawrence_0_65_65/000"), plain.clip("4_lawrence_0_65_65/000")
    assert np.corrcoef(fast.audio, usual.audio)[0, 1] > 0.99
    wide = traps.clip("2_scott_0_2_2/000").motion.values
    np.testing.assert_allclose(wide[50:55, ARKIT_INDEX["jawOpen"]], 1.04, atol=1e-6)
    np.testing.assert_allclose(wide[100:105, ARKIT_INDEX["mouthPucker"]], -0.02, atol=1e-6)


def test_motion_stays_in_step_across_missing_frames(traps: Corpus, plain_path: Path) -> None:
    gap = traps.clip("2_scott_0_65_65/000").motion.values
    whole = load_beat(plain_path).clip("2_scott_0_65_65/000").motion.values
    np.testing.assert_array_equal(gap[:150], whole[:150])
    np.testing.assert_array_equal(gap[165:], whole[165:])
    # Frames 300 to 329 of the file are missing: 299 and 330 stand for them.
    np.testing.assert_array_equal(gap[150:157] - gap[150], 0)
    np.testing.assert_array_equal(gap[158:165] - whole[165], 0)


def test_files_that_are_damaged_are_left_out_and_listed(plain_path: Path, tmp_path: Path) -> None:
    root = tmp_path / "beat"
    shutil.copytree(plain_path / "1", root / "1")
    (root / "1" / "1_wayne_0_1_1.json").write_text("{", "utf-8")
    (root / "1" / "1_wayne_0_2_2.wav").write_bytes(b"RIFF")
    (root / "1" / "notes.json").write_text("{}", "utf-8")
    (root / "2").mkdir()
    shutil.copy(root / "1" / "1_wayne_0_65_65.wav", root / "2")
    scan = scan_beat(root)
    assert [p.path for p in scan.problems] == [
        "1/1_wayne_0_1_1.json",
        "1/1_wayne_0_2_2.wav",
        "1/notes.json",
        "2/1_wayne_0_65_65.wav",
    ]
    names = {clip.id.partition("/")[0] for clip in load_beat(root)}
    assert names == {"1_wayne_0_65_65", "1_wayne_0_73_73", "1_wayne_0_81_81"}
    for path in (root / "1").glob("*.json"):
        path.unlink()
    with pytest.raises(
        UserError, match=r"no recording of 10 s.*\n1/1_wayne_0_1_1.wav: there is no"
    ):
        load_beat(root)


def test_damage_behind_the_headers_names_the_file(tmp_path: Path) -> None:
    write_recording(tmp_path, "2_scott_0_9_9", 605)
    write_recording(tmp_path, "2_scott_0_8_8", 605)
    path = tmp_path / "2" / "2_scott_0_9_9.json"
    content = json.loads(path.read_text("utf-8"))
    content["frames"][300]["weights"][3] = "0.5"
    path.write_text(json.dumps(content), "utf-8")
    corpus = load_beat(tmp_path)
    assert len(corpus) == 2
    with pytest.raises(UserError, match=r"2_scott_0_9_9\.json: it has a weight that is no number"):
        corpus.clip("2_scott_0_9_9/000").motion  # noqa: B018
    assert corpus.clip("2_scott_0_8_8/000").motion
    deep = scan_beat(tmp_path, thorough=True)
    assert [p.path for p in deep.problems] == ["2/2_scott_0_9_9.json"]
    assert len(deep.corpus) == 1


def test_known_gaps_of_the_download(tmp_path: Path) -> None:
    write_recording(tmp_path, "9_miranda_0_1_1", 605)
    notes = scan_beat(tmp_path).notes
    assert "Speaker 9 lacks sequences 2 to 8: the download does too." in notes
    for number in range(2, 9):
        write_recording(tmp_path, f"9_miranda_0_{number}_{number}", 10)
    assert not any("lacks" in note for note in scan_beat(tmp_path).notes)


def test_no_such_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "none", tmp_path / "file"):
        with pytest.raises(UserError, match="not a folder"):
            load_beat(path)
        with pytest.raises(UserError, match="not a folder"):
            scan_beat(path)
    scan = scan_beat(tmp_path)
    assert not scan.clips and "nothing can be loaded" in scan.notes[0]


# The miniature


def test_the_miniature_has_the_true_layout(plain_path: Path) -> None:
    files = sorted(path.relative_to(plain_path).as_posix() for path in plain_path.rglob("*.*"))
    assert len(files) == 31 and "README.txt" in files
    assert "NOT the real BEAT" in (plain_path / "README.txt").read_text("utf-8")
    for path in plain_path.rglob("*.json"):
        content = json.loads(path.read_text("utf-8"))
        assert content["names"] == list(BEAT_NAMES)
        frames = content["frames"]
        assert {len(frame["weights"]) for frame in frames} == {51}
        np.testing.assert_allclose(
            [f["time"] for f in frames], np.arange(len(frames)) / 60, atol=1e-4
        )
        with wave.open(str(path.with_suffix(".wav"))) as sound:
            assert sound.getparams()[:3] == (1, 2, 16_000)
            assert abs(sound.getnframes() / 16_000 - len(frames) / 60) < 0.01
        assert 12 <= len(frames) / 60 <= 30


def test_the_miniature_is_the_same_each_time(plain_path: Path, tmp_path: Path) -> None:
    name = "1/1_wayne_0_1_1.json"
    out = write_miniature_beat(tmp_path / "mini", seed=1)
    assert (out / name).read_bytes() != (plain_path / name).read_bytes()
    # Only a miniature is ever replaced.
    assert write_miniature_beat(out, overwrite=True) == tmp_path / "mini"
    for path in plain_path.rglob("*.*"):
        assert filecmp.cmp(path, out / path.relative_to(plain_path), shallow=False)
    with pytest.raises(UserError, match="left alone"):
        write_miniature_beat(tmp_path, overwrite=True)


def test_traps_are_listed(trap_path: Path) -> None:
    text = (trap_path / "README.txt").read_text("utf-8")
    for name, what in BEAT_TRAPS.items():
        assert f"{name}: {what}" in text
        assert (trap_path / name).is_file()


# Large sets

needs_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="reads the memory's peak from /proc, and needs sparse files"
)

_PROBE = """
import re, sys, time
from pathlib import Path
from talking_heads.corpus import load_corpus
import talking_heads.corpus.real.beat

def peak():  # MB; ru_maxrss would be that of the process that started this one
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

before, start = peak(), time.monotonic()
corpus = load_corpus(sys.argv[1])
print(len(corpus), time.monotonic() - start, before, peak())
"""


def _sparse_set(root: Path, gigabytes: float) -> tuple[int, float]:
    """Write recordings of ten minutes: 70 MB of JSON and 19 MB of sound, nearly all of it holes."""
    names = json.dumps(list(BEAT_NAMES))
    head = f'{{"names": {names}, "frames": [{{"weights": [0.1], "time": 0.0}},'.encode()
    tail = b' {"weights": [0.1], "time": 599.9833333333333}]}'
    count = total = 0
    while total < gigabytes * 1e9:
        number, sequence = count // 118 + 1, count % 118 + 1
        folder = root / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number}_wayne_0_{sequence}_{sequence}.json"
        with path.open("wb") as file:
            file.write(head)
            file.seek(70_000_000)
            file.write(tail)
        with path.with_suffix(".wav").open("wb") as file:
            size = 9_600_000 * 2
            file.write(b"RIFF" + (size + 36).to_bytes(4, "little") + b"WAVEfmt ")
            file.write(bytes([16, 0, 0, 0, 1, 0, 1, 0]) + (16_000).to_bytes(4, "little"))
            file.write((32_000).to_bytes(4, "little") + bytes([2, 0, 16, 0]) + b"data")
            file.write(size.to_bytes(4, "little"))
            file.truncate(44 + size)
        total += path.stat().st_size + path.with_suffix(".wav").stat().st_size
        count += 1
    return count, total / 1e9


def _open(root: Path, gigabytes: float) -> None:
    count, written = _sparse_set(root, gigabytes)
    told = subprocess.run(
        [sys.executable, "-c", _PROBE, str(root)], capture_output=True, text=True, check=True
    ).stdout.split()
    clips, seconds, before, after = int(told[0]), *map(float, told[1:])
    print(
        f"\n{written:.1f} GB in {count} recordings: {clips} clips open in {seconds:.2f} s, "
        f"{after:.0f} MB in all, {after - before:.0f} MB for the corpus"
    )
    assert clips == 60 * count
    assert after < 500
    corpus = load_beat(root)
    with pytest.raises(UserError, match=r"_1_1\.json: it is no JSON"):
        corpus[0].motion  # noqa: B018
    assert not corpus[0].audio.any()


@needs_linux
def test_a_large_set_opens_by_its_headers(tmp_path: Path) -> None:
    _open(tmp_path, 2.0)


@pytest.mark.slow
@needs_linux
def test_60_gigabytes_open_by_their_headers(tmp_path: Path) -> None:
    _open(tmp_path, 60.0)


def test_opening_reads_no_file_whole(plain_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a file was read whole")

    monkeypatch.setattr(beat_json, "read_json", refuse)
    monkeypatch.setattr(SoundFile, "read", refuse)
    corpus = load_beat(plain_path)
    assert corpus.seconds == 180
    assert not scan_beat(plain_path).problems
    with pytest.raises(AssertionError):
        monkeypatch.setattr(beat_json, "_cache", beat_json._Cache(0))
        corpus[0].motion  # noqa: B018
