"""Our methods beside captum's, on a network with a norm, a pooling, a shared ReLU and a residual sum."""

import captum.attr
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from saccade.explain.attribution import class_activation, gradients, occlusion, relu_rules

pytestmark = pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require gradients")
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


class Small(nn.Module):
    """(B, 2, 13, 11) to (B, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 5, 3, padding=1)
        self.norm = nn.BatchNorm2d(5)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.second = nn.Conv2d(5, 5, 3, padding=1)
        self.last = nn.Linear(5 * 6 * 5, 4)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        h_BCHW = self.pool(self.relu1(self.norm(self.first(x_BCHW))))
        h_BCHW = self.relu2(h_BCHW + self.second(h_BCHW))
        return self.last(h_BCHW.flatten(1))


@pytest.fixture(scope="module")
def network() -> Small:
    torch.manual_seed(2)
    made = Small()
    made.norm.running_mean = torch.randn(5) / 3
    made.norm.running_var = torch.rand(5) + 0.5
    return made.eval()


@pytest.fixture(scope="module")
def x_BCHW() -> Tensor:  # noqa: N802
    return torch.randn(3, 2, 13, 11, generator=torch.Generator().manual_seed(5))


CLASSES = torch.tensor([3, 0, 2])


def test_saliency(network: Small, x_BCHW: Tensor) -> None:
    theirs = captum.attr.Saliency(network).attribute(x_BCHW, target=CLASSES)
    torch.testing.assert_close(gradients.saliency(network, x_BCHW, CLASSES), theirs, **CLOSE)


@pytest.mark.parametrize("steps", [7, 50])
def test_integrated_gradients(network: Small, x_BCHW: Tensor, steps: int) -> None:
    baseline = torch.full_like(x_BCHW, 0.3)
    theirs = captum.attr.IntegratedGradients(network).attribute(x_BCHW, baseline, target=CLASSES, n_steps=steps)
    ours = gradients.integrated_gradients(network, x_BCHW, CLASSES, baseline=baseline, steps=steps)
    torch.testing.assert_close(ours, theirs.to(ours.dtype), **CLOSE)


@pytest.mark.parametrize("layer", ["first", "relu2"])
def test_grad_cam(network: Small, x_BCHW: Tensor, layer: str) -> None:
    module = getattr(network, layer)
    theirs = captum.attr.LayerGradCam(network, module).attribute(x_BCHW, target=CLASSES, relu_attributions=True)
    ours = class_activation.grad_cam(network, x_BCHW, CLASSES, layer=module)
    assert (theirs > 0).any(), "a map of zeros would be equal whatever we computed"
    torch.testing.assert_close(ours, theirs[:, 0].detach(), **CLOSE)


@pytest.mark.parametrize(("window", "stride"), [((3, 2), (2, 1)), ((5, 4), (5, 4)), ((4, 4), (3, 2))])
def test_occlusion(network: Small, x_BCHW: Tensor, window: tuple[int, int], stride: tuple[int, int]) -> None:
    theirs = captum.attr.Occlusion(network).attribute(
        x_BCHW, target=CLASSES, sliding_window_shapes=(2, *window), strides=(2, *stride), baselines=0.2
    )
    ours = occlusion.occlusion(network, x_BCHW, CLASSES, window=window, stride=stride, value=0.2)
    torch.testing.assert_close(ours, theirs.to(ours.dtype), **CLOSE)


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU activations")
def test_deconvolution(network: Small, x_BCHW: Tensor) -> None:
    theirs = captum.attr.Deconvolution(network).attribute(x_BCHW, target=CLASSES)
    torch.testing.assert_close(relu_rules.deconvolution(network, x_BCHW, CLASSES), theirs, **CLOSE)


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU activations")
def test_guided_backpropagation(network: Small, x_BCHW: Tensor) -> None:
    theirs = captum.attr.GuidedBackprop(network).attribute(x_BCHW, target=CLASSES)
    torch.testing.assert_close(relu_rules.guided_backpropagation(network, x_BCHW, CLASSES), theirs, **CLOSE)


def test_relus_that_are_functions_or_write_in_place_follow_the_rule_too() -> None:
    class AsFunctions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(6, 6) for _ in range(5))
            self.inside = nn.ReLU(inplace=True)

        def forward(self, x_BF: Tensor) -> Tensor:
            x_BF = F.relu(self.layers[0](x_BF))
            x_BF = F.relu(self.layers[1](x_BF), inplace=True)
            x_BF = torch.relu(self.layers[2](x_BF))
            x_BF = self.layers[3](x_BF).relu()
            return self.inside(self.layers[4](x_BF))

    class AsModules(AsFunctions):
        def forward(self, x_BF: Tensor) -> Tensor:
            return nn.Sequential(*(part for layer in self.layers for part in (layer, nn.ReLU())))(x_BF)

    torch.manual_seed(1)
    functions, modules = AsFunctions(), AsModules()
    modules.load_state_dict(functions.state_dict())
    x_BF, class_B = torch.randn(4, 6), functions(torch.zeros(4, 6)).argmax(1)
    assert relu_rules.num_relus(functions, x_BF) == 5
    for method in (relu_rules.deconvolution, relu_rules.guided_backpropagation):
        torch.testing.assert_close(method(functions, x_BF, class_B), method(modules, x_BF, class_B))
