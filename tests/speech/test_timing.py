import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talking_heads.speech.timing import (
    CLOSURE_IN_PAUSE,
    CODA_LIQUID,
    EARLIEST_RELEASE,
    LONGEST_CLOSURE,
    SHORTEST,
    close_in_pauses,
    has_closure,
    level_db,
    releases,
    retime_closures,
    widen_coda_liquids,
)

RATE = 22_050


def sound(*parts: tuple[float, float]) -> np.ndarray:
    """Noise of the given seconds and amplitudes."""
    random = np.random.default_rng(0)
    pieces = [level * random.standard_normal(round(seconds * RATE)) for seconds, level in parts]
    return np.concatenate(pieces).astype(np.float32)


def test_level_of_known_signals() -> None:
    level = level_db(sound((0.2, 0.1), (0.1, 0.0)), RATE)
    assert len(level) == 300
    np.testing.assert_allclose(level[10:190], -20, atol=2.5)
    assert (level[210:] == -100).all()


def test_which_sounds_have_a_closure() -> None:
    assert all(map(has_closure, ["p", "b", "t", "d", "k", "ɡ", "tʃ", "dʒ", "t̪"]))
    assert not any(map(has_closure, ["", "m", "s", "ʔ", "ɾ", "aɪ", "l"]))


def test_closure_is_given_to_its_plosive() -> None:
    # A vowel, 50 ms of silence, a burst at 0.25 s, a vowel.
    samples = sound((0.2, 0.2), (0.05, 0.0), (0.02, 0.05), (0.2, 0.2))
    starts = retime_closures(["a", "p", "a"], np.array([0.0, 0.25, 0.27]), samples, RATE)
    assert starts[1] == pytest.approx(0.2, abs=0.004)
    assert starts[0] == 0.0 and starts[2] == 0.27


def test_event_a_little_after_the_burst() -> None:
    samples = sound((0.2, 0.2), (0.05, 0.0), (0.22, 0.05))
    starts = retime_closures(["a", "p"], np.array([0.0, 0.262]), samples, RATE)
    assert starts[1] == pytest.approx(0.2, abs=0.004)


def test_hum_in_a_voiced_closure_counts_as_closed() -> None:
    time = np.arange(round(0.06 * RATE)) / RATE
    hum = (0.1 * np.sin(2 * np.pi * 110 * time)).astype(np.float32)
    samples = np.concatenate([sound((0.2, 0.2)), hum, sound((0.1, 0.2))])
    starts = retime_closures(["a", "b", "a"], np.array([0.0, 0.26, 0.28]), samples, RATE)
    assert starts[1] == pytest.approx(0.2, abs=0.008)


def test_long_silence_is_bounded_and_the_sound_before_keeps_something() -> None:
    samples = sound((0.1, 0.2), (0.3, 0.0), (0.1, 0.2))
    starts = retime_closures(["a", "t"], np.array([0.0, 0.4]), samples, RATE)
    assert starts[1] == pytest.approx(0.4 - LONGEST_CLOSURE, abs=0.002)
    starts = retime_closures(["s", "t"], np.array([0.38, 0.4]), samples, RATE)
    assert starts[1] >= 0.38 + SHORTEST - 1e-9


def test_after_a_pause_the_closure_has_a_usual_length() -> None:
    samples = sound((0.3, 0.0), (0.2, 0.2))
    starts = retime_closures(["", "b", "a"], np.array([0.0, 0.3, 0.32]), samples, RATE)
    assert starts[1] == pytest.approx(0.3 - CLOSURE_IN_PAUSE)


def test_no_silence_no_change() -> None:
    starts = np.array([0.0, 0.2, 0.3])
    result = retime_closures(["m", "b", "a"], starts, sound((0.5, 0.2)), RATE)
    np.testing.assert_array_equal(result, starts)


def test_coda_liquid_takes_its_part_of_the_vowel() -> None:
    starts = np.array([0.0, 0.1, 0.29, 0.3])
    widened = widen_coda_liquids(["h", "ɛ", "l", "b"], starts)
    assert widened[2] == pytest.approx(0.3 - CODA_LIQUID)
    # In a short vowel, at most 40 %; before a vowel, and where it is long enough, nothing.
    short = widen_coda_liquids(["ɛ", "l", "b"], np.array([0.0, 0.09, 0.1]))
    assert short[1] == pytest.approx(0.06)
    np.testing.assert_array_equal(widen_coda_liquids(["h", "ɛ", "l", "i"], starts), starts)
    long = np.array([0.0, 0.1, 0.2, 0.3])
    np.testing.assert_array_equal(widen_coda_liquids(["h", "ɛ", "l", "b"], long), long)


def test_release_is_at_the_burst() -> None:
    # A vowel, 60 ms of silence, then the burst and a vowel.
    samples = sound((0.2, 0.2), (0.06, 0.0), (0.24, 0.1))
    symbols, starts = ["a", "p", "a"], np.array([0.0, 0.2, 0.3])
    first, burst, last = releases(symbols, starts, samples, RATE)
    assert first is None and last is None
    assert burst == pytest.approx(0.26, abs=0.006)
    # Without a burst it is the end; a click early in the closure does not count.
    silent = sound((0.2, 0.2), (0.1, 0.0), (0.2, 0.2))
    assert releases(symbols, starts, silent, RATE)[1] == pytest.approx(0.3, abs=0.006)
    click = sound((0.2, 0.2), (0.01, 0.0), (0.29, 0.2))
    assert releases(symbols, starts, click, RATE)[1] == pytest.approx(0.2 + 0.1 * EARLIEST_RELEASE)


def test_release_of_a_voiced_closure_does_not_mind_the_murmur() -> None:
    time = np.arange(round(0.07 * RATE)) / RATE
    hum = (0.1 * np.sin(2 * np.pi * 110 * time)).astype(np.float32)
    samples = np.concatenate([sound((0.2, 0.2)), hum, sound((0.2, 0.2))])
    assert releases(["a", "b", "a"], np.array([0.0, 0.2, 0.29]), samples, RATE)[1] == (
        pytest.approx(0.27, abs=0.01)
    )


def test_release_of_m_is_where_the_vowel_begins() -> None:
    samples = sound((0.2, 0.2), (0.06, 0.01), (0.24, 0.2))
    starts = np.array([0.0, 0.2, 0.28])
    assert releases(["a", "m", "a"], starts, samples, RATE)[1] == pytest.approx(0.26, abs=0.006)
    # Before a p the lips stay together.
    assert releases(["a", "m", "p"], starts, samples, RATE)[1] == 0.28


def test_plosive_behind_a_pause_closes_within_it() -> None:
    symbols, starts = ["", "b", "a", "b"], np.array([0.0, 0.3, 0.32, 0.5])
    moved = close_in_pauses(symbols, starts, [None, 0.315, None, 0.55])
    np.testing.assert_allclose(moved, [0.0, 0.315 - CLOSURE_IN_PAUSE, 0.32, 0.5])
    # The pause keeps something.
    short = close_in_pauses(["", "b"], np.array([0.0, 0.03]), [None, 0.05])
    assert short[1] == pytest.approx(SHORTEST)


@given(
    symbols=st.lists(st.sampled_from(["", "a", "p", "b", "tʃ", "m", "s", "l", "r"]), min_size=1),
    data=st.data(),
)
def test_order_is_kept_and_nothing_starts_later(symbols: list[str], data: st.DataObject) -> None:
    steps = st.floats(0, 0.2)
    gaps = data.draw(st.lists(steps, min_size=len(symbols), max_size=len(symbols)))
    starts = np.cumsum([0.0, *gaps[1:]])
    samples = sound(*[(gap, data.draw(st.sampled_from([0.0, 0.01, 0.2]))) for gap in gaps])
    result = widen_coda_liquids(symbols, retime_closures(symbols, starts, samples, RATE))
    assert (np.diff(result) >= 0).all()
    assert (result <= starts + 1e-12).all()
    assert result[0] == 0
    opened = releases(symbols, result, samples, RATE)
    result = close_in_pauses(symbols, result, opened)
    assert (np.diff(result) >= 0).all()
    for release, start, end in zip(opened, result, [*result[1:], np.inf], strict=True):
        assert release is None or start <= release <= end
