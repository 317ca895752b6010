import itertools
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talking_heads.errors import UserError
from talking_heads.speech import (
    SAMPLE_RATE,
    VOICES,
    Speech,
    Utterance,
    engine_status,
    missing_engines,
    phoneme_classes,
    random_voice,
    synthesis,
    synthesize,
    synthesize_many,
    worker,
)
from talking_heads.speech import engine as engine_module
from talking_heads.speech import flite as flite_module
from talking_heads.speech.synthesis import GAIN_DB, LEAD_SECONDS, NOISE_DB, SPEECH_DB, TRAIL_SECONDS
from talking_heads.speech.timing import has_closure, level_db

TEXT = "Maybe Bobby kept a steady beat."


def same(a: Speech, b: Speech) -> bool:
    return a.audio.tobytes() == b.audio.tobytes() and a.phonemes == b.phonemes


def check_timeline(speech: Speech) -> None:
    phonemes = speech.phonemes
    assert phonemes[0].start == 0 and phonemes[-1].end == pytest.approx(speech.duration)
    assert phonemes[0].is_pause and phonemes[-1].is_pause
    for first, second in itertools.pairwise(phonemes):
        assert first.end == second.start
        assert not (first.is_pause and second.is_pause)
    assert all(phoneme.duration > 0 for phoneme in phonemes)


def test_phonemes_follow_one_another_and_cover_the_audio(spoken: dict[str, list[Speech]]) -> None:
    for batch in spoken.values():
        for speech in batch:
            check_timeline(speech)
            assert speech.audio.dtype == np.float32
            assert len(speech.audio) % 640 == 0
            lead, trail = speech.phonemes[0], speech.phonemes[-1]
            # A first plosive closes within the lead.
            assert LEAD_SECONDS - 0.065 <= lead.duration <= LEAD_SECONDS + 0.02
            assert TRAIL_SECONDS <= trail.duration < TRAIL_SECONDS + 0.1


def test_phonemes_of_a_known_sentence(engine: None) -> None:
    phonemes = synthesize("Bob met Pam.", "ben").phonemes
    assert " ".join(p.symbol for p in phonemes) == " b ɑː b m ɛ t p æ m "
    stressed = {p.symbol for p in phonemes if p.stress == 2}
    assert stressed <= {"ɑː", "ɛ", "æ"} and len(stressed) >= 2


@pytest.mark.parametrize("symbol", ["p", "b"])
def test_the_sound_dips_where_the_lips_are_said_to_close(
    spoken: dict[str, list[Speech]], symbol: str
) -> None:
    dips = []
    for batch in spoken.values():
        for speech in batch:
            level = level_db(speech.audio, SAMPLE_RATE)
            for before, plosive, after in zip(
                speech.phonemes, speech.phonemes[1:], speech.phonemes[2:], strict=False
            ):
                if plosive.symbol != symbol or before.is_pause or "m" in before.symbol:
                    continue
                start, end = round(plosive.start * 1000), round(plosive.end * 1000)
                around = level[start - 120 : start].max()
                if not after.is_pause:
                    around = min(around, level[end : end + 120].max())
                dips.append(around - level[start:end].min())
    assert len(dips) > 80
    assert np.median(dips) > 18
    assert np.mean(np.array(dips) > 10) > 0.98


def test_closures_come_before_their_burst(spoken: dict[str, list[Speech]]) -> None:
    # Between vowels, the first 25 ms of a p are silent; its burst comes later.
    levels = []
    for batch in spoken.values():
        for speech in batch:
            level = level_db(speech.audio, SAMPLE_RATE)
            for before, plosive in itertools.pairwise(speech.phonemes):
                if plosive.symbol == "p" and "vowel" in phoneme_classes(before.symbol):
                    start = round(plosive.start * 1000)
                    levels.append(level[start + 5 : start + 30].mean())
    assert len(levels) > 80
    # The noise floor is all that is left.
    assert np.mean(np.array(levels) < NOISE_DB + 3) > 0.9


def test_bilabials_last_as_long_as_in_speech(spoken: dict[str, list[Speech]]) -> None:
    for symbol, low, high in (("p", 60, 120), ("b", 50, 100), ("m", 50, 110)):
        lengths = [
            1000 * p.duration
            for batch in spoken.values()
            for speech in batch
            for p in speech.phonemes
            if p.symbol == symbol
        ]
        assert low < np.median(lengths) < high


def test_bit_identical_twice_in_any_order_and_number_of_workers(
    spoken: dict[str, list[Speech]],
) -> None:
    items = [Utterance(s.text, s.voice) for batch in spoken.values() for s in batch[:2]]
    known = {(s.text, s.voice): s for batch in spoken.values() for s in batch}
    for workers, order in ((1, items[::-1]), (3, items[::2] + items[1::2])):
        for item, speech in zip(order, synthesize_many(order, workers=workers), strict=True):
            assert (speech.text, speech.voice) == item[:2]
            assert same(speech, known[item[:2]])
    one = items[5]
    assert same(synthesize(one.text, one.voice), known[one[:2]])


def test_seed_changes_noise_and_level_but_not_the_words(engine: None) -> None:
    first, again, other = (synthesize(TEXT, "ben", seed=seed) for seed in (1, 1, 2))
    assert same(first, again)
    assert first.phonemes == other.phonemes
    assert not np.array_equal(first.audio, other.audio)
    loud = np.abs(first.audio) > 0.05
    ratio = 20 * np.log10(np.median(other.audio[loud] / first.audio[loud]))
    assert 0 < abs(ratio) < 2 * GAIN_DB


def test_level_and_noise_floor(spoken: dict[str, list[Speech]]) -> None:
    for voice, batch in spoken.items():
        for speech in batch:
            assert np.abs(speech.audio).max() <= 1
            # Nothing is digital silence, and the floor is where it should be.
            lead = speech.audio[: int(0.15 * SAMPLE_RATE)]
            assert 10 * np.log10(np.mean(lead**2)) == pytest.approx(NOISE_DB, abs=0.5)
            voiced = np.concatenate(
                [
                    speech.audio[int(p.start * SAMPLE_RATE) : int(p.end * SAMPLE_RATE)]
                    for p in speech.phonemes
                    if not p.is_pause
                ]
            )
            level = 10 * np.log10(np.mean(voiced**2))
            assert abs(level - SPEECH_DB) < GAIN_DB + 3, voice


def test_noise_floor_can_be_chosen(engine: None) -> None:
    quiet, loud = (synthesize(TEXT, "ben", noise_db=level) for level in (-80.0, -40.0))
    for speech, level in ((quiet, -80.0), (loud, -40.0)):
        lead = speech.audio[: int(0.15 * SAMPLE_RATE)]
        assert 10 * np.log10(np.mean(lead**2)) == pytest.approx(level, abs=0.5)
    assert quiet.phonemes == loud.phonemes


def test_a_room_moves_neither_words_nor_phonemes(engine: None) -> None:
    dry, wet = (synthesize(TEXT, "ben", room=room, noise_db=-90.0) for room in (None, "hall"))
    assert dry.phonemes == wet.phonemes and len(dry.audio) == len(wet.audio)
    correlation = np.fft.irfft(np.fft.rfft(wet.audio) * np.conj(np.fft.rfft(dry.audio)))
    assert int(np.argmax(np.abs(correlation))) == 0
    # The level of the direct sound is the same; what differs is the tail.
    tail = slice(-int(0.15 * SAMPLE_RATE), None)
    assert np.mean(wet.audio[tail] ** 2) > 10 * np.mean(dry.audio[tail] ** 2)


def test_voices_can_be_given_as_objects(engine: None) -> None:
    first, second = random_voice(1), replace(random_voice(2), name="voice-1")
    # Two voices of one name in one call keep their own sound.
    items = [("Hello there.", first), ("Hello there.", second), ("Hello there.", VOICES["ada"])]
    speeches = list(synthesize_many(items))
    assert [speech.voice for speech in speeches] == ["voice-1", "voice-1", "ada"]
    assert same(speeches[0], synthesize("Hello there.", first))
    assert same(speeches[1], synthesize("Hello there.", second))
    assert same(speeches[2], synthesize("Hello there.", "ada"))
    assert not np.array_equal(speeches[0].audio[:8000], speeches[1].audio[:8000])


def test_releases_lie_within_their_sounds(spoken: dict[str, list[Speech]]) -> None:
    shares: dict[str, list[float]] = {"p": [], "b": [], "m": []}
    for batch in spoken.values():
        for speech in batch:
            for phoneme, after in itertools.pairwise(speech.phonemes):
                known = has_closure(phoneme.symbol) or phoneme.symbol.startswith("m")
                assert (phoneme.release is not None) == known
                if phoneme.release is not None:
                    assert phoneme.start < phoneme.release <= phoneme.end
                    if phoneme.symbol in shares and "vowel" in phoneme_classes(after.symbol):
                        share = (phoneme.release - phoneme.start) / phoneme.duration
                        shares[phoneme.symbol].append(share)
    # espeak-ng counts the burst, the breath and the start of the vowel to the sound.
    assert 0.45 < np.median(shares["p"]) < 0.7
    assert 0.5 < np.median(shares["b"]) < 0.75
    assert 0.65 < np.median(shares["m"]) < 0.9


def test_two_clips_do_not_share_their_noise(spoken: dict[str, list[Speech]]) -> None:
    starts = {s.audio[:100].tobytes() for batch in spoken.values() for s in batch}
    assert len(starts) == sum(map(len, spoken.values()))


def test_rate(engine: None) -> None:
    slow, normal, fast = (synthesize(TEXT, rate=rate) for rate in (0.5, 1.0, 2.0))
    silence = LEAD_SECONDS + TRAIL_SECONDS
    assert 1.6 < (slow.duration - silence) / (normal.duration - silence) < 2.4
    assert 0.4 < (fast.duration - silence) / (normal.duration - silence) < 0.65
    for speech in (slow, fast):
        check_timeline(speech)


def test_pauses_between_clauses(engine: None) -> None:
    speech = synthesize("I came home. Then, of course, it rained.")
    pauses = [p for p in speech.phonemes[1:-1] if p.is_pause]
    assert len(pauses) >= 2
    level = level_db(speech.audio, SAMPLE_RATE)
    for pause in pauses:
        assert pause.duration > 0.03
        inside = level[round(pause.start * 1000) + 5 : round(pause.end * 1000) - 5]
        assert inside.max() < NOISE_DB + 6


def test_glides_between_vowels_are_no_pauses(engine: None) -> None:
    symbols = [p.symbol for p in synthesize("I saw a key on a pie of apple.").phonemes]
    assert "" not in symbols[1:-1]


def test_long_text(engine: None) -> None:
    text = "The quick brown fox jumps over a lazy dog, and then it sleeps. " * 40
    speech = synthesize(text, "jack", rate=2.0)
    assert 60 < speech.duration < 200
    check_timeline(speech)


def test_progress_and_empty_list(engine: None) -> None:
    seen: list[tuple[int, int]] = []
    items = [("One.", "ben"), ("Two.", "ada", 1.5), ("Three.", "ada", 1.0, 3)]
    speeches = list(synthesize_many(items, progress=lambda *done: seen.append(done)))
    assert [speech.text for speech in speeches] == ["One.", "Two.", "Three."]
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert list(synthesize_many([])) == []


@settings(max_examples=25, deadline=None)
@given(text=st.text(max_size=40), voice=st.sampled_from(["ada", "finn", "maya", "olga"]))
def test_any_text_is_spoken_or_refused(engine: None, text: str, voice: str) -> None:
    try:
        speech = synthesize(text, voice)
    except UserError as error:
        assert len(str(error).splitlines()) <= 3
    else:
        check_timeline(speech)
        assert np.isfinite(speech.audio).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"text": ""}, "The text is empty"),
        ({"text": "?!"}, "holds no words"),
        ({"text": 3}, "must be a string"),
        ({"text": "a" * 10_001}, "at most 10,000"),
        ({"text": "привет"}, "Latin alphabet"),
        ({"voice": "nobody"}, "Choose one of: ada, ben"),
        ({"voice": ["ada"]}, "Choose one of"),
        ({"rate": 5.0}, "from 0.5 to 2"),
        ({"rate": float("nan")}, "from 0.5 to 2"),
        ({"rate": "fast"}, "from 0.5 to 2"),
        ({"seed": -1}, "whole number"),
        ({"seed": 1.5}, "whole number"),
        ({"room": "cathedral"}, "Choose one of: booth, bedroom"),
        ({"room": 3}, "no room"),
        ({"noise_db": 0.0}, "from -100 to -20"),
        ({"noise_db": float("nan")}, "from -100 to -20"),
        ({"noise_db": "loud"}, "from -100 to -20"),
    ],
)
def test_unusable_arguments(arguments: dict, words: str) -> None:
    with pytest.raises(UserError) as caught:
        synthesize(**{"text": "Hello", **arguments})
    message = str(caught.value)
    assert words in message and len(message.splitlines()) <= 3


def test_all_items_are_checked_before_the_first_is_spoken() -> None:
    with pytest.raises(UserError, match="no voice"):
        synthesize_many([("Hello.", "ada"), ("Hello.", "nobody")])
    with pytest.raises(UserError, match="worker"):
        synthesize_many([("Hello.", "ada")], workers=0)
    for item in ((), ("a", "ada", 1.0, 0, None, -55.0, 5)):
        with pytest.raises(UserError, match="An item is"):
            synthesize_many([item])


def test_engine_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_LOADER", "a_package_that_does_not_exist")
    assert missing_engines(["slt", "ada"])[0] == "espeak-ng"
    monkeypatch.setattr(flite_module.shutil, "which", lambda name: None)
    assert engine_status() is None
    assert missing_engines(VOICES) == ("espeak-ng", "flite")
    assert missing_engines(["ada", random_voice(1)]) == ("espeak-ng",)
    with pytest.raises(UserError) as caught:
        synthesize("Hello.")
    message = str(caught.value)
    assert "not installed" in message and "pip install" in message
    assert len(message.splitlines()) <= 3


def test_engine_status(engine: None) -> None:
    status = engine_status()
    assert status is not None and status.startswith("espeak-ng 1.")
    with pytest.raises(UserError, match="no voice"):
        missing_engines(["nobody"])


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import os; os.abort()", "exit code"),
        ("import sys; sys.exit('engine on fire')", "engine on fire"),
        ("import time; time.sleep(60)", "did not answer"),
        ("pass", "left no result"),
    ],
)
def test_worker_that_fails(
    engine: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    program: str,
    words: str,
) -> None:
    script = tmp_path / "worker.py"
    script.write_text(program, "utf-8")
    monkeypatch.setattr(engine_module.worker, "__file__", str(script))
    monkeypatch.setattr(engine_module, "TIMEOUT_SECONDS", 1.0)
    with pytest.raises(UserError) as caught:
        synthesize("Hello.")
    message = str(caught.value)
    assert words in message and len(message.splitlines()) <= 3
    with pytest.raises(UserError):
        engine_status()


def test_worker_goes_on_in_a_fresh_process_where_the_library_stays_loaded(
    engine: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A system that never unloads: the worker is told so, and does one item a process.
    items = [("One ship.", "ben"), ("Two ships.", "ada"), ("Three ships.", "kira")]
    expected = list(synthesize_many(items))
    source = Path(worker.__file__).read_text("utf-8")
    script = tmp_path / "worker.py"
    log = tmp_path / "starts"
    script.write_text(
        source.replace("        return True\n    return False\n", "        return False\n").replace(
            'if __name__ == "__main__":\n',
            f'if __name__ == "__main__":\n    open({str(log)!r}, "a").write("x")\n',
        ),
        "utf-8",
    )
    monkeypatch.setattr(engine_module.worker, "__file__", str(script))
    for speech, known in zip(synthesize_many(items, workers=1), expected, strict=True):
        assert same(speech, known)
    assert log.read_text() == "xxx"


def test_worker_refuses_unknown_voices_and_data(engine: None, tmp_path: Path) -> None:
    library, data = engine_module.engine_files()
    job = {"text": "hi", "voice": "gmw/nowhere", "words_per_minute": 160}
    for folder, words in ((data.parent, "no voice"), (tmp_path, "")):
        out = tmp_path / f"{folder.name}_out"
        task = {
            "library": str(library),
            "data": str(folder),
            "jobs": [{**job, "out": str(out)}],
        }
        file = tmp_path / "job.json"
        file.write_text(json.dumps(task), "utf-8")
        run = subprocess.run(
            [sys.executable, "-I", "-S", worker.__file__, str(file)],
            capture_output=True,
            text=True,
        )
        assert run.returncode == 1 and words in run.stderr
        assert "Traceback" not in run.stderr
        assert not Path(f"{out}.json").exists()


def test_nothing_of_the_engine_is_loaded_here(engine: None) -> None:
    program = (
        "import sys, talking_heads.speech as s\n"
        "assert 'torch' not in sys.modules and 'soundfile' not in sys.modules\n"
        "s.synthesize('Hello.')\n"
        "assert 'espeakng_loader' not in sys.modules and 'torch' not in sys.modules\n"
        "from pathlib import Path\n"
        "maps = Path('/proc/self/maps')\n"
        "assert not maps.exists() or 'espeak' not in maps.read_text()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_no_temporary_files_stay(
    engine: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(synthesis.tempfile, "tempdir", str(tmp_path))
    synthesize("Hello.")
    # Also where the caller stops half-way.
    some = synthesize_many([("One.", "ben")] * 5)
    next(some)
    some.close()
    assert list(tmp_path.iterdir()) == []
