import numpy as np
import pytest
import torch
from torch.nn.functional import elu

from talking_heads.geometry import (
    MeshPyramid,
    PyramidLevel,
    build_pyramid,
    receptive_field,
    spirals,
)
from talking_heads.layers import SpiralConv, SpiralPyramid


def whole_numbers(*shape, seed):
    """Small whole numbers in float64: sums of their products are exact in any order."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-9, 10, shape, generator=generator).double()


def random_spirals(count, length, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.integers(count, size=(count, length))
    rows[:, 0] = np.arange(count)
    return torch.from_numpy(rows)


def exact(layer, seed=0):
    """The layer with whole numbers for weights."""
    layer.double()
    for i, parameter in enumerate(layer.parameters()):
        parameter.data = whole_numbers(*parameter.shape, seed=seed + i)
    return layer


@pytest.fixture(scope="module")
def pyramid():
    """A bumpy sheet of 15 x 14 vertices, halved three times."""
    y, x = np.divmod(np.arange(210), 15)
    vertices = np.stack([x, y, np.sin(x / 2) + np.cos(y / 3)], 1).astype(float)
    a = (np.arange(13)[:, None] * 15 + np.arange(14)).ravel()
    triangles = np.concatenate([np.stack([a, a + 1, a + 16], 1), np.stack([a, a + 16, a + 15], 1)])
    return build_pyramid(vertices, triangles, (2, 2, 2), 9, 2, cache=False)


def test_the_convolution_by_loops():
    spirals = random_spirals(7, 4)
    layer = exact(SpiralConv(3, 5, spirals))
    x = whole_numbers(2, 7, 3, seed=9)
    out = layer(x)
    weight, bias = layer.linear.weight, layer.linear.bias
    for b in range(2):
        for v in range(7):
            for o in range(5):
                total = bias[o].item()
                for place, u in enumerate(spirals[v].tolist()):
                    for c in range(3):
                        total += weight[o, 3 * place + c].item() * x[b, u, c].item()
                assert out[b, v, o].item() == total


def test_one_vertex_by_hand():
    layer = SpiralConv(1, 1, torch.tensor([[0, 2, 1], [1, 0, 2], [2, 1, 0]]))
    layer.linear.weight.data = torch.tensor([[100.0, 10.0, 1.0]])
    layer.linear.bias.data = torch.tensor([0.5])
    out = layer(torch.tensor([[1.0], [2.0], [3.0]]))
    assert out.squeeze(1).tolist() == [132.5, 213.5, 321.5]


def test_spirals_come_as_the_geometry_gives_them():
    """Arrays of NumPy, of which the layer keeps copies."""
    rows = spirals([[0, 1, 2], [0, 2, 3]], 4, 3, vertices=np.eye(4, 3))
    layer = SpiralConv(2, 5, rows)
    kept = SpiralConv(2, 5, rows, np.array([3, 1]))
    np.testing.assert_array_equal(layer.spirals.numpy(), rows)
    np.testing.assert_array_equal(kept.spirals.numpy(), rows[[3, 1]])
    rows[:] = 0
    assert int(layer.spirals.max()) == int(kept.spirals.max()) == 3
    assert kept(torch.randn(7, 4, 2)).shape == (7, 2, 5)


def test_weights_start_as_glorot_and_bengio_say():
    """Uniform, of variance 2 / (numbers before and after), and no offsets."""
    torch.manual_seed(0)
    layer = SpiralConv(20, 60, random_spirals(7, 9))
    most = (6 / (9 * 20 + 60)) ** 0.5
    weight = layer.linear.weight.detach()
    assert 0.99 * most < weight.abs().max() <= most
    assert float(weight.std()) == pytest.approx(most / 3**0.5, rel=0.02)
    assert not layer.linear.bias.any()


def test_only_the_kept_vertices_is_all_of_them_and_then_a_choice():
    spirals = random_spirals(40, 9)
    kept = torch.tensor([3, 0, 17, 39, 17, 22])
    full, part = exact(SpiralConv(4, 6, spirals)), SpiralConv(4, 6, spirals, kept).double()
    part.linear.load_state_dict(full.linear.state_dict())
    first = whole_numbers(5, 2, 40, 4, seed=1).requires_grad_()
    second = first.detach().clone().requires_grad_()
    upstream = whole_numbers(5, 2, 6, 6, seed=2)
    one, other = full(first)[..., kept, :], part(second)
    assert torch.equal(one, other)
    (one * upstream).sum().backward()
    (other * upstream).sum().backward()
    assert first.grad is not None
    assert torch.equal(first.grad, second.grad)
    assert torch.equal(full.linear.weight.grad, part.linear.weight.grad)
    assert torch.equal(full.linear.bias.grad, part.linear.bias.grad)


def test_the_pyramid_is_convolution_elu_and_selection_in_turn(pyramid):
    torch.manual_seed(0)
    channels = (3, 4, 5, 6)
    net = SpiralPyramid.from_pyramid(pyramid, channels).double()
    x = torch.randn(2, 3, 210, 3, dtype=torch.float64)
    slow = x
    for i, layer in enumerate(net.convolutions):
        level = pyramid.levels[i]
        everywhere = SpiralConv(channels[i], channels[i + 1], torch.from_numpy(level.spirals))
        everywhere.double().linear.load_state_dict(layer.linear.state_dict())
        slow = elu(everywhere(slow))[..., torch.from_numpy(level.kept), :]
    out = net(x)
    assert out.shape == (2, 3, pyramid.sizes[-1], 6)
    torch.testing.assert_close(out, slow, rtol=1e-12, atol=1e-12)


def test_any_leading_dimensions_and_single_precision(pyramid):
    net = SpiralPyramid.from_pyramid(pyramid, (3, 4, 4, 4))
    x = torch.randn(6, 210, 3)
    out = net(x)
    torch.testing.assert_close(net(x[0]), out[0])
    torch.testing.assert_close(net(x.reshape(2, 3, 210, 3)).reshape(out.shape), out)
    assert net(x[:0]).shape == (0, pyramid.sizes[-1], 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(net(x).float(), out, atol=0.1, rtol=0.1)


def test_gradients_agree_with_finite_differences():
    layer = SpiralConv(2, 3, random_spirals(6, 4), torch.tensor([1, 4])).double()
    x = torch.randn(2, 6, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (x,))


def test_the_influence_of_the_input_is_the_receptive_field(pyramid):
    net = SpiralPyramid.from_pyramid(pyramid, (1, 1, 1, 1)).double()
    net.activation = torch.nn.Identity()
    for layer in net.convolutions:
        torch.nn.init.ones_(layer.linear.weight)
    for vertex in (0, 11, pyramid.sizes[-1] - 1):
        x = torch.zeros(210, 1, dtype=torch.float64, requires_grad=True)
        net(x)[vertex].sum().backward()
        field = receptive_field(pyramid, 3, vertex)
        np.testing.assert_array_equal(x.grad.squeeze(1).numpy(), field)
        assert field.sum() == 9**3


def test_a_checkpoint_brings_the_spirals_along(pyramid):
    torch.manual_seed(1)
    net = SpiralPyramid.from_pyramid(pyramid, (3, 4, 4, 8))
    other = SpiralPyramid.blank(pyramid.sizes, 9, (3, 4, 4, 8))
    x = torch.randn(2, 210, 3)
    assert not torch.equal(net(x), other(x))
    other.load_state_dict(net.state_dict())
    assert torch.equal(net(x), other(x))
    moved = net.state_dict()["convolutions.0.spirals"]
    assert moved.dtype == torch.int64
    np.testing.assert_array_equal(moved.numpy(), pyramid.kept_spirals(0))


def test_numbering_the_vertices_anew_changes_only_the_order(pyramid):
    torch.manual_seed(2)
    level = pyramid.levels[0]
    new = torch.randperm(210)  # vertex v is called new[v]
    spirals = torch.from_numpy(level.spirals)
    renamed = torch.empty_like(spirals)
    renamed[new] = new[spirals]
    one, other = SpiralConv(3, 4, spirals), SpiralConv(3, 4, renamed)
    other.linear.load_state_dict(one.linear.state_dict())
    x = torch.randn(210, 3)
    moved = torch.empty_like(x)
    moved[new] = x
    torch.testing.assert_close(other(moved)[new], one(x))


def test_channel_counts_must_fit_the_levels(pyramid):
    with pytest.raises(ValueError, match="4 channel counts"):
        SpiralPyramid.from_pyramid(pyramid, (3, 4))


def test_a_pyramid_of_one_level_only_passes_through():
    empty = np.zeros((0, 3), dtype=np.int64)
    level = PyramidLevel(np.zeros((4, 3)), empty, np.zeros((4, 9), np.int64), None, None)
    net = SpiralPyramid.from_pyramid(MeshPyramid((level,), 9, 2), (3,))
    x = torch.randn(2, 4, 3)
    assert torch.equal(net(x), x)
