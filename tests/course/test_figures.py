import io

import numpy as np
import pytest
from PIL import Image

from talking_heads.course import figures
from talking_heads.course.figures import keep_colors, new_figure, png_of, shade, show
from talking_heads.errors import UserError

WORDS = "A straight line that rises from 0 at the left to 1 at the right."


def test_a_figure_is_shown_with_its_words(monkeypatch, capsys):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *a, **k: shown.append((a, k)))
    figure, axes = new_figure()
    axes.plot([0, 1])
    show(figure, f"  {WORDS[:20]}\n{WORDS[20:]}")
    ((bundle,), options) = shown[0]
    assert bundle["text/plain"] == bundle["text/plain"].strip()
    assert "\n" not in bundle["text/plain"]
    assert options["metadata"]["image/png"]["alt"] == bundle["text/plain"]
    assert " ".join(capsys.readouterr().out.split()) == f"In words: {bundle['text/plain']}"


def test_a_figure_without_words_is_refused():
    figure, _ = new_figure()
    with pytest.raises(UserError, match="cannot see"):
        show(figure, "A plot.")


def contrast(a, b):
    """Return WCAG's contrast ratio of two colours, 1 to 21."""

    def luminance(text):
        rgb = np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    high, low = sorted([luminance(a), luminance(b)], reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", ["BLUE", "ORANGE", "GREEN", "PURPLE", "INK"])
def test_colours_can_be_read_on_the_paper(name):
    assert contrast(getattr(figures, name), figures.PAPER) >= 4.5


def test_the_paper_is_opaque_so_that_a_dark_theme_changes_nothing():
    figure, axes = new_figure(2)
    axes[0].plot([0, 1])
    image = Image.open(io.BytesIO(png_of(figure)))
    assert image.mode == "P"
    assert "transparency" not in image.info
    corner = np.asarray(image.convert("RGB"))[0, 0]
    wanted = [int(figures.PAPER[i : i + 2], 16) for i in (1, 3, 5)]
    assert np.abs(corner - wanted).max() <= 2


def test_a_figure_stays_small():
    figure, axes = new_figure(2, height=3.6)
    axes[0].plot(np.random.default_rng(0).normal(size=60_000), lw=0.4)
    assert len(png_of(figure)) < 40_000


def test_shaded_spans_make_one_entry_in_the_legend():
    _, axes = new_figure()
    shade(axes, [(0, 1), (2, 3), (4, 5)], "closed")
    assert len(axes.patches) == 3
    assert [text.get_text() for text in axes.legend().get_texts()] == ["closed"]


def test_colours_that_are_kept_survive_a_photo():
    def nearest(keep):
        figure, axis = new_figure()
        noise = np.random.default_rng(0).integers(90, 200, (60, 200, 1)) * np.ones((1, 1, 3), int)
        axis.imshow(noise.astype(np.uint8), aspect="auto")
        axis.plot([100], [30], "o", ms=5, color="#00c8ff")
        if keep:
            keep_colors(figure, ["#00c8ff"])
        picture = np.asarray(Image.open(io.BytesIO(png_of(figure))).convert("RGB")).astype(int)
        return np.abs(picture - [0, 0xC8, 255]).max(-1).min()

    assert nearest(keep=True) == 0 and nearest(keep=False) > 10
