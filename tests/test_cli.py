"""The command line: what it writes, and what it says about input that it cannot use."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from talking_heads.cli import main

RATE = 16_000


def _speechlike(seconds: float, rate: int = RATE) -> np.ndarray:
    """A buzz at 120 Hz whose loudness rises and falls four times a second."""
    time = np.arange(round(seconds * rate)) / rate
    buzz = np.sign(np.sin(2 * np.pi * 120 * time)) * 0.3
    return (buzz * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * time))).astype(np.float32)


def _run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    capsys.readouterr()
    try:
        code = main([str(word) for word in words])
    except SystemExit as stop:
        code = int(stop.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def _assert_refused(result: tuple[int, str, str], *words: str) -> None:
    code, _, err = result
    assert code == 2
    assert 1 <= len(err.strip().splitlines()) <= 4, err
    assert "Traceback" not in err
    for word in words:
        assert word.lower() in err.lower(), err


@pytest.fixture()
def speech(tmp_path: Path) -> Path:
    path = tmp_path / "speech.wav"
    soundfile.write(path, _speechlike(1.2), RATE)
    return path


def test_npz_holds_what_is_promised(
    speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "motion.npz"
    code, printed, err = _run(capsys, "animate", speech, "--out", out)
    assert (code, "Traceback" in err) == (0, False)
    assert "30 frames" in printed
    with np.load(out, allow_pickle=False) as data:
        frames, vertices = data["vertices"].shape[:2]
        assert data["vertices"].shape == (30, vertices, 3)
        assert data["vertices"].dtype == np.float32
        assert data["faces"].shape[1] == 3
        assert data["faces"].max() < vertices
        assert float(data["fps"]) == 25.0
        assert data["lip_aperture"].shape == (frames,)
        assert (data["lip_aperture"] >= 0).all()
        assert data["coefficients"].shape == (frames, 52)
        assert len(data["names"]) == 52
        assert "jawOpen" in data["names"]


def test_the_same_seed_gives_the_same_motion(
    speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    motions = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        out = tmp_path / f"{name}.npz"
        assert _run(capsys, "animate", speech, "--out", out, "--seed", seed)[0] == 0
        with np.load(out) as data:
            motions.append(data["coefficients"])
    np.testing.assert_array_equal(motions[0], motions[1])
    assert np.abs(motions[0] - motions[2]).max() > 1e-3


def test_say_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "talk.html"
    code, _, err = _run(capsys, "say", "Hello there", "--out", out)
    assert code == 0, err
    page = out.read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "Hello there" in page
    assert out.stat().st_size < 15e6


@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        pytest.param(_speechlike(0.1), RATE, id="100 ms"),
        pytest.param(np.zeros(RATE, np.float32), RATE, id="silence"),
        pytest.param(_speechlike(1.0, 8000), 8000, id="8 kHz"),
        pytest.param(np.stack([_speechlike(1.0, 48000)] * 2, 1), 48000, id="48 kHz stereo"),
    ],
)
def test_unusual_but_usable_audio_works(
    samples: np.ndarray, rate: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "in.wav", samples, rate)
    out = tmp_path / "out.npz"
    code, _, err = _run(capsys, "animate", tmp_path / "in.wav", "--out", out)
    assert code == 0, err
    with np.load(out) as data:
        expected = max(1, round(len(samples) / rate * 25))
        assert abs(len(data["coefficients"]) - expected) <= 1
        assert np.isfinite(data["vertices"]).all()


def test_unusable_audio_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.npz"
    (tmp_path / "text.wav").write_text("I am a text, not a sound.")
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "none.wav", np.zeros(0, np.float32), RATE)
    broken = np.full(RATE, np.nan, np.float32)
    soundfile.write(tmp_path / "nan.wav", broken, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "short.wav", _speechlike(0.02), RATE)
    for name in ("short.wav", "missing.wav", "text.wav", "empty.wav", "none.wav", "nan.wav", "."):
        _assert_refused(_run(capsys, "animate", tmp_path / name, "--out", out), tmp_path.name)
        assert not out.exists()


def test_a_header_that_lies_about_its_length(
    speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = speech.read_bytes()
    cut = tmp_path / "cut.wav"
    cut.write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out.npz"
    code, _, err = _run(capsys, "animate", cut, "--out", out)
    assert code == 0, err
    with np.load(out) as data:
        assert len(data["coefficients"]) == pytest.approx(15, abs=1)


def test_outputs_that_cannot_be_written(
    speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _assert_refused(_run(capsys, "animate", speech, "--out", tmp_path / "no" / "t.html"), "no")
    _assert_refused(_run(capsys, "animate", speech, "--out", tmp_path / "t.mp4"), ".mp4", ".html")
    _assert_refused(_run(capsys, "animate", speech, "--out", tmp_path / "plain"), ".html")
    (tmp_path / "folder.html").mkdir()
    _assert_refused(_run(capsys, "animate", speech, "--out", tmp_path / "folder.html"), "folder")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--speaker", "nobody", ("nobody", "ada")),
        ("--model", "nothing", ("nothing",)),
        ("--seed", "seven", ("seven", "number")),
        ("--seed", "-1", ("seed",)),
        ("--steps", "0", ("steps",)),
    ],
)
def test_unknown_values(
    option: str,
    value: str,
    words: tuple[str, ...],
    speech: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "t.npz"
    _assert_refused(_run(capsys, "animate", speech, "--out", out, option, value), *words)
    assert not out.exists()


def test_a_damaged_checkpoint_is_refused(
    speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from talking_heads.paths import checkpoint_dir

    for damaged in ("config.json", "contract.json", "model.safetensors"):
        copy = tmp_path / damaged.partition(".")[0]
        copy.mkdir()
        for file in checkpoint_dir("diff_speaker").iterdir():
            content = file.read_bytes()
            (copy / file.name).write_bytes(content[:100] if file.name == damaged else content)
        out = tmp_path / "t.npz"
        result = _run(capsys, "animate", speech, "--out", out, "--model", copy)
        _assert_refused(result, damaged)


def test_a_failed_run_leaves_the_old_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "talk.html"
    out.write_text("my old page")
    (tmp_path / "text.wav").write_text("no sound")
    _assert_refused(_run(capsys, "animate", tmp_path / "text.wav", "--out", out))
    assert out.read_text() == "my old page"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["talk.html", "text.wav"]


@pytest.mark.parametrize("text", ["", "   ", "?!", "<<<>>>"])
def test_nothing_to_say(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _assert_refused(_run(capsys, "say", text, "--out", tmp_path / "t.html"))


def test_an_unknown_voice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = _run(capsys, "say", "Hello", "--voice", "nobody", "--out", tmp_path / "t.html")
    _assert_refused(result, "nobody", "ada")


def test_usage_errors_are_short(capsys: pytest.CaptureFixture[str]) -> None:
    _assert_refused(_run(capsys), "--help")
    _assert_refused(_run(capsys, "sing"), "sing")
    _assert_refused(_run(capsys, "animate", "speech.wav"), "--out")


def test_check_prints_one_line_per_item(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "check")
    lines = out.strip().splitlines()
    assert code == 0, out
    assert len(lines) == 6
    for line, item in zip(
        lines, ("Python", "torch", "widgets", "audio", "data", "speech engine"), strict=True
    ):
        assert line.startswith("ok") and item in line


def test_help_starts_quickly_and_loads_no_torch() -> None:
    program = (
        "import sys\nfrom talking_heads.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'librosa', 'matplotlib', 'k3d', 'IPython'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "animate" in done.stdout


def test_names_that_are_no_text_work(
    speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A byte that is no UTF-8 reaches Python as a lone surrogate, which cannot be printed."""
    try:
        odd = speech.rename(tmp_path / "caf\udce9 a\nb.wav")
    except (OSError, UnicodeError):
        pytest.skip("this system has no such names")
    for out in (tmp_path / "plain.html", tmp_path / "caf\udce9.html"):
        code, printed, err = _run(capsys, "animate", odd, "--out", out, "--steps", "1")
        assert code == 0, err
        printed.encode("utf-8")
        assert "<title>caf a b</title>" in out.read_text(encoding="utf-8")


def test_a_long_text_makes_a_short_title(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "talk.html"
    words = "Well, " * 40 + "\n\x07hello"
    code, _, err = _run(capsys, "say", words, "--rate", 2, "--steps", 1, "--out", out)
    assert code == 0, err
    found = re.search("<title>(.*)</title>", out.read_text(encoding="utf-8"))
    assert found is not None
    assert found[1].startswith("Well, Well") and found[1].endswith("...") and len(found[1]) <= 120


def test_messages_are_short_whatever_the_names(
    speech: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "a\nb\nc\nd\ne"
    for out in (f"{lines}.txt", f"{lines}/t.html"):
        _assert_refused(_run(capsys, "animate", speech, "--out", out), "a?b")
    _assert_refused(_run(capsys, lines), "a")
    _assert_refused(_run(capsys, "exercises", "release", "--seed", "-3"), "seed")


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX systems")
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "ended"),
        (getattr(signal, "SIGHUP", signal.SIGTERM), 129, "ended"),
    ],
)
def test_a_stopped_run_leaves_nothing_half_written(
    number: int, code: int, word: str, tmp_path: Path
) -> None:
    here, scratch = tmp_path / "here", tmp_path / "scratch"
    here.mkdir()
    scratch.mkdir()
    words = ["-m", "talking_heads.cli", "corpus", "build", str(here / "corpus"), "--quiet"]
    words += ["--only", "ada,ben,cleo,dan"]  # voices that need no flite
    with subprocess.Popen(
        [sys.executable, *words],
        env={**os.environ, "TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
        text=True,
        # Under nohup or in the background the tests themselves may ignore it.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    ) as process:
        while not list(here.glob(".corpus-*/audio/ada/*")) and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert len(err.splitlines()) == 1 and word in err
    assert list(here.iterdir()) == []
    assert list(scratch.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX systems")
def test_a_reader_that_goes_away_is_no_error_to_speak_of() -> None:
    read, write = os.pipe()
    os.close(read)
    words = [sys.executable, "-m", "talking_heads.cli", "progress"]
    done = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.fixture()
def no_course_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("TALKING_HEADS_DATA", str(data))
    return data


def test_a_corpus_is_built_described_and_compared(
    no_course_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build = ["corpus", "build", "--only", "ada", "--clips", "4", "--quiet", "--audio", "wav"]
    code, out, err = _run(capsys, *build, tmp_path / "one")
    assert (code, err) == (0, "")
    assert out.startswith("course: 4 clips") and "Compared" not in out
    assert _run(capsys, "corpus", "info", tmp_path / "one")[1] == out
    _assert_refused(_run(capsys, "corpus", "info"), "build one")
    _assert_refused(_run(capsys, *build, tmp_path / "one"), "already")

    (tmp_path / "one").rename(no_course_data / "course")
    assert _run(capsys, "corpus", "info")[1] == out
    assert "all 4 clips" in _run(capsys, "corpus", "verify")[1]
    code, again, _ = _run(capsys, *build, "--workers", 1, tmp_path / "two")
    assert again.startswith(out.splitlines()[0])
    assert "agree bit for bit" in again.splitlines()[-1]
    code, other, _ = _run(capsys, *build, "--seed", 1, tmp_path / "three")
    assert (code, "0 agree in their samples" in other.splitlines()[-1]) == (0, True)
    verify = ["corpus", "verify", tmp_path / "two", "--against"]
    assert _run(capsys, *verify, "course")[0] == 0
    assert _run(capsys, *verify, tmp_path / "three")[0] == 1
    _assert_refused(_run(capsys, *verify, tmp_path / "four"), "four")


def test_a_corpus_of_ones_own(
    no_course_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, people = tmp_path / "texts.txt", tmp_path / "people.json"
    texts.write_text("\n".join(f"This is sentence {i}." for i in range(6)), "utf-8")
    people.write_text('[{"name": "zoe"}, {"name": "kim", "voice": "ben", "seen": false}]')
    words = ["corpus", "build", tmp_path / "own", "--quiet"]
    code, out, err = _run(capsys, *words, "--texts", texts, "--speakers", people)
    assert (code, err) == (0, "")
    assert out.startswith("own: 8 clips")
    for split, clips in (("train", 3), ("val", 1), ("test_seen", 2), ("test_unseen", 2)):
        assert f"{split:12s} {clips:4d} clips" in out
    again = ["--overwrite", "--texts", texts]
    _assert_refused(_run(capsys, *words, *again, "--hours", 2), "--hours")
    _assert_refused(_run(capsys, *words, *again, "--speakers", texts), "json")
    _assert_refused(_run(capsys, *words, "--overwrite", "--texts", tmp_path / "no"), "cannot read")
    assert "8 clips" in _run(capsys, "corpus", "info", tmp_path / "own")[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--hours", "0.1"], "0.75 to 20"),
        (["--hours", "many"], "0.75 to 20"),
        (["--hours", "2", "--clips", "5"], "leave out"),
        (["--audio", "mp3"], "mp3"),
        (["--only", "zoe"], "zoe"),
        (["--only", ""], "no speaker"),
        (["--clips", "2"], "3 to 70"),
    ],
)
def test_corpora_that_cannot_be(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _assert_refused(_run(capsys, "corpus", "build", tmp_path / "c", *words), told)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def vocaset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "vocaset"
    assert main(["corpus", "miniature", "vocaset", str(folder)]) == 0
    return folder


def test_the_raw_vocaset_is_converted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw, out = tmp_path / "raw", tmp_path / "vocaset"
    code, printed, _ = _run(capsys, "corpus", "miniature", "vocaset_raw", raw)
    assert code == 0 and "corpus convert" in printed
    _assert_refused(_run(capsys, "corpus", "miniature", "biwi", raw), "left alone")
    _assert_refused(
        _run(capsys, "evaluate", "mean_face", "--data", raw, "--split", "test"), "convert"
    )
    code, printed, err = _run(capsys, "corpus", "convert", raw, out, "--quiet")
    assert (code, err) == (0, "")
    assert "8 clips" in printed and "5,023 vertices" in printed
    assert (
        _run(capsys, "corpus", "info", out, "--thorough")[1]
        .splitlines()[-1]
        .endswith("(all files were read)")
    )
    _assert_refused(_run(capsys, "corpus", "convert", raw, out, "--quiet"), "already")
    assert _run(capsys, "corpus", "convert", raw, out, "--quiet", "--overwrite")[0] == 0
    _assert_refused(_run(capsys, "corpus", "convert", out, tmp_path / "b"), "data_verts.npy")
    assert not (tmp_path / "b").exists()


def test_a_baseline_is_measured_on_a_set_of_vertices(
    vocaset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "mean_face", "--data", vocaset, "--quiet"]
    out = tmp_path / "results.json"
    code, printed, err = _run(capsys, *words, "--split", "test", "--out", out)
    assert (code, err) == (0, "")
    assert printed.startswith("mean_face on vocaset, split test: 2 clips, 1 speaker")
    assert max(map(len, printed.splitlines())) <= 100
    found = json.loads(out.read_text("utf-8"))
    figure = found["results"][0]["metrics"]["lve"]
    assert figure["unit"] == "m" and 1e-4 < figure["value"] < 0.03
    low, high = figure["interval"]
    assert low <= figure["value"] <= high
    assert f"{1000 * figure['value']:.3g} mm" in printed

    code, printed, _ = _run(capsys, *words, "--split", "val,test", "--metrics", "lve")
    assert code == 0 and "split val" in printed and "split test" in printed


def test_a_model_of_the_course_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results.json"
    code, printed, err = _run(
        capsys, "evaluate", "diff_speaker", "truth", "--data", "course", "--split", "test_unseen",
        "--clips", 1, "--seeds", 2, "--metrics", "lve,closure_rate,time", "--out", out, "--rows",
        "--quiet",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "diff_speaker" in printed and "truth" in printed and "closure_rate" in printed
    first = json.loads(out.read_text("utf-8"))["results"][0]
    assert len(first["model"]["weights_sha256"]) == 64
    assert first["corpus"]["fingerprint"] and first["seeds"] == [0, 1]
    assert [row["seed"] for row in first["rows"]] == [0, 1]
    assert first["style"] == {"asked": "own", "used": {"average": 1}}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("mean_face", "--split", "dev"), ("dev", "train", "val", "test")),
        (("mean_face", "--split", ""), ("split",)),
        (("mean_face", "--split", "test", "--metrics", "bleu"), ("bleu", "lve")),
        (("mean_face", "--split", "test", "--metrics", ","), ("names nothing",)),
        (("mean_face", "--split", "test", "--seeds", "0"), ("seeds", "1 to 100")),
        (("mean_face", "--split", "test", "--seeds", "101"), ("seeds", "1 to 100")),
        (("mean_face", "--split", "test", "--clips", "0"), ("clips",)),
        (("mean_face", "--split", "test", "--style", "zoe"), ("zoe", "own")),
        (("mean_face", "--split", "test", "--out", "no/such/x.json"), ("does not exist",)),
        (("nobody", "--split", "test"), ("nobody", "mean_face")),
        (("diff_speaker", "--split", "test"), ("coefficients", "vertices")),
        (("oracle", "--split", "test"), ("oracle", "vertices")),
        (("truth", "--split", "test"), ("several truths",)),
        ((), ("model",)),
    ],
)
def test_what_cannot_be_measured(
    words: tuple[str, ...],
    told: tuple[str, ...],
    vocaset: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _assert_refused(_run(capsys, "evaluate", "--data", vocaset, "--quiet", *words), *told)
