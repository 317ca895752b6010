import itertools
import os
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talking_heads.corpus.viseme_segments import visemes_of
from talking_heads.errors import UserError
from talking_heads.speech import (
    SAMPLE_RATE,
    Speech,
    Utterance,
    engine_status,
    missing_engines,
    phoneme_classes,
    synthesize,
    synthesize_many,
)
from talking_heads.speech import flite as module
from talking_heads.speech.flite import FLITE_VOICES, PHONES, VARIABLE, find_flite
from talking_heads.speech.synthesis import LEAD_SECONDS, NOISE_DB, TRAIL_SECONDS
from talking_heads.speech.timing import level_db

TEXT = "Maybe Bobby kept a steady beat."


def same(a: Speech, b: Speech) -> bool:
    return a.audio.tobytes() == b.audio.tobytes() and a.phonemes == b.phonemes


def check_timeline(speech: Speech) -> None:
    phonemes = speech.phonemes
    assert phonemes[0].start == 0 and phonemes[-1].end == pytest.approx(speech.duration)
    assert phonemes[0].is_pause and phonemes[-1].is_pause
    for first, second in itertools.pairwise(phonemes):
        assert first.end == second.start and not (first.is_pause and second.is_pause)
    for phoneme in phonemes:
        assert phoneme.duration > 0
        assert phoneme.release is None or phoneme.start <= phoneme.release <= phoneme.end


def program(folder: Path, body: str) -> str:
    """A stand-in for flite that can list its voices."""
    file = folder / "flite"
    listed = 'if [ "$1" = "-lv" ]; then echo "Voices available: kal16 awb rms slt"; exit 0; fi\n'
    file.write_text("#!/bin/sh\n" + listed + body + "\n", "utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


def test_every_phone_is_a_sound_with_a_viseme() -> None:
    for phone, symbol in PHONES.items():
        classes = phoneme_classes(symbol)
        assert len(classes & {"pause", "vowel", "consonant"}) == 1, phone
        names = [viseme.name for viseme in visemes_of(symbol)]
        assert ("pause" in names) == (not symbol)
        assert ("bilabial" in names) == (phone in ("p", "b", "m", "em"))
        # What is not known falls back to schwa: only the schwa itself may look like one.
        assert names != ["schwa"] or phone == "ax"


def test_known_sentence(flite: None) -> None:
    phonemes = synthesize("Bob met Pam over there.", "rms").phonemes
    spoken = " ".join(phoneme.symbol for phoneme in phonemes)
    assert spoken == " b ɑː b m ɛ t p æ m oʊ v ɚ ð ɛ ɹ "
    assert [p.symbol for p in phonemes if p.stress == 2] == ["ɑː", "ɛ", "æ", "oʊ"]


def test_stress_without_other_words_and_of_long_texts(flite: None) -> None:
    assert sum(p.stress == 2 for p in synthesize("You and they.", "kal16").phonemes) >= 2
    speech = synthesize("The quick brown fox jumps over a lazy dog. " * 40, "kal16", rate=2.0)
    # quick brown fox jumps over lazy dog
    assert sum(p.stress == 2 for p in speech.phonemes) == pytest.approx(7 * 40, abs=4)
    check_timeline(speech)


def test_phonemes_cover_the_audio(spoken_by_flite: dict[str, list[Speech]]) -> None:
    for voice, batch in spoken_by_flite.items():
        for speech in batch:
            check_timeline(speech)
            assert speech.voice == voice and len(speech.audio) % 640 == 0
            assert LEAD_SECONDS - 0.065 <= speech.phonemes[0].duration <= LEAD_SECONDS + 0.001
            assert TRAIL_SECONDS <= speech.phonemes[-1].duration < TRAIL_SECONDS + 0.15
            lead = speech.audio[: int(0.15 * SAMPLE_RATE)]
            assert 10 * np.log10(np.mean(lead**2)) == pytest.approx(NOISE_DB, abs=0.5)
            assert 0.1 < np.abs(speech.audio).max() <= 1


@pytest.mark.parametrize("voice", FLITE_VOICES)
def test_the_sound_dips_where_the_lips_are_said_to_close(
    spoken_by_flite: dict[str, list[Speech]], voice: str
) -> None:
    dips = []
    for speech in spoken_by_flite[voice]:
        level = level_db(speech.audio, SAMPLE_RATE)
        for before, plosive, after in zip(
            speech.phonemes, speech.phonemes[1:], speech.phonemes[2:], strict=False
        ):
            if plosive.symbol not in ("p", "b") or before.is_pause or "m" in before.symbol:
                continue
            start, end = round(plosive.start * 1000), round(plosive.end * 1000)
            around = level[start - 120 : start].max()
            if not after.is_pause:
                around = min(around, level[end : end + 120].max())
            dips.append(around - level[start:end].min())
    assert len(dips) > 18
    # Measured on 190 p and b of each voice: 98 to 100 %.
    assert np.mean(np.array(dips) >= 10) >= 0.95


def test_closures_last_until_their_burst(spoken_by_flite: dict[str, list[Speech]]) -> None:
    # From border to release the band above the murmur is quiet; then it is loud.
    drops = []
    for batch in spoken_by_flite.values():
        for speech in batch:
            high = np.fft.rfft(speech.audio)
            high[np.fft.rfftfreq(len(speech.audio), 1 / SAMPLE_RATE) < 900] = 0
            level = level_db(np.fft.irfft(high, len(speech.audio)).astype(np.float32), SAMPLE_RATE)
            for before, plosive, after in zip(
                speech.phonemes, speech.phonemes[1:], speech.phonemes[2:], strict=False
            ):
                vowels = "vowel" in phoneme_classes(before.symbol) & phoneme_classes(after.symbol)
                if vowels and plosive.symbol in ("p", "b") and plosive.release is not None:
                    start, release = round(1000 * plosive.start), round(1000 * plosive.release)
                    inside = level[(start + release) // 2 : release].mean()
                    drops.append(level[release : release + 60].max() - inside)
    assert len(drops) > 60
    # Flite's slt fades into her closures, so that some are shallow in this band.
    assert np.mean(np.array(drops) > 5) > 0.9 and np.median(drops) > 12


def test_bit_identical_in_any_order_and_number_of_workers(
    spoken_by_flite: dict[str, list[Speech]],
) -> None:
    known = {(s.text, s.voice): s for batch in spoken_by_flite.values() for s in batch}
    items = [Utterance(text, voice) for text, voice in list(known)[::5]]
    for speech in synthesize_many(items[::-1], workers=1):
        assert same(speech, known[speech.text, speech.voice])
    assert same(synthesize(items[2].text, items[2].voice), known[items[2][:2]])


def test_both_engines_in_one_call(engine: None, flite: None) -> None:
    items = [(TEXT, voice) for voice in ("slt", "ada", "kal16", "ben")]
    for workers in (1, 3):
        speeches = list(synthesize_many(items, workers=workers))
        assert [speech.voice for speech in speeches] == ["slt", "ada", "kal16", "ben"]
        assert same(speeches[0], synthesize(TEXT, "slt"))
        assert same(speeches[1], synthesize(TEXT, "ada"))


@pytest.mark.parametrize("voice", ["slt", "kal16"])
def test_rate(flite: None, voice: str) -> None:
    slow, normal, fast = (synthesize(TEXT, voice, rate=rate) for rate in (0.5, 1.0, 2.0))
    silence = LEAD_SECONDS + TRAIL_SECONDS
    assert 1.7 < (slow.duration - silence) / (normal.duration - silence) < 2.2
    assert 0.4 < (fast.duration - silence) / (normal.duration - silence) < 0.65


@settings(max_examples=25, deadline=None)
@given(text=st.text(max_size=40), voice=st.sampled_from(FLITE_VOICES))
def test_any_text_is_spoken_or_refused(flite: None, text: str, voice: str) -> None:
    try:
        speech = synthesize(text, voice)
    except UserError as error:
        assert len(str(error).splitlines()) <= 3
    else:
        check_timeline(speech)
        assert np.isfinite(speech.audio).all()


@pytest.mark.parametrize("text", ["-o evil.wav", "--help", "-f /etc/passwd", "$(touch evil.wav)"])
def test_text_is_no_option_and_no_command(
    flite: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    speech = synthesize(text, "kal16")
    assert len(speech.phonemes) > 4 and list(tmp_path.iterdir()) == []


def test_letters_with_marks(flite: None) -> None:
    plain, marked = synthesize("naive cafe", "kal16"), synthesize("naïve café", "kal16")
    assert plain.phonemes == marked.phonemes and marked.text == "naïve café"
    with pytest.raises(UserError, match="no words"):
        synthesize("ǁǃ", "kal16")


def test_status_names_flite(flite: None) -> None:
    status = engine_status()
    assert status is not None and "flite-2" in status
    assert missing_engines(FLITE_VOICES) == ()


def test_flite_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    assert find_flite() is None and missing_engines(["ada", "slt"])[-1] == "flite"
    with pytest.raises(UserError) as caught:
        synthesize_many([("Hello.", "slt")])
    message = str(caught.value)
    assert "apt install flite" in message and "brew install flite" in message
    assert len(message.splitlines()) <= 3


def test_voices_of_our_own_do_not_need_flite(engine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = synthesize(TEXT, "ben")
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    assert same(synthesize(TEXT, "ben"), expected)


def test_flite_of_the_environment_variable(
    flite: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = shutil.which("flite")
    assert found is not None
    expected = synthesize(TEXT, "kal16")
    monkeypatch.setenv(VARIABLE, found)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_flite() == Path(found)
    assert same(synthesize(TEXT, "kal16"), expected)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(UserError, match="no program"):
        synthesize(TEXT, "kal16")


@pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
@pytest.mark.parametrize(
    ("body", "voice", "words"),
    [
        ("echo on fire >&2; exit 3", "slt", "on fire"),
        ("kill -9 $$", "slt", "exit code -9"),
        ("exec sleep 60", "slt", "did not answer"),
        ("echo pau:0.2 ax:0.4 pau:0.6", "slt", "left no sound"),
        ('while [ "$1" != "-o" ]; do shift; done; echo RIFF > "$2"', "slt", "left no sound"),
    ],
)
def test_programs_that_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str, voice: str, words: str
) -> None:
    monkeypatch.setenv(VARIABLE, program(tmp_path, body))
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 1.0)
    with pytest.raises(UserError) as caught:
        synthesize("Hello.", voice)
    message = str(caught.value)
    assert words in message and len(message.splitlines()) <= 3


@pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
def test_flite_without_a_voice_or_without_its_lexicon(
    flite: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = shutil.which("flite")
    few = tmp_path / "few"
    few.mkdir()
    name = program(few, f'exec "{real}" "$@"')
    Path(name).write_text(Path(name).read_text().replace(" rms slt", ""), "utf-8")
    monkeypatch.setenv(VARIABLE, name)
    with pytest.raises(UserError, match="lacks the voice slt"):
        synthesize("Hello.", "slt")
    # All voices, but no t2p beside it.
    monkeypatch.setenv(VARIABLE, program(tmp_path, f'exec "{real}" "$@"'))
    with pytest.raises(UserError, match="t2p, a part of flite, is missing"):
        synthesize("Hello.", "slt")
