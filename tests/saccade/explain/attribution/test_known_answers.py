"""Maps where the right answer is known: a corner, a sum, a cell's place; and what no map may do.

Shapes: B batch, C channels, H height, W width, K classes.
"""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.explain.attribution import class_activation, gradients, occlusion
from saccade.explain.attribution.faithfulness import area, perturbation_curve, points_into, similarity
from saccade.explain.attribution.frozen import frozen, state_digest, unchanged
from saccade.explain.attribution.methods import METHODS, attribution
from saccade.explain.attribution.spatial_layers import (
    convolution_outputs,
    last_layer,
    layer_named,
    spatial_layers,
)

CORNER = (12, 16, 16, 20)  # first row and column, and those behind the last


class Corner(nn.Module):
    """What lies in the corner; zeros in place of the rest."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        top, left, bottom, right = CORNER
        kept_BCHW = torch.zeros_like(x_BCHW)
        kept_BCHW[:, :, top:bottom, left:right] = x_BCHW[:, :, top:bottom, left:right]
        return kept_BCHW


class CornerNetwork(nn.Module):
    """Class 1 scores by what is bright in the lower right corner, class 0 by nothing: (B, 2, 16, 20) to (B, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.blur = nn.Conv2d(2, 3, 3, padding=1, bias=False)
        nn.init.constant_(self.blur.weight, 0.1)
        self.relu, self.corner = nn.ReLU(inplace=True), Corner()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        corner_B = self.corner(self.relu(self.blur(x_BCHW))).mean(dim=(1, 2, 3))
        return torch.stack([0 * corner_B, corner_B], dim=1)


@pytest.fixture
def bright() -> Tensor:
    return torch.rand(1, 2, 16, 20, generator=torch.Generator().manual_seed(4)) + 0.5


@pytest.mark.parametrize("method", METHODS)
def test_a_network_that_looks_at_one_corner_lights_up_that_corner(bright: Tensor, method: str) -> None:
    network = CornerNetwork().eval()
    layer = last_layer(spatial_layers(network, bright))
    map_HW = attribution(network, bright, torch.tensor([1]), method, layer)[0].numpy()
    top, left, _, _ = CORNER
    assert points_into(map_HW, CORNER)
    reach = 2 if method == "occlusion" else 1  # of the 3x3 window, and of the window that is covered
    map_HW[top - reach :, left - reach :] = 0
    assert not map_HW.any()


def test_grad_cam_forgets_where_a_layer_is_weighed_by_its_place_and_layer_cam_does_not(bright: Tensor) -> None:
    network = CornerNetwork().eval()
    layer = layer_named(spatial_layers(network, bright), "relu")
    bright[:, :, 2:5, 2:5] += 5  # the network does not look there
    looked_at = attribution(network, bright, torch.tensor([1]), "layer-cam", layer)[0].numpy()
    assert points_into(looked_at, CORNER)
    assert points_into(attribution(network, bright, torch.tensor([1]), "grad-cam", layer)[0].numpy(), (2, 2, 5, 5))


@pytest.mark.parametrize("method", METHODS)
def test_where_nothing_speaks_for_a_class_the_map_is_zero_and_no_nan(bright: Tensor, method: str) -> None:
    network = CornerNetwork().eval()
    layer = last_layer(spatial_layers(network, bright))
    map_HW = attribution(network, bright, torch.tensor([0]), method, layer)[0]
    assert torch.equal(map_HW, torch.zeros(16, 20))
    assert not points_into(map_HW.numpy(), CORNER)


def test_scores_that_are_no_numbers_are_refused(bright: Tensor) -> None:
    network = CornerNetwork().eval()
    with torch.no_grad():
        network.blur.weight[0, 0, 0, 0] = torch.nan
    with pytest.raises(UserError, match="finite for saliency"):
        attribution(network, bright, torch.tensor([1]), "saliency")


def test_integrated_gradients_add_up_to_the_difference_of_the_scores() -> None:
    torch.manual_seed(3)
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 5 * 6, 3)).eval()
    x_BCHW, class_B = torch.randn(4, 2, 7, 8), torch.tensor([2, 0, 1, 2])
    baseline = torch.randn_like(x_BCHW)
    found = gradients.integrated_gradients(network, x_BCHW, class_B, baseline=baseline)
    expected_B = (network(x_BCHW) - network(baseline)).gather(1, class_B[:, None])[:, 0]
    torch.testing.assert_close(found.sum(dim=(1, 2, 3)), expected_B, rtol=1e-4, atol=1e-5)  # of the rule of 50 points
    few = gradients.integrated_gradients(network, x_BCHW, class_B, baseline=baseline, steps=1)
    gap_B = gradients.completeness_gap(network, x_BCHW, class_B, few, baseline=baseline)
    torch.testing.assert_close(gap_B, few.sum(dim=(1, 2, 3)) - expected_B, rtol=1e-4, atol=1e-5)
    assert gap_B.abs().max() > 0.01  # one point is too few, and the gap says so


def test_each_cell_lies_in_the_middle_of_what_it_sees() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 2, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2 * 4 * 6, 3)
    ).eval()
    layers = spatial_layers(network, torch.zeros(1, 1, 12, 16))
    assert [layer.name for layer in layers] == ["0", "1", "2"]
    pooled = last_layer(layers)
    rows, columns = pooled.axes
    assert (rows.cells, columns.cells, rows.size, rows.jump) == (4, 6, 6, 2)
    assert [rows.centre(cell) for cell in range(4)] == [2.5, 4.5, 6.5, 8.5]
    assert columns.seen(2) == (4, 10)
    map_BHW = torch.zeros(1, 4, 6)
    map_BHW[0, 1, 4] = 1
    pixels_HW = pooled.to_pixels(map_BHW)[0]
    assert pixels_HW.shape == (12, 16)
    weights = pixels_HW / pixels_HW.sum()
    assert float((weights.sum(1) * torch.arange(12)).sum()) == pytest.approx(4.5)
    assert float((weights.sum(0) * torch.arange(16)).sum()) == pytest.approx(10.5)
    x_BCHW = torch.rand(1, 1, 12, 16).requires_grad_()  # and it is what autograd says it depends on
    (gradient,) = torch.autograd.grad(network[:3](x_BCHW)[0, :, 1, 4].sum(), x_BCHW)
    seen = torch.nonzero(gradient[0, 0])
    assert rows.seen(1)[0] <= seen[:, 0].min() and seen[:, 0].max() < rows.seen(1)[1]


def test_of_a_shared_relu_the_call_that_is_meant_is_looked_at() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.relu = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 3, 3), nn.ReLU(inplace=True)

        def forward(self, x_BCHW: Tensor) -> Tensor:
            return self.relu(self.second(self.relu(self.first(x_BCHW)))).mean(dim=(2, 3))

    torch.manual_seed(0)
    network, x_BCHW = Shared().eval(), torch.rand(2, 1, 8, 9)
    nn.init.constant_(network.second.bias, -0.1)
    layers = spatial_layers(network, x_BCHW)
    assert [(layer.name, layer.use, layer.channels) for layer in layers] == [
        ("first", 0, 2), ("relu", 0, 2), ("second", 0, 3), ("relu", 1, 3),
    ]  # fmt: skip
    assert [layer.name for layer in convolution_outputs(network, x_BCHW)] == ["relu", "relu"]
    first = class_activation.layer_output(network, x_BCHW, layer=network.relu, use=0)
    torch.testing.assert_close(first, network.first(x_BCHW).clamp(min=0))
    before = class_activation.layer_output(network, x_BCHW, layer=network.second)  # not what the ReLU made of it
    torch.testing.assert_close(before, network.second(first))
    assert (before < 0).any()


class ChannelsLast(nn.Module):
    """A linear layer over channels that were moved to the end, as ConvNeXt has it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.linear(x_BCHW.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # B H W C and back


@pytest.mark.parametrize(("side", "last"), [(16, "2"), (4, "0")])
def test_channels_that_were_moved_to_the_end_are_no_maps(side: int, last: str) -> None:
    network = nn.Sequential(nn.Conv2d(1, 9, 3, padding=1), nn.Conv2d(9, 9, 4, stride=4), ChannelsLast(9)).eval()
    layers = spatial_layers(nn.Sequential(network, nn.Flatten()), torch.zeros(1, 1, side, side))
    assert not any("linear" in layer.name for layer in layers)
    names = [layer.name for layer in layers if layer.name != "0"]
    assert names[-1] == f"0.{last}"


def test_behind_a_gate_that_sees_all_maps_are_still_maps() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.gate, self.second = nn.Conv2d(1, 6, 3), nn.Conv2d(6, 6, 1), nn.Conv2d(6, 4, 3)

        def forward(self, x_BCHW: Tensor) -> Tensor:
            h_BCHW = self.first(x_BCHW)
            h_BCHW = h_BCHW * self.gate(h_BCHW.mean(dim=(2, 3), keepdim=True)).sigmoid()
            return self.second(h_BCHW).mean(dim=(2, 3))

    layers = spatial_layers(Gated().eval(), torch.zeros(1, 1, 12, 10))
    assert [layer.name for layer in layers] == ["first", "second"]
    assert layers[1].sides == (8, 6) and layers[1].axes[0].centre(0) == pytest.approx(12 / 8 / 2 - 0.5)


def test_a_layer_that_does_not_exist_is_refused_with_the_nearest() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 2)).eval()
    layers = spatial_layers(network, torch.zeros(1, 1, 8, 8))
    with pytest.raises(UserError, match=r"layer \(3\) must be one that keeps .*; nearest: .*; the last is 1"):
        layer_named(layers, "3")
    with pytest.raises(UserError, match="this network has none: take saliency"):
        last_layer(spatial_layers(network[2:], torch.zeros(1, 1, 8, 9)))


def test_a_network_keeps_its_mode_its_weights_and_its_statistics() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Dropout(0.5), nn.Flatten())
    network = nn.Sequential(network, nn.Linear(72, 2)).train()
    network[0][3].eval()
    before, modes = state_digest(network), [module.training for module in network.modules()]
    x_BCHW, class_B = torch.rand(3, 1, 8, 8), torch.tensor([0, 1, 1])
    with unchanged(network):
        maps = [gradients.saliency(network, x_BCHW, class_B) for _ in range(2)]
        occlusion.occlusion(network, x_BCHW, class_B)
        class_activation.grad_cam(network, x_BCHW, class_B, layer=network[0][2])
    torch.testing.assert_close(*maps, rtol=0, atol=0)  # dropout would make them differ
    assert state_digest(network) == before
    assert [module.training for module in network.modules()] == modes
    assert all(parameter.grad is None for parameter in network.parameters())
    with pytest.raises(RuntimeError, match="changed while it was explained"), unchanged(network):
        network(x_BCHW)  # training mode: the batch norm's statistics move
    with pytest.raises(ZeroDivisionError), frozen(network):
        1 / 0  # noqa: B018
    assert [module.training for module in network.modules()] == modes


def test_curves_fall_and_rise_where_the_map_is_right_and_random_lies_between(bright: Tensor) -> None:
    network = CornerNetwork().eval()
    with torch.no_grad():
        network.blur.weight *= 20
    right = attribution(network, bright, torch.tensor([1]), "occlusion")[0].numpy()
    random = np.random.default_rng(0).random(right.shape)
    areas = {
        (kind, name): area(perturbation_curve(network, bright[0], 1, map_HW, kind))
        for kind in ("deletion", "insertion")
        for name, map_HW in (("right", right), ("random", random), ("wrong", -right))
    }
    assert areas["deletion", "right"] < areas["deletion", "random"] < areas["deletion", "wrong"]
    assert areas["insertion", "right"] > areas["insertion", "random"] > areas["insertion", "wrong"]
    whole = perturbation_curve(network, bright[0], 1, right, "deletion", steps=4)
    assert len(whole) == 5
    assert whole[0] == pytest.approx(network(bright).softmax(1)[0, 1].item()) and whole[-1] == pytest.approx(0.5)


def test_similarity_is_of_ranks_and_of_sizes() -> None:
    map_HW = np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]])
    assert similarity(map_HW, np.exp(np.abs(map_HW))) == pytest.approx(1)
    assert similarity(map_HW, -1 / map_HW) == pytest.approx(-1)
    assert similarity(map_HW, np.ones((2, 3))) == similarity(np.zeros((2, 3)), np.zeros((2, 3))) == 0
    around = np.pad(map_HW, 9)  # where both are 0, they agree on nothing that was learnt
    assert similarity(around, np.pad(-1 / map_HW, 9)) == pytest.approx(-1)
