from __future__ import annotations

import re

import numpy as np
import pytest

from talking_heads.errors import UserError
from talking_heads.face import ARKIT_NAMES
from talking_heads.view import explore
from talking_heads.view.container import unpack


@pytest.fixture
def explorer():
    return explore("neutral@low")


def pose_of(explorer):
    _, arrays = unpack(explorer.head.pose)
    vertices = explorer.face.vertices.copy()
    vertices[arrays["index"]] += (arrays["offsets"] * arrays["scales"][0]).reshape(-1, 3)
    return vertices


def test_there_is_a_slider_for_every_shape(explorer):
    assert list(explorer.sliders) == list(ARKIT_NAMES)
    tabs = explorer.children[1].children[0]
    shown = [slider.description for box in tabs.children for slider in box.children]
    assert sorted(shown) == sorted(ARKIT_NAMES)


def test_the_head_follows_a_slider(explorer):
    explorer.sliders["jawOpen"].value = 0.7
    coefficients = np.zeros(52, np.float32)
    coefficients[ARKIT_NAMES.index("jawOpen")] = 0.7
    wanted = explorer.face.pose(coefficients).reshape(-1, 3)
    assert np.abs(pose_of(explorer) - wanted).max() < 5e-6
    assert np.array_equal(explorer.coefficients, coefficients)
    assert len(explorer.head.pose) < 20_000


def test_set_and_reset_send_one_pose_each(explorer):
    sent = []
    explorer.head.observe(sent.append, "pose")
    explorer.set({"jawOpen": 0.5, "mouthSmileLeft": 1.0})
    explorer.reset()
    assert len(sent) == 2
    assert np.array_equal(pose_of(explorer), explorer.face.vertices)
    explorer.set(np.full(52, 0.25))
    assert explorer.coefficients == pytest.approx(0.25)


def test_unknown_names_are_refused(explorer):
    with pytest.raises(UserError, match="no shape 'jawopen'"):
        explorer.set({"jawopen": 1.0})


def test_the_bundle_has_words_and_a_picture(explorer):
    data = explorer._repr_mimebundle_()
    assert data["text/plain"] == repr(explorer)
    assert repr(explorer) == ("52 sliders and the face neutral@low, which follows them: all at 0.")
    explorer.set({"jawOpen": 0.5})
    assert repr(explorer).endswith("jawOpen 0.50.")
    assert not re.search("0x", repr(explorer) + repr(explorer.head))
    assert data["image/png"]
