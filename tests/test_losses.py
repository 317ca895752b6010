import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from talking_heads import losses


def random_batch(seed: int, channels: int = 52) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    mask = torch.tensor([[True] * 6, [True, True, True, False, False, False]])
    return torch.rand(2, 6, channels), torch.rand(2, 6, channels), mask


def all_losses(a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
    factor, gradient = torch.randn(52, 52), torch.randn(52)
    return [
        losses.masked_mse(a, b, mask),
        losses.masked_l1(a, b, mask),
        losses.velocity_mse(a, b, mask),
        losses.mouth_error(a, b, mask, factor),
        losses.aperture_error(a, b, mask, gradient, closure_weight=2.0),
    ]


def test_mse_by_hand() -> None:
    a = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [100.0, 100.0]]])
    mask = torch.tensor([[True, True, False]])
    assert float(losses.masked_mse(a, torch.zeros_like(a), mask)) == pytest.approx(30 / 4)
    assert float(losses.masked_l1(a, -a, mask)) == pytest.approx(2 * 10 / 4)
    # One pair of true frames: (2, 2).
    assert float(losses.velocity_mse(a, torch.zeros_like(a), mask)) == pytest.approx(4.0)


@pytest.mark.parametrize("filling", [0.0, 1e6, float("nan")])
def test_padding_counts_for_nothing(filling: float) -> None:
    a, b, mask = random_batch(0)
    torch.manual_seed(5)
    expected = all_losses(a, b, mask)
    dirty = a.clone()
    dirty[1, 3:] = filling
    torch.manual_seed(5)
    for value, wanted in zip(all_losses(dirty, b, mask), expected, strict=True):
        torch.testing.assert_close(value, wanted)


@pytest.mark.parametrize("filling", [1e6, float("nan")])
def test_padding_pulls_at_nothing(filling: float) -> None:
    a, b, mask = random_batch(0)
    slopes = []
    for dirty in (b, b.masked_fill(~mask[..., None], filling)):
        made = a.clone().requires_grad_()
        torch.manual_seed(5)
        sum(all_losses(made, dirty, mask)).backward()  # type: ignore[union-attr]
        assert made.grad is not None
        slopes.append(made.grad)
    assert (slopes[0][~mask] == 0).all()
    assert torch.equal(*slopes)


def test_a_batch_of_padding_costs_nothing() -> None:
    a, b, mask = random_batch(1)
    assert [float(v) for v in all_losses(a, b, mask & False)] == [0.0] * 5


@given(st.integers(0, 1000), st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_the_mouth_factor_measures_vertices(seed: int, vertices: int) -> None:
    random = np.random.default_rng(seed)
    jacobian = random.normal(size=(52, vertices * 3)) * 1e-3
    jacobian[random.random(52) < 0.5] = 0.0
    change = random.normal(size=52)
    moved = (change @ jacobian).reshape(-1, 3) * 1000
    expected = np.mean((moved**2).sum(-1))
    factor = losses.mouth_factor(jacobian)
    assert float(((factor @ change) ** 2).sum()) == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_mouth_error_is_in_square_millimetres() -> None:
    jacobian = np.zeros((52, 6))
    jacobian[3] = [0.002, 0, 0, 0.002, 0, 0]
    factor = torch.from_numpy(losses.mouth_factor(jacobian))
    a = torch.zeros(1, 1, 52)
    b = a.clone()
    b[..., 3] = 0.5
    mask = torch.ones(1, 1, dtype=torch.bool)
    assert float(losses.mouth_error(b, a, mask, factor)) == pytest.approx(1.0, rel=1e-4)


def test_closures_weigh_more() -> None:
    gradient = torch.zeros(52)
    gradient[0] = 10.0
    mask = torch.ones(1, 1, dtype=torch.bool)

    def error(true: float, weight: float) -> float:
        target = torch.zeros(1, 1, 52)
        target[..., 0] = true
        made = target.clone()
        made[..., 0] += 0.1
        return float(losses.aperture_error(made, target, mask, gradient, closure_weight=weight))

    assert error(0.0, 0.0) == pytest.approx(1.0, rel=1e-4)
    assert error(0.0, 2.0) > 2.9
    assert error(1.0, 2.0) == pytest.approx(1.0, rel=1e-2)


def test_mouth_terms_of_the_course_face() -> None:
    from talking_heads.face import ARKIT_INDEX, get_face

    factor, gradient = losses.mouth_terms()
    assert factor.shape == (52, 52) and gradient.shape == (52,)
    # Opening the jaw opens the lips by centimetres; a blink does not.
    assert float(gradient[ARKIT_INDEX["jawOpen"]]) > 10
    # Over the mouth that the jaw has opened, mouthClose takes back as much.
    closing = float(gradient[ARKIT_INDEX["mouthClose"]] / gradient[ARKIT_INDEX["jawOpen"]])
    assert closing == pytest.approx(-1.0, abs=0.15)
    assert abs(float(gradient[ARKIT_INDEX["eyeBlinkLeft"]])) < 0.1
    # A small opening of the jaw moves the posed mouth as the factor says.
    face = get_face("neutral@low")
    pose = np.zeros((2, 52), dtype=np.float32)
    pose[1, ARKIT_INDEX["jawOpen"]] = 0.05
    rest, moved = face.pose(pose)[:, face.regions["mouth"]]
    expected = np.mean(((moved - rest) ** 2).sum(-1)) * 1e6
    found = float((factor @ torch.from_numpy(pose[1] - pose[0])).square().sum())
    assert found == pytest.approx(expected, rel=0.25)


def test_the_linear_aperture_is_that_of_the_face() -> None:
    from talking_heads.face import ARKIT_INDEX, get_face

    random = np.random.default_rng(0)
    pose = np.zeros((400, 52), dtype=np.float32)
    jaw, close = ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthClose"]
    pose[:, jaw] = random.uniform(0, 0.5, 400)
    pose[:, close] = random.uniform(0, 0.5, 400)  # often more than the jaw allows
    for name in ("mouthFunnel", "mouthLowerDownLeft", "mouthLowerDownRight"):
        pose[:, ARKIT_INDEX[name]] = random.uniform(0, 0.3, 400)
    true = 1000 * get_face("neutral@low").signed_aperture(pose)
    made = losses.linear_aperture(torch.from_numpy(pose), losses.mouth_terms()[1]).numpy()
    assert (pose[:, close] > pose[:, jaw] + 0.15).mean() > 0.2
    assert np.sqrt(np.mean((made - true) ** 2)) < 0.35
    assert np.corrcoef(made, true)[0, 1] > 0.99


def test_closing_beyond_the_jaw_is_no_error() -> None:
    gradient = losses.mouth_terms()[1]
    mask = torch.ones(1, 1, dtype=torch.bool)
    shut, more = torch.zeros(1, 1, 52), torch.zeros(1, 1, 52)
    shut[..., losses._JAW], shut[..., losses._CLOSE] = 0.2, 0.3
    more[..., losses._JAW], more[..., losses._CLOSE] = 0.2, 0.9
    assert float(losses.aperture_error(more, shut, mask, gradient)) == pytest.approx(0, abs=1e-8)
    open_lips = shut.clone()
    open_lips[..., losses._CLOSE] = 0.1
    assert float(losses.aperture_error(open_lips, shut, mask, gradient)) > 9
