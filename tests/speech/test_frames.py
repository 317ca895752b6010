import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talking_heads.errors import UserError
from talking_heads.speech.frames import check_fps, frame_count, frame_to_sample

RATES = st.one_of(
    st.sampled_from([25.0, 30.0, 60.0, 29.97, 24.0, 1.0, 1000.0]),
    st.floats(0.5, 1000, allow_nan=False),
)


def test_the_rates_of_the_data_sets() -> None:
    assert [frame_to_sample(f, 25) for f in range(4)] == [0, 640, 1280, 1920]
    # 533.33 samples a frame: 0, 533.33, 1066.67, 1600.
    assert [frame_to_sample(f, 30) for f in range(4)] == [0, 533, 1067, 1600]
    assert frame_to_sample(30 * 3600, 30) == 16_000 * 3600


@given(st.integers(0, 10_000_000))
def test_25_frames_a_second_are_640_samples_each(samples: int) -> None:
    assert frame_count(samples, 25) == math.ceil(samples / 640)


@given(st.integers(0, 1_000_000), RATES)
def test_frame_count_is_the_smallest_that_covers(samples: int, fps: float) -> None:
    count = frame_count(samples, fps)
    assert frame_to_sample(count, fps) >= samples
    assert count == 0 or frame_to_sample(count - 1, fps) < samples


@given(st.integers(0, 100_000), RATES)
def test_every_frame_has_its_samples(frame: int, fps: float) -> None:
    start, stop = frame_to_sample(frame, fps), frame_to_sample(frame + 1, fps)
    assert abs((stop - start) - 16_000 / fps) < 1
    assert frame_count(stop, fps) == frame + 1


@pytest.mark.parametrize("fps", [0, -1, math.nan, math.inf, 1001, "25", None])
def test_a_strange_rate_is_refused(fps: object) -> None:
    with pytest.raises(UserError, match="frame rate"):
        check_fps(fps)  # type: ignore[arg-type]
