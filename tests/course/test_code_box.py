"""One code moved: with a prior whose codes do what is known by hand."""

import io

import numpy as np
import pytest
from PIL import Image

from talking_heads.course.code_box import code_box, code_figure, component_figure, nearest_order
from talking_heads.course.coded_motion import CodedMotion
from talking_heads.course.face_tiles import faces_figure, heat_face
from talking_heads.course.figures import png_of
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, Motion, get_face
from talking_heads.view.container import unpack

from .plain_prior import CODES, FACE, PlainPrior

TABLE = np.array([[2, 0], [5, 1], [3, 0], [2, 0], [0, 7], [1, 0]])


@pytest.fixture(scope="module")
def prior():
    return PlainPrior()


@pytest.fixture(scope="module")
def motion(prior):
    return prior.motion(TABLE)


@pytest.fixture
def box(prior, motion):
    return code_box(prior, motion, frame=2)


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def test_codes_are_ordered_by_distance_the_own_first():
    table = np.array([[0.0, 0], [3, 0], [1, 0], [0, 2], [1, 0]])
    assert nearest_order(table, 0).tolist() == [0, 2, 4, 3, 1]
    assert nearest_order(table, 4).tolist() == [4, 2, 0, 1, 3], "itself before one that lies on it"


def test_a_box_begins_with_the_clips_own_codes(box, prior, motion):
    np.testing.assert_array_equal(box.codes, TABLE)
    np.testing.assert_allclose(box.changed.values, motion.values, atol=1e-7)
    assert box.code.value == 3 and box.code.max == CODES - 1
    assert "Nothing is changed." in box.status.value
    assert box.moved["lips"] == (0.0, 0.0)


def test_without_a_frame_it_begins_where_the_mouth_is_widest_open(prior):
    jaw = np.zeros((5, 52), np.float32)
    jaw[3, ARKIT_INDEX["jawOpen"]] = 0.6
    assert CodedMotion(
        prior, Motion(jaw, "coefficients", face_id="neutral@medium")
    ).widest in range(5)
    still = prior.motion(np.array([[0, 0], [0, 6], [0, 1]]))
    assert code_box(prior, still).frame.value == 1, "closed lips: then what moved most"


def test_one_frame_moves_by_hand_worked_millimetres(box):
    box.code.value = 7
    assert box.codes.tolist() == [[2, 0], [5, 1], [7, 0], [2, 0], [0, 7], [1, 0]]
    assert box.moved["lips"] == pytest.approx((4.0, 4.0), abs=1e-3)
    assert box.moved["upper face"] == box.moved["rest of the skin"] == (0.0, 0.0)
    text = box.status.value
    assert "has code 3; shown is 7" in text and "lips 4.00 on average, 4.00 at most" in text
    assert "more than 0.1 mm: 1." in text
    _, arrays = unpack(box.head.pose)
    assert {"index", "index1", "index2", "colors2"} <= set(arrays)
    lifted = get_face(FACE).vertices.copy()
    lifted[arrays["index1"]] += arrays["offsets1"].reshape(-1, 3) * arrays["scales1"][0]
    np.testing.assert_allclose(lifted[box.coded.regions["lips"]],
                               get_face(FACE).vertices[box.coded.regions["lips"]]
                               - [0, 0.007, 0], atol=2e-5)  # fmt: skip


def test_buttons_go_twice_and_half_as_far_from_the_clips_code(box):
    seen = []
    for _ in range(5):
        box.farther.click()
        seen.append(box.code.value)
    # By distance 2, 4, 1, 5, 0, 6, 7: the first, second, fourth and seventh of them.
    assert seen == [2, 4, 5, 7, 7], "beyond the last there is none"
    box.nearer.click()
    assert box.code.value == 1 and "number 3 of 7 by distance" in box.status.value
    box.reset.click()
    assert box.code.value == 3 and "Nothing is changed." in box.status.value
    box.nearer.click()
    assert box.code.value == 3


def test_another_frame_or_component_begins_with_its_own_code(box):
    box.code.value = 0
    box.frame.value = 4
    assert box.code.value == 0 and "Nothing is changed." in box.status.value
    box.component.value = 1
    assert box.code.value == 7
    np.testing.assert_array_equal(box.codes, TABLE)
    box.code.value = 4
    assert box.moved["upper face"] == pytest.approx((3.0, 3.0), abs=1e-3)
    assert box.moved["lips"] == (0.0, 0.0)


def test_a_whole_clip_holds_one_code(box):
    box.scope.value = "whole clip"
    assert box.codes[:, 0].tolist() == [3] * 6
    np.testing.assert_array_equal(box.codes[:, 1], TABLE[:, 1])
    # |3 - own| over the clip: 1, 2, 0, 1, 3, 2 mm.
    assert box.moved["lips"] == pytest.approx((1.5, 3.0), abs=1e-3)
    assert "holds code 3 in every frame" in box.status.value
    assert "5 of 6 frames move." in box.status.value
    assert box.head.content["seconds"] == pytest.approx(6 / 25)
    assert len(box.head.content["heads"]) == 3 and box.head.pose == b""
    before = box.head.content["heads"]
    box.code.value = 6
    after = box.head.content["heads"]
    assert after[0] == before[0] and after[1] != before[1] and after[2] != before[2]
    box.scope.value = "one frame"
    assert box.head.content["seconds"] == 0 and box.head.pose


def test_words_and_still(prior, motion):
    box = code_box(prior, motion, frame=2, component=1, code=5)
    text = repr(box)
    assert text == repr(code_box(prior, motion, frame=2, component=1, code=5))
    assert "Component 1 of 2" in text and "object at" not in text
    assert "upper face 5.00 on average" in text
    bundle = box._repr_mimebundle_()
    assert bundle["text/plain"] == text and len(box.still) < 25_000
    picture = pixels(box.still)
    wide = picture.shape[1] // 3
    first, second, third = (picture[:, i * wide : (i + 1) * wide] for i in range(3))
    assert np.abs(first - second).max() > 30

    def red(part):
        return ((part[..., 0] > part[..., 1] + 60) & (part[..., 0] > part[..., 2] + 80)).mean()

    assert red(third) > 0.02, "the brows are red"
    unchanged = pixels(code_box(prior, motion, frame=2, component=1).still)
    assert red(unchanged[:, 2 * wide :]) < 0.005


def test_sound_comes_with_the_whole_clip(prior, motion, tone):
    box = code_box(prior, motion, tone(0.24), frame=0)
    assert "sound" not in box.head.content
    box.scope.value = "whole clip"
    assert box.head.content["sound"].startswith(b"RIFF")


def test_coefficients_become_vertices_of_the_skin(prior, babble):
    coded = CodedMotion(prior, babble(12, face_id="neutral@medium"))
    assert coded.motion.kind == "vertices" and coded.motion.face_id == "neutral@low"
    assert coded.motion.values.shape == (12, prior.skin, 3)


def test_a_figure_of_codes_says_how_far_each_moves(prior, motion):
    figure, words = code_figure(prior, motion, 2, 0, [0, 7])
    assert "Code 0, number 5 by distance. Moved, in mm: lips 3.00" in words
    assert "Code 7, number 7 by distance. Moved, in mm: lips 4.00" in words
    titles = [axis.get_title() for axis in figure.axes if axis.get_title()]
    assert titles == ["code 3\nthe clip's own", "code 0\nlips 3.0 mm", "code 7\nlips 4.0 mm"]
    assert len(png_of(figure)) < 25_000
    _, words = code_figure(prior, motion, 2, 0, 3)
    assert [f"number {rank} by" in words for rank in (1, 4, 7)] == [True] * 3


def test_a_figure_of_components_tells_lips_from_brows(prior, motion):
    figure, words = component_figure(prior, motion)
    first, second = words.split("component 0: ")[1].split("; component 1: ")
    assert "upper face 0.00" in first and "lips 0.00" not in first
    assert "lips 0.00" in second and "upper face 0.00" not in second
    assert words == component_figure(prior, motion)[1], "the same draws each time"
    assert len(png_of(figure)) < 25_000


def test_faces_in_rows_with_a_scale(motion):
    values = [np.full(motion.values.shape[1], 2.0)] * 3
    figure = faces_figure(FACE, list(motion.values[:3]), ["a", "b", "c"], values=values, columns=2)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["a", "b", "c", ""] and figure.axes[-1].get_xlabel() == "mm"
    plain = faces_figure(FACE, list(motion.values[:3]), ["a", "b", "c"], mouth=True)
    assert len(plain.axes) == 3


def test_heat_paints_the_skin_alone():
    face = get_face(FACE)
    skin = face.parts["skin"].stop
    cold, hot = (heat_face(face, np.full(skin, value), 0, 1).colors for value in (0.0, 1.0))
    np.testing.assert_array_equal(cold[skin:], hot[skin:])
    assert (np.abs(hot[:skin].astype(int) - cold[:skin]).max(1) > 60).all()
    assert face.colors is not cold and (face.colors[:skin] != cold[:skin]).any()


def test_what_cannot_be_coded_is_told(prior, motion):
    with pytest.raises(UserError, match="no frame 6: they go from 0 to 5"):
        code_box(prior, motion, frame=6)
    with pytest.raises(UserError, match="no component 2"):
        code_box(prior, motion, component=2)
    with pytest.raises(UserError, match="no code 8"):
        code_box(prior, motion, code=8)
    with pytest.raises(UserError, match="no frames"):
        code_box(prior, prior.motion(TABLE[:0]))
    with pytest.raises(UserError, match="1 to 5 codes"):
        code_figure(prior, motion, 0, 0, [0, 1, 2, 3, 4, 5])
    with pytest.raises(UserError, match="1 to 24 faces"):
        faces_figure(FACE, [], [])
    with pytest.raises(UserError, match="as many labels"):
        faces_figure(FACE, [motion.values[0]], [])
    plain = PlainPrior()
    plain.quantizer = None
    with pytest.raises(UserError, match="no codebook"):
        code_box(plain, motion)
