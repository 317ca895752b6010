import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from talking_heads.diffusion import blend_windows, fade_weights, window_starts


def test_starts_by_hand() -> None:
    assert window_starts(10, 10, 4) == [0]
    assert window_starts(3, 10, 4) == [0]
    assert window_starts(22, 10, 4) == [0, 6, 12]
    assert window_starts(23, 10, 4) == [0, 6, 12, 13]
    with pytest.raises(ValueError, match="overlap"):
        window_starts(20, 5, 5)


def test_weights_by_hand() -> None:
    weights = fade_weights([0, 3], 5, 8)
    torch.testing.assert_close(
        weights, torch.tensor([[1, 1, 1, 0.75, 0.25], [0.25, 0.75, 1, 1, 1]])
    )


@given(
    frames=st.integers(1, 120),
    window=st.integers(2, 40),
    share=st.floats(0, 1),
    batch=st.integers(1, 9),
)
@settings(max_examples=80, deadline=None)
def test_windows_cover_and_the_identity_stays(
    frames: int, window: int, share: float, batch: int
) -> None:
    overlap = round(share * (window - 1))
    starts = window_starts(frames, window, overlap)
    covered = {f for start in starts for f in range(start, start + window)}
    assert set(range(frames)) <= covered
    if frames > window:
        assert max(covered) == frames - 1
        assert all(b - a <= window - overlap for a, b in itertools.pairwise(starts))
    whole = torch.randn(frames, 3)
    out = blend_windows(lambda parts, _starts: parts, whole, window, overlap, batch=batch)
    torch.testing.assert_close(out, whole)


def test_predict_gets_windows_and_their_starts() -> None:
    whole = torch.arange(50.0)[:, None]
    seen: list[int] = []

    def predict(parts: Tensor, starts: list[int]) -> Tensor:
        seen.extend(starts)
        assert len(parts) <= 2
        for part, start in zip(parts, starts, strict=True):
            torch.testing.assert_close(part, whole[start : start + 20])
        return parts

    blend_windows(predict, whole, 20, 8, batch=2)
    assert seen == window_starts(50, 20, 8)


def test_windows_that_disagree_fade_into_each_other() -> None:
    out = blend_windows(
        lambda parts, starts: parts * 0 + torch.tensor(starts)[:, None, None],
        torch.zeros(100, 1),
        40,
        20,
    )
    # The second window begins at 20: over 20 frames the value climbs from 0 to 20, evenly.
    jumps = out[:, 0].diff().abs()
    assert float(jumps.max()) <= 20 / 20 + 1e-4
