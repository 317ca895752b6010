import math

import numpy as np
import pytest

from talking_heads.course.figures import png_of
from talking_heads.course.prior_figures import (
    RateCurve,
    codebook_figure,
    codebook_use,
    component_use_figure,
    rate_distortion_figure,
    steps_figure,
)
from talking_heads.errors import UserError


def test_use_of_a_codebook_by_hand():
    use = codebook_use([np.array([[0, 1], [0, 1]]), np.array([[0, 3], [2, 3]])], 4)
    assert use.counts.tolist() == [[3, 0, 1, 0], [0, 2, 0, 2]]
    assert use.used == 4 and use.size == 4
    first = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    np.testing.assert_allclose(use.component_perplexity, [first, 2.0])
    shares = np.array([3, 2, 1, 2]) / 8
    assert use.perplexity == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_perplexity_is_that_of_the_quantizer():
    torch = pytest.importorskip("torch")
    from talking_heads.layers.quantizer import perplexity

    codes = np.random.default_rng(0).geometric(0.2, (200, 3)) % 16
    use = codebook_use(codes, 16)
    assert use.perplexity == pytest.approx(float(perplexity(torch.tensor(codes), 16)), rel=1e-5)
    assert codebook_use(np.arange(16)[:, None], 16).perplexity == pytest.approx(16)
    assert codebook_use(np.zeros((5, 2), int), 16).perplexity == pytest.approx(1)


def test_a_codebook_is_drawn_with_the_most_frequent_first():
    uneven = codebook_use(np.array([[3]] * 6 + [[1]] * 3 + [[0]]), 4)
    figure, words = codebook_figure(
        {"plain": uneven, "other": codebook_use(np.eye(4, dtype=int), 4)}
    )
    assert "plain: 3 of 4 codes in use" in words and "the most frequent takes 60 %" in words
    assert "all alike would be 25 % each" in words and "other: 2 of 4" in words
    heights = figure.axes[0].collections[0].get_paths()[0].vertices[:, 1]
    assert sorted(set(np.round(heights, 6))) == [0, 10, 30, 60]
    assert len(png_of(figure)) < 15_000
    _, words = component_use_figure(uneven)
    assert "A component uses 3 to 3 codes" in words


def test_rate_and_distortion_hold_every_number():
    curves = [
        RateCurve("components", [32, 8, 16], [0.2, 0.8, 0.4], [0.1, 0.7, 0.3], [0.3, 0.9, 0.5]),
        RateCurve("network", [16], [0.3], line=False),
    ]
    figure, words = rate_distortion_figure(curves, reference=("no motion", 5.6))
    assert "components: 0.8 at 8 (0.7 to 0.9), 0.4 at 16 (0.3 to 0.5), 0.2 at 32" in words
    assert "network: 0.3 at 16." in words and "no motion: 5.6." in words
    (axis,) = figure.axes
    assert axis.get_xscale() == axis.get_yscale() == "log"
    assert [label.get_text() for label in axis.get_xticklabels()] == ["8", "16", "32"]
    assert axis.lines[0].get_xdata().tolist() == [8, 16, 32]
    assert axis.get_ylim()[0] < 0.1 and axis.get_ylim()[1] > 5.6
    assert len(png_of(figure)) < 15_000
    figure, _ = rate_distortion_figure(curves, log_errors=False)
    assert figure.axes[0].get_ylim()[0] == 0


def test_steps_give_first_and_last_values_and_one_look_a_name():
    panels = {
        "perplexity": {"plain": [9.0, 2, 1], "cured": [9.0, 30, 60]},
        "loss": {"cured": [1.0, 0.5, 0.2]},
    }
    figure, words = steps_figure(panels, reference={"perplexity": ("all alike", 64)}, log=["loss"])
    assert "perplexity, plain: from 9 to 1." in words and "loss, cured: from 1 to 0.2." in words
    top, bottom = figure.axes
    assert top.lines[1].get_color() == bottom.lines[0].get_color() != top.lines[0].get_color()
    assert bottom.get_yscale() == "log" and top.get_yscale() == "linear"
    assert "all alike: 64." in words
    figure, _ = steps_figure(panels, steps=[0, 10, 50])
    assert figure.axes[0].lines[0].get_xdata()[-1] == 50


def test_what_does_not_fit_is_refused():
    with pytest.raises(UserError, match="0 to 3"):
        codebook_use(np.array([[4]]), 4)
    with pytest.raises(UserError, match="at least one"):
        codebook_use([], 4)
    with pytest.raises(UserError, match="1 to 4 curves"):
        rate_distortion_figure([])
    with pytest.raises(UserError, match="one error for each"):
        rate_distortion_figure([RateCurve("a", [1, 2], [1])])
    with pytest.raises(UserError, match="not above 0"):
        rate_distortion_figure([RateCurve("a", [1, 2], [1, 0])])
    with pytest.raises(UserError, match="1 to 4 codebooks"):
        codebook_figure({})
    with pytest.raises(UserError, match="one to four"):
        steps_figure({})
    with pytest.raises(UserError, match="3 values, 2 steps"):
        steps_figure({"a": {"b": [1, 2, 3]}}, steps=[0, 1])


def test_a_narrow_range_of_errors_still_has_marks():
    for low, high in ((0.35, 1.4), (0.5, 1.0), (0.1, 9.0)):
        figure, _ = rate_distortion_figure([RateCurve("a", [1, 2], [low, high])])
        shown = figure.axes[0].get_yticklabels()
        assert 5 <= len(shown) <= 9, [text.get_text() for text in shown]
