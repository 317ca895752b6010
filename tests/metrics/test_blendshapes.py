from __future__ import annotations

import numpy as np
import pytest

from talking_heads.errors import UserError
from talking_heads.face.names import ARKIT_INDEX, ARKIT_NAMES, BEAT_NAMES
from talking_heads.metrics import (
    FDD_MASK,
    FDD_PUBLISHED_MASK,
    LBE_MASK,
    LBE_PUBLISHED_MASK,
    fdd_blendshapes,
    lbe,
    left_out,
    mbe,
    measure_clip,
)
from talking_heads.metrics.blendshapes import mask_columns
from talking_heads.metrics.registry import Parts


def test_the_published_masks_name_what_the_numbers_mean() -> None:
    assert LBE_PUBLISHED_MASK == (
        "jawLeft", "jawRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthFunnel",
        "mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
        "mouthUpperUpLeft", "mouthUpperUpRight",
    )  # fmt: skip
    eyes = {name for name in ARKIT_NAMES if name.startswith("eye")}
    assert set(FDD_PUBLISHED_MASK) == eyes | {"noseSneerLeft", "noseSneerRight"}
    assert mask_columns(FDD_PUBLISHED_MASK, BEAT_NAMES).tolist() == [*range(8, 22), 49, 50]


def test_our_masks_contain_what_the_published_ones_lack() -> None:
    lost = {
        "jawOpen", "jawForward", "mouthClose", "mouthLeft", "mouthRight",
        *(f"mouth{what}{side}" for side in ("Left", "Right")
          for what in ("Smile", "Frown", "Stretch", "Press", "LowerDown")),
    }  # fmt: skip
    assert set(LBE_MASK) - set(LBE_PUBLISHED_MASK) == lost
    assert set(LBE_PUBLISHED_MASK) < set(LBE_MASK)
    assert set(FDD_PUBLISHED_MASK) < set(FDD_MASK)
    assert sum(name.startswith("brow") for name in FDD_MASK) == 5
    assert not set(LBE_MASK) & set(FDD_MASK)
    assert len(set(LBE_MASK)) == len(LBE_MASK) == 27 and len(set(FDD_MASK)) == len(FDD_MASK) == 23


def test_a_jaw_that_never_opens_has_a_perfect_published_lbe() -> None:
    true = np.zeros((10, 52))
    true[:, ARKIT_INDEX["jawOpen"]] = 0.7
    rows = measure_clip(true, np.zeros_like(true))
    assert rows["lbe_published"] == (0, 10)
    assert rows["lbe"] == (pytest.approx(7), 10)
    assert lbe(true, 0 * true, LBE_PUBLISHED_MASK) == 0 and lbe(true, 0 * true) > 0.69


def test_by_hand() -> None:
    true, made = np.zeros((2, 2, 51))
    smile, sneer, brow = (BEAT_NAMES.index(n) for n in ("mouthSmileLeft", "noseSneerLeft",
                                                        "browInnerUp"))  # fmt: skip
    made[0, smile], made[0, sneer] = 0.3, 0.4
    made[1, brow] = 1
    assert mbe(true, made) == pytest.approx((0.5 + 1) / 2)
    assert lbe(true, made) == pytest.approx(0.3 / 2)
    # Squares over the mask: 0.16 then 1; deviation 0.42. Without the brow: 0.16 then 0; 0.08.
    assert fdd_blendshapes(true, made) == pytest.approx(-0.42)
    assert fdd_blendshapes(true, made, FDD_PUBLISHED_MASK) == pytest.approx(-0.08)


def test_beat_and_arkit_order_agree() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.uniform(size=(2, 30, 52))
    a[:, ARKIT_INDEX["tongueOut"]] = b[:, ARKIT_INDEX["tongueOut"]] = 0
    order = [ARKIT_INDEX[name] for name in BEAT_NAMES]
    here, there = measure_clip(a, b), measure_clip(a[:, order], b[:, order])
    assert here.keys() == there.keys()
    for name in here:
        assert here[name] == pytest.approx(there[name], rel=1e-12), name
    names = [*reversed(ARKIT_NAMES)]
    turned = measure_clip(a[:, ::-1], b[:, ::-1], names=names)
    for name in here:
        assert here[name] == pytest.approx(turned[name], rel=1e-12), name


def test_channels_that_nobody_named() -> None:
    motion = np.zeros((4, 30))
    assert measure_clip(motion, motion).keys() == {"mbe"}
    assert left_out(motion, Parts())["lbe"] == "names not known"
    with pytest.raises(UserError, match="names"):
        lbe(motion, motion)
    with pytest.raises(UserError, match="jawForward"):
        measure_clip(motion, motion, names=[f"shape{i}" for i in range(30)])
    with pytest.raises(UserError, match="names"):
        measure_clip(motion, motion, names=ARKIT_NAMES)
    with pytest.raises(UserError, match="empty"):
        lbe(np.zeros((4, 52)), np.zeros((4, 52)), ())


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
@pytest.mark.filterwarnings("error")
def test_coefficients_that_are_not_finite(bad: float) -> None:
    true, made = np.ones((4, 52)), np.ones((4, 52))
    made[1, ARKIT_INDEX["jawOpen"]] = bad
    made[1, ARKIT_INDEX["eyeBlinkLeft"]] = bad
    for measured in (mbe, lbe, fdd_blendshapes):
        with pytest.raises(UserError, match="not finite"):
            measured(true, made)
