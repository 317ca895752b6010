import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, ARKIT_NAMES, IDENTITIES, get_face
from talking_heads.view.raster import render

LEFT = [n for n in ARKIT_NAMES if n.endswith("Left") and n[:-4] + "Right" in ARKIT_NAMES]
UNIT = arrays(np.float32, 52, elements=st.floats(0, 1, width=32))


def crossing(face, vertices):
    """How far, in metres, any point of the inner upper lip lies below its partner."""
    lips = face._lips
    rows = [lips.contact, len(lips.upper) - 2]  # the line of contact and the ring behind it
    gap = vertices[:, lips.upper[rows], 1] - vertices[:, lips.lower[rows], 1]
    return float(-gap.min())


def test_rest_is_the_zero_pose(low):
    np.testing.assert_array_equal(low.pose(np.zeros(52))[0], low.vertices)
    assert low.aperture(np.zeros(52))[0] == 0.0


def test_pose_matches_a_loop_over_frames(low):
    c = np.random.default_rng(0).uniform(0, 1, (7, 52)) ** 2
    together = low.pose(c)
    one_by_one = np.concatenate([low.pose(row) for row in c])
    np.testing.assert_allclose(together, one_by_one, atol=1e-6)


@given(UNIT)
@settings(max_examples=150, deadline=None)
def test_no_coefficients_make_the_lips_cross(c):
    face = get_face("neutral@low")
    v = face.pose(c)
    assert np.isfinite(v).all()
    assert crossing(face, v) <= 1e-7
    aperture = face.lip_aperture(v)[0]
    assert aperture >= 0
    assert aperture == pytest.approx(face.aperture(c)[0], abs=1e-7)
    assert np.abs(v - face.vertices).max() < 0.09


@pytest.mark.parametrize("name", IDENTITIES)
def test_sparse_coefficients_never_cross_on_any_head(name):
    face = get_face(f"{name}@low")
    rng = np.random.default_rng(4)
    c = rng.uniform(0, 1, (120, 52)) * (rng.uniform(size=(120, 52)) < 0.2)
    v = face.pose(c)
    assert crossing(face, v) <= 1e-7
    np.testing.assert_allclose(face.lip_aperture(v), face.aperture(c), atol=1e-7)


def test_aperture_is_the_same_at_all_resolutions(low, medium):
    rng = np.random.default_rng(5)
    c = rng.uniform(0, 1, (60, 52)) * (rng.uniform(size=(60, 52)) < 0.3)
    np.testing.assert_allclose(low.aperture(c), medium.aperture(c), atol=1e-6)


def test_aperture_is_measured_along_the_turned_head(low, make):
    c = np.stack([make(jawOpen=0.6, browInnerUp=1)] * 3)
    turn = np.array([[0.4, 0, 0], [0, -0.7, 0.2], [-0.3, 0.5, -0.4]])
    v = low.pose(c, turn)
    np.testing.assert_allclose(low.lip_aperture(v), low.aperture(c), atol=2e-6)
    assert np.abs(v - low.pose(c)).max() > 0.02
    # The trunk stays.
    shirt = low.parts["shirt"]
    np.testing.assert_allclose(v[:, shirt], low.pose(c)[:, shirt], atol=1e-6)


def test_head_rotation_follows_its_documented_signs(low):
    nose = low.landmarks["nose_tip"][0]
    still = low.vertices[nose]
    pitch, yaw, roll = (low.pose(np.zeros(52), r)[0] for r in 0.2 * np.eye(3))
    assert pitch[nose, 1] < still[1] - 0.005
    assert yaw[nose, 0] > still[0] + 0.005
    left = low.parts["eye_left"].start
    assert roll[left, 1] > low.vertices[left, 1] + 0.003


def test_open_jaw_has_a_human_aperture(low, make):
    wide = low.aperture(make(jawOpen=1))[0]
    assert 0.020 < wide < 0.031
    steps = low.aperture(np.stack([make(jawOpen=x) for x in np.linspace(0, 1, 11)]))
    assert (np.diff(steps) > 0.001).all()


@pytest.mark.parametrize("name", ["neutral", "head-03", "head-08", "head-12"])
def test_mouth_close_seals_the_lips_under_any_jaw(name, make):
    face = get_face(f"{name}@low")
    c = np.stack([make(jawOpen=x, mouthClose=x) for x in np.linspace(0, 1, 11)])
    v = face.pose(c)
    lips = face._lips
    gap = v[:, lips.upper[lips.contact]] - v[:, lips.lower[lips.contact]]
    assert np.linalg.norm(gap, axis=-1).max() < 5e-5
    # The jaw itself stays open.
    chin = face.landmarks["chin"][0]
    assert v[-1, chin, 1] < face.vertices[chin, 1] - 0.015


def test_closure_has_a_negative_signed_aperture_for_articulation(low, make):
    assert low.signed_aperture(make(mouthClose=0.1))[0] < -0.001
    assert low.aperture(make(mouthFunnel=1))[0] > 0.001
    closed = make(mouthFunnel=1, jawOpen=0.2, mouthClose=0.2)
    assert low.signed_aperture(closed)[0] > 0.0005
    # A kiss and a pushed upper lip are closed mouths.
    for name in ("mouthPucker", "mouthShrugUpper"):
        assert low.aperture(make(**{name: 1}))[0] < 0.0003
    for name in ("mouthPress", "mouthShrugLower", "mouthRollLower"):
        assert low.signed_aperture(make(**{name: 1}))[0] < 0
    # Pressing harder than the mouth is open closes what funnel leaves open.
    pressed = make(mouthFunnel=0.3, jawOpen=0.1, mouthClose=0.2, mouthPress=0.5)
    assert low.aperture(pressed)[0] == 0


@pytest.mark.parametrize("name", LEFT)
def test_left_shapes_move_the_left_side_and_mirror_the_right(name, medium):
    left = medium.pose(np.eye(52)[ARKIT_INDEX[name]])[0] - medium.vertices
    right = medium.pose(np.eye(52)[ARKIT_INDEX[name[:-4] + "Right"]])[0] - medium.vertices
    if name in ("jawLeft", "mouthLeft"):  # these go to a side
        assert left[:, 0].max() > 0.005 and right[:, 0].min() < -0.005
    else:
        weight = (left**2).sum(1)
        assert (weight * medium.vertices[:, 0]).sum() / weight.sum() > 0.012
    assert np.abs(left).max() == pytest.approx(np.abs(right).max(), rel=1e-3)
    np.testing.assert_allclose((left**2).sum(), (right**2).sum(), rtol=2e-2)


MOVES = {  # shape: (what moves, axis, sign)
    "jawForward": ("chin", 2, 1),
    "jawOpen": ("chin", 1, -1),
    "jawLeft": ("chin", 0, 1),
    "jawRight": ("chin", 0, -1),
    "mouthLeft": ("inner_lip_upper", 0, 1),
    "mouthRight": ("inner_lip_upper", 0, -1),
    "mouthSmileLeft": ("mouth_corner_left", 1, 1),
    "mouthFrownLeft": ("mouth_corner_left", 1, -1),
    "mouthStretchLeft": ("mouth_corner_left", 0, 1),
    "mouthDimpleLeft": ("mouth_corner_left", 2, -1),
    "mouthPucker": ("mouth_corner_left", 0, -1),
    "mouthFunnel": ("inner_lip_lower", 2, 1),
    "mouthRollLower": ("inner_lip_lower", 2, -1),
    "mouthRollUpper": ("inner_lip_upper", 2, -1),
    "mouthShrugUpper": ("inner_lip_upper", 2, 1),
    "mouthShrugLower": ("chin", 1, 1),
    "mouthUpperUpLeft": ("inner_lip_upper", 1, 1),
    "mouthLowerDownLeft": ("inner_lip_lower", 1, -1),
}


@pytest.mark.parametrize("name", MOVES)
def test_shapes_of_the_mouth_move_the_way_their_names_say(name, medium):
    landmark, axis, sign = MOVES[name]
    index = medium.landmarks[landmark][0]
    change = medium.pose(np.eye(52)[ARKIT_INDEX[name]])[0] - medium.vertices
    assert sign * change[index, axis] > 0.001


@pytest.mark.parametrize(
    ("name", "axis", "sign"),
    [("LookUp", 1, 1), ("LookDown", 1, -1), ("LookOut", 0, 1), ("LookIn", 0, -1)],
)
def test_gaze_turns_the_eyeball_about_its_centre(name, axis, sign, low):
    ball = low.parts["eye_left"]
    posed = low.pose(np.eye(52)[ARKIT_INDEX[f"eye{name}Left"]])[0, ball]
    assert sign * (posed[0] - low.vertices[ball][0])[axis] > 0.003  # vertex 0 is the pupil
    rest, now = (
        np.linalg.norm(p - low.eye_centers[0], axis=1) for p in (low.vertices[ball], posed)
    )
    np.testing.assert_allclose(rest, now, atol=1e-6)


def test_brows_follow_the_skin(medium):
    brows = medium.parts["brows"]
    for name, sign in (("browInnerUp", 1), ("browDownLeft", -1), ("browOuterUpLeft", 1)):
        change = medium.pose(np.eye(52)[ARKIT_INDEX[name]])[0] - medium.vertices
        assert sign * change[brows, 1][np.abs(change[brows, 1]).argmax()] > 0.003


def lid_samples(face, vertices):
    """Points spread over the triangles that lie wholly in the rings of the eyes."""
    inside = np.isin(face.triangles, face.regions["eyes"]).all(1)
    corners = vertices[face.triangles[inside]]
    weights = (
        np.array([(i, j, 6 - i - j) for i in range(7) for j in range(7 - i)], dtype=float) / 6.0
    )
    return np.einsum("wk,tkc->twc", weights, corners).reshape(-1, 3)


@pytest.mark.parametrize("name", ["neutral", "head-05", "head-11"])
@pytest.mark.parametrize("resolution", ["low", "medium"])
def test_lids_never_enter_the_eyeball(name, resolution, make):
    face = get_face(f"{name}@{resolution}")
    for blink in (0, 0.25, 0.5, 0.75, 1.0):
        for extra in ({}, {"eyeSquint": 1}, {"eyeLookDown": 1}, {"eyeWide": 1, "eyeLookUp": 1}):
            v = face.pose(make(eyeBlink=blink, **extra))[0]
            for center in face.eye_centers:
                distance = np.linalg.norm(lid_samples(face, v) - center, axis=1)
                assert distance.min() > face.eye_radius * 0.985, (blink, extra)


@pytest.mark.parametrize("name", ["neutral", "head-01", "head-10"])
@pytest.mark.parametrize("gaze", [{}, {"eyeLookUp": 1}, {"eyeLookOutLeft": 1, "eyeLookInRight": 1}])
def test_a_blink_hides_the_eyes_and_half_a_blink_hides_less(name, gaze, make):
    face = get_face(f"{name}@medium")
    paint = np.zeros_like(face.colors)
    paint[:, 2] = 200
    for part in ("eye_left", "eye_right", "glints"):
        paint[face.parts[part]] = (255, 0, 0)

    def seen(blink, yaw):
        v = face.pose(make(eyeBlink=blink, **gaze))[0]
        picture = render(v, face.triangles, paint, size=(200, 220), zoom=2.0, yaw=yaw, samples=1,
                         center=(0, 0, 0)).astype(int)  # fmt: skip
        return int((picture[..., 0] > picture[..., 2] + 20).sum())

    for yaw in (0, 30):
        open_, half, closed = (seen(b, yaw) for b in (0, 0.5, 1))
        assert closed == 0
        assert 0 < half < 0.8 * open_


def test_lids_meet_whatever_else_the_eyes_do(low, make):
    rng = np.random.default_rng(6)
    eye_shapes = [i for n, i in ARKIT_INDEX.items() if n.startswith("eye")]
    for _ in range(20):
        c = np.zeros(52)
        c[eye_shapes] = rng.uniform(0, 1, len(eye_shapes))
        c[[ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]]] = 1
        v = low.pose(c)[0]
        for eye in low._eyes:
            edge_up = v[eye.upper.index] - eye.center
            assert np.isfinite(edge_up).all()
        # The same closed line as a plain blink, up to what squint and wide do to the skin.
        plain = low.pose(make(eyeBlink=1))[0]
        assert np.abs(v[low.regions["eyes"]] - plain[low.regions["eyes"]]).max() < 0.005


def test_teeth_stay_behind_the_lips(medium, make):
    shut = (
        {}, {"mouthPucker": 1}, {"mouthSmile": 1}, {"mouthPress": 1}, {"mouthFrown": 1},
        {"jawOpen": 0.4, "mouthClose": 0.4}, {"jawOpen": 0.8, "mouthClose": 0.8},
        {"mouthShrugLower": 1}, {"mouthShrugUpper": 1},
        {"mouthRollLower": 1, "mouthRollUpper": 1}, {"mouthStretch": 1}, {"mouthDimple": 1},
    )  # fmt: skip
    paint = np.zeros_like(medium.colors)
    paint[:, 2] = 200
    paint[medium.parts["teeth"]] = (255, 0, 0)
    paint[medium.parts["tongue"]] = (255, 0, 0)
    for pose in shut:
        v = medium.pose(make(**pose))[0]
        for yaw in (0, 35):
            picture = render(
                v, medium.triangles, paint, size=(200, 200), zoom=3, yaw=yaw, samples=1,
                center=(0, -0.07, 0.05),
            ).astype(int)  # fmt: skip
            red = int((picture[..., 0] > picture[..., 2] + 20).sum())
            assert red == 0, (pose, yaw, red)


def test_coefficients_are_clipped_and_checked(low):
    np.testing.assert_array_equal(low.pose(np.full(52, 3.0)), low.pose(np.ones(52)))
    np.testing.assert_array_equal(low.pose(np.full(52, -1.0))[0], low.vertices)
    with pytest.raises(UserError, match=r"\(frame, 52\)"):
        low.pose(np.zeros(51))
    with pytest.raises(UserError, match="finite"):
        low.pose(np.full(52, np.nan))
    with pytest.raises(UserError, match="finite"):
        low.pose(np.full(52, 1e300))
    with pytest.raises(UserError, match="numbers"):
        low.pose(["wide"] * 52)
    with pytest.raises(UserError, match="head_rotation"):
        low.pose(np.zeros((4, 52)), np.zeros((3, 3)))
    with pytest.raises(UserError, match="Vertices of neutral@low"):
        low.lip_aperture(np.zeros((2, 7, 3)))
    assert low.pose(np.zeros((0, 52))).shape == (0, len(low.vertices), 3)
    assert low.aperture(np.zeros((0, 52))).shape == (0,)
    assert low.lip_aperture(low.vertices.astype(np.float64)).dtype == np.float32


def test_shape_jacobian_is_the_slope_at_rest(low):
    for region in ("lips", "upper_face"):
        slope = low.shape_jacobian(region)
        index = low.regions[region]
        assert slope.shape == (52, len(index) * 3)
        small = np.zeros(52)
        small[
            [ARKIT_INDEX["jawOpen"], ARKIT_INDEX["browInnerUp"], ARKIT_INDEX["mouthSmileLeft"]]
        ] = 0.02
        moved = (low.pose(small)[0] - low.vertices)[index].ravel()
        np.testing.assert_allclose(small @ slope, moved, atol=2e-5)
    with pytest.raises(UserError, match="region"):
        low.shape_jacobian("toes")


@pytest.mark.parametrize("identity", ["neutral", "head-12"])
def test_a_narrow_open_mouth_keeps_its_inside_inside(identity: str) -> None:
    face = get_face(f"{identity}@medium")
    colors = np.zeros_like(face.colors)
    for part in ("mouth", "teeth", "tongue"):
        colors[face.parts[part]] = (0, 255, 0)
    for jaw, pucker in ((0.6, 0.9), (1.0, 1.0)):
        coefficients = np.zeros(52, np.float32)
        coefficients[[ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthPucker"]]] = jaw, pucker
        vertices = face.pose(coefficients)[0]
        picture = render(
            vertices,
            face.triangles,
            colors,
            size=(500, 400),
            zoom=2.5,
            center=(0.0, -0.06, 0.05),
            background=(0, 0, 0),
        ).astype(int)
        # What shines on the black skin is white, so only the inside has more green than red.
        spots, count = ndimage.label(picture[..., 1] - picture[..., 0] > 40, np.ones((3, 3)))
        sizes = np.sort(np.bincount(spots.ravel())[1:])
        assert count >= 1 and sizes[-1] > 1000
        assert sizes[:-1].sum() <= 20, "the mouth bag comes through the cheeks"
