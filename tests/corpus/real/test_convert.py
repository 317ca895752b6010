from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talking_heads.corpus.miniature import write_miniature_vocaset_raw
from talking_heads.corpus.real import convert
from talking_heads.corpus.real.convert import convert_vocaset, is_raw_vocaset
from talking_heads.corpus.real.python2_pickle import python2_pickle
from talking_heads.corpus.real.vocaset import load_vocaset, scan_vocaset
from talking_heads.errors import UserError

ONE, OTHER = "FaceTalk_170728_03272_TA", "FaceTalk_170904_00128_TA"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_miniature_vocaset_raw(tmp_path_factory.mktemp("raw") / "raw", traps=True)


@pytest.fixture
def copy(raw: Path, tmp_path: Path) -> Path:
    out = tmp_path / "raw"
    out.mkdir()
    for name in convert.RAW_FILES:
        (out / name).symlink_to(raw / name)
    return out


def unpickled(path: Path) -> Any:
    with path.open("rb") as file:
        return pickle.load(file, encoding="latin1")


def replaced(path: Path, value: Any) -> None:
    path.unlink()
    path.write_bytes(value if isinstance(value, bytes) else python2_pickle(value))


def test_every_frame_lands_where_the_index_says(raw: Path, tmp_path: Path) -> None:
    """By brute force: one frame at a time, with Python's own loader."""
    done = convert_vocaset(raw, tmp_path / "out")
    rows = np.load(raw / "data_verts.npy")
    index = unpickled(raw / "subj_seq_to_idx.pkl")
    sounds = unpickled(raw / "raw_audio_fixed.pkl")
    names = set()
    for subject, sentences in index.items():
        for sentence, frames in sentences.items():
            if sentence not in sounds[subject]:
                continue
            name = f"{subject}_{sentence}"
            names.add(name)
            assert list(frames) != sorted(frames)
            wanted = np.stack([rows[frames[number]].reshape(-1) for number in sorted(frames)])
            made = np.load(tmp_path / "out" / "vertices_npy" / f"{name}.npy")
            assert made.dtype == rows.dtype and np.array_equal(made, wanted)
            with wave.open(str(tmp_path / "out" / "wav" / f"{name}.wav")) as file:
                assert file.getframerate() == sounds[subject][sentence]["sample_rate"]
                heard = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            assert np.array_equal(heard, sounds[subject][sentence]["audio"])
    assert set(done.clips) == names and len(names) == 7


def test_what_is_missing_is_named(raw: Path, tmp_path: Path) -> None:
    done = convert_vocaset(raw, tmp_path / "out", progress=True)
    assert dict(done.missing_frames) == {f"{ONE}_sentence02": (10, 11)}
    assert done.without_audio == (f"{OTHER}_sentence01",)
    assert done.without_motion == (f"{OTHER}_sentence03",)
    assert len(done.missing) == 400 - 8 - 1 and f"{ONE}_sentence03" in done.missing
    text = str(done)
    assert "7 clips" in text and f"1 with missing frames: {ONE}_sentence02 (2)" in text
    assert f"391 of the published splits, not in the download: {ONE}_sentence03, " in text


def test_what_was_converted_opens(raw: Path, tmp_path: Path) -> None:
    done = convert_vocaset(raw, tmp_path / "out")
    scan = scan_vocaset(tmp_path / "out", thorough=True)
    assert not scan.problems and len(scan.clips) == 7
    assert len(scan.corpus.clip(f"{ONE}_sentence01")) == 15
    assert len(scan.corpus.clip(f"{ONE}_sentence02")) == 14
    surface = scan.corpus.surface
    assert surface is not None and len(surface.triangles) and "lips" in surface.regions
    assert done.root == tmp_path / "out"


def test_it_agrees_with_the_other_miniature(mini_vocaset: Path, tmp_path: Path, raw: Path) -> None:
    convert_vocaset(raw, tmp_path / "out")
    ours, theirs = load_vocaset(tmp_path / "out"), load_vocaset(mini_vocaset)
    clip = f"{ONE}_sentence01"
    wanted = theirs.clip(clip).piece(0, 15).values
    assert np.abs(ours.clip(clip).motion.values - wanted).max() < 1e-7


def test_overwriting(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    convert_vocaset(raw, out)
    before = (out / "templates.pkl").stat().st_ino
    with pytest.raises(UserError, match="--overwrite"):
        convert_vocaset(raw, out)
    assert (out / "templates.pkl").stat().st_ino == before
    convert_vocaset(raw, out, overwrite=True)
    assert (out / "templates.pkl").stat().st_ino != before
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("mine")
    with pytest.raises(UserError, match="left alone"):
        convert_vocaset(raw, other, overwrite=True)
    assert (other / "thesis.tex").read_text() == "mine"


def test_a_stop_leaves_nothing(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def stop(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(convert, "_write_sound", stop)
    with pytest.raises(KeyboardInterrupt):
        convert_vocaset(raw, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_may_not_be_read(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, *args: object) -> bool:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched, pytest.raises(UserError, match="denied"):
        patched.setattr(Path, "is_file", refused)
        convert_vocaset(raw, tmp_path / "out")


def test_is_raw(raw: Path, mini_vocaset: Path) -> None:
    assert is_raw_vocaset(raw) and not is_raw_vocaset(mini_vocaset)


@pytest.mark.parametrize("name", convert.RAW_FILES)
def test_a_file_that_lacks(copy: Path, name: str, tmp_path: Path) -> None:
    (copy / name).unlink()
    with pytest.raises(UserError, match=f"lacks {name}"):
        convert_vocaset(copy, tmp_path / "out")


def test_missing_sounds_and_strange_ones(copy: Path, tmp_path: Path) -> None:
    sounds = unpickled(copy / "raw_audio_fixed.pkl")
    entry = sounds[ONE]["sentence01"]
    for bad in (
        None,
        {},
        {**entry, "sample_rate": 0},
        {**entry, "sample_rate": None},
        {**entry, "sample_rate": True},
        {**entry, "audio": np.zeros(0, np.int16)},
        {**entry, "audio": np.zeros((5, 50), np.int16)},
        {**entry, "audio": [1, 2, 3]},
        {**entry, "audio": entry["audio"] / 2},
    ):
        sounds[ONE]["sentence01"] = bad
        replaced(copy / "raw_audio_fixed.pkl", sounds)
        done = convert_vocaset(copy, tmp_path / "out", overwrite=True)
        assert f"{ONE}_sentence01" in done.without_audio
        assert f"{ONE}_sentence02" in done.clips
    # Wide integers and a column are the same sound.
    sounds[ONE]["sentence01"] = {**entry, "audio": entry["audio"].astype(np.int64)[:, None]}
    replaced(copy / "raw_audio_fixed.pkl", sounds)
    done = convert_vocaset(copy, tmp_path / "out", overwrite=True)
    assert f"{ONE}_sentence01" in done.clips
    sounds[ONE]["sentence01"] = {**entry, "audio": np.array([40_000])}
    replaced(copy / "raw_audio_fixed.pkl", sounds)
    with pytest.raises(UserError, match="do not fit 16 bits"):
        convert_vocaset(copy, tmp_path / "out", overwrite=True)
    replaced(copy / "raw_audio_fixed.pkl", {})
    with pytest.raises(UserError, match="no sentence has both"):
        convert_vocaset(copy, tmp_path / "out", overwrite=True)
    assert len(load_vocaset(tmp_path / "out")) == 7  # as it was before


@pytest.mark.parametrize(
    ("index", "what"),
    [
        ([1], "not nested"),
        ({"a": 5}, "not nested"),
        ({"a": {"sentence01": 5}}, "not nested"),
        ({"a": {"sentence01": {0: 10**9}}}, "is row 1,000,000,000"),
        ({"a": {"sentence01": {0: -1}}}, "is row -1"),
        ({"a": {"sentence01": {-1: 0}}}, "no number"),
        ({"a": {"sentence01": {2**40: 0}}}, "no number"),
        ({"a": {"sentence01": {"x": 0}}}, "no number"),
        ({"a": {"sentence01": {0: 0.5}}}, "no row"),
        ({"a": {"sentence01": {0: True}}}, "no row"),
        ({"../../a": {"sentence01": {0: 0}}}, "names a sentence"),
        ({"a": {"x/y": {0: 0}}}, "names a sentence"),
        ({"a": {"\0": {0: 0}}}, "names a sentence"),
        ({5: {"sentence01": {0: 0}}}, "names a sentence"),
        ({"a" * 300: {"sentence01": {0: 0}}}, "names a sentence"),
        ({"a": {"sentence01": {}}}, "no sentence has both"),
        (b"abc", "damaged"),
    ],
)
def test_damaged_indexes(copy: Path, tmp_path: Path, index: Any, what: str) -> None:
    replaced(copy / "subj_seq_to_idx.pkl", index)
    with pytest.raises(UserError, match=what):
        convert_vocaset(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_indexes_of_numpy_numbers(copy: Path, tmp_path: Path) -> None:
    index = unpickled(copy / "subj_seq_to_idx.pkl")
    turned = {
        subject: {
            sentence: {np.int64(k): np.int32(v) for k, v in frames.items()}
            for sentence, frames in sentences.items()
        }
        for subject, sentences in index.items()
    }
    replaced(copy / "subj_seq_to_idx.pkl", pickle.dumps(turned, 2))
    assert len(convert_vocaset(copy, tmp_path / "out").clips) == 7


def test_damaged_vertices(copy: Path, tmp_path: Path) -> None:
    path = copy / "data_verts.npy"
    for values, what in (
        (np.zeros((5, 5022, 3), np.float32), "its shape is"),
        (np.zeros((5, 5023, 3), np.int32), "it holds int32"),
    ):
        path.unlink()
        np.save(path, values)
        with pytest.raises(UserError, match=what):
            convert_vocaset(copy, tmp_path / "out")


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("name", ["subj_seq_to_idx.pkl", "raw_audio_fixed.pkl", "templates.pkl"])
def test_hostile_pickles_run_nothing(copy: Path, tmp_path: Path, name: str) -> None:
    replaced(copy / name, pickle.dumps({ONE: Touch(tmp_path / "ran")}))
    with pytest.raises(UserError, match=r"asks for posix\.system"):
        convert_vocaset(copy, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"]


def test_columns_first_and_long_runs(
    copy: Path, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert_vocaset(raw, tmp_path / "plain")
    rows = np.load(raw / "data_verts.npy").reshape(-1, 15_069)
    (copy / "data_verts.npy").unlink()
    np.save(copy / "data_verts.npy", np.asfortranarray(rows))
    convert_vocaset(copy, tmp_path / "columns")
    for path in (tmp_path / "plain" / "vertices_npy").iterdir():
        other = tmp_path / "columns" / "vertices_npy" / path.name
        assert path.read_bytes() == other.read_bytes()


def test_runs() -> None:
    assert convert._runs([3, 4, 5, 9, 8, 9]) == [(3, 6), (9, 10), (8, 10)]
    assert convert._runs([]) == []
    long = convert._runs(range(1000))
    assert [stop - start for start, stop in long] == [200] * 5


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_memory_is_bounded(tmp_path: Path, mini_vocaset: Path) -> None:
    """2 GB of holes, of which one sentence of 40 frames is taken."""
    import subprocess
    import sys

    raw = tmp_path / "raw"
    raw.mkdir()
    rows = 2_000_000_000 // (15_069 * 4)
    with (raw / "data_verts.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (rows, 5023, 3)}
        )
        file.truncate(file.tell() + rows * 15_069 * 4)
    frames = {number: number * (rows // 50) for number in range(40)}
    replaced_files = {
        "subj_seq_to_idx.pkl": {ONE: {"sentence01": frames}},
        "raw_audio_fixed.pkl": {
            ONE: {"sentence01": {"sample_rate": 22_050, "audio": np.zeros(9000, np.int16)}}
        },
    }
    for name, value in replaced_files.items():
        (raw / name).write_bytes(python2_pickle(value))
    shutil.copy(mini_vocaset / "templates.pkl", raw)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from talking_heads.corpus.real.convert import convert_vocaset\n"
        "print(len(convert_vocaset(sys.argv[1], sys.argv[2]).clips))\n"
        "lines = Path('/proc/self/status').read_text().splitlines()\n"
        "print(next(int(x.split()[1]) for x in lines if x.startswith('VmHWM')) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(raw), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
    )
    clips, megabytes = map(int, done.stdout.split())
    assert clips == 1 and megabytes < 300


def test_of_several_channels_the_first(copy: Path, tmp_path: Path) -> None:
    sounds = unpickled(copy / "raw_audio_fixed.pkl")
    mono = sounds[ONE]["sentence01"]["audio"]
    sounds[ONE]["sentence01"]["audio"] = np.stack([mono, 0 * mono], 1)
    replaced(copy / "raw_audio_fixed.pkl", sounds)
    convert_vocaset(copy, tmp_path / "out")
    with wave.open(str(tmp_path / "out" / "wav" / f"{ONE}_sentence01.wav")) as file:
        assert file.getnchannels() == 1
        assert np.array_equal(np.frombuffer(file.readframes(file.getnframes()), "<i2"), mono)


def test_the_download_is_never_replaced(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    convert_vocaset(raw, out)
    inside = out / "raw"
    shutil.copytree(raw, inside)
    for source, target in ((inside, out), (inside, out / "wav" / "..")):
        with pytest.raises(UserError, match="which would be replaced"):
            convert_vocaset(source, target, overwrite=True)
    assert (inside / "data_verts.npy").is_file()


_KILLED = """
import os, signal, sys
from talking_heads.corpus.real import convert
write = convert._write_sound
def once(*args):
    write(*args)
    os.kill(os.getpid(), signal.SIGKILL)
convert._write_sound = once
convert.convert_vocaset(sys.argv[1], sys.argv[2])
"""


def test_a_kill_leaves_nothing_under_the_name(raw: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _KILLED, str(raw), str(tmp_path / "out")]
    assert subprocess.run(command, check=False).returncode == -9
    assert not (tmp_path / "out").exists()
    assert [path.name[:5] for path in tmp_path.iterdir()] == [".out-"]
    assert len(convert_vocaset(raw, tmp_path / "out").clips) == 7
