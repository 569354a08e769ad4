"""The methods by name: what each needs of a network, how its values become one map, and which fit.

Shapes: B batch, C channels, H height, W width, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.explain.attribution import class_activation, gradients, occlusion, relu_rules
from saccade.explain.attribution.spatial_layers import SpatialLayer

Needs = Literal["layer", "gradient", "relu", "answers"]


@dataclass(frozen=True)
class Method:
    """A way to make a map.

    Attributes:
        name: name on the command line.
        title: name in print.
        needs: what a network must have: a layer that keeps height and width, a gradient by its input, ReLUs, or nothing
            but answers.
        is_signed: whether values below 0 speak against the class.
        is_quick: whether one backward pass is all it takes.
    """

    name: str
    title: str
    needs: Needs
    is_signed: bool = False
    is_quick: bool = True


METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method("grad-cam", "Grad-CAM", "layer"),
        Method("layer-cam", "LayerCAM", "layer"),
        Method("saliency", "saliency", "gradient"),
        Method("smooth-grad", "SmoothGrad", "gradient", is_quick=False),
        Method("integrated-gradients", "integrated gradients", "gradient", is_signed=True, is_quick=False),
        Method("occlusion", "occlusion", "answers", is_signed=True, is_quick=False),
        Method("deconvolution", "deconvolution", "relu"),
        Method("guided-backpropagation", "guided backpropagation", "relu"),
    )
}


def method_named(name: str) -> Method:
    """A method by its name.

    Args:
        name: name on the command line.

    Returns:
        The method.

    Raises:
        UserError: there is none of that name.
    """
    if name not in METHODS:
        raise UserError(f"method ({name}) must be one of {', '.join(METHODS)}, or all")
    return METHODS[name]


def why_not(network: nn.Module, x_BCHW: Tensor, layers: list[SpatialLayer]) -> dict[str, str]:
    """What keeps each method from a network.

    Args:
        network: module from float (B, C, H, W) to scores (B, K).
        x_BCHW: an image as the network takes it.
        layers: its layers with spatial extent.

    Returns:
        Name of each method that does not fit, with the reason.
    """
    reasons = {}
    with_gradient = has_gradient(network, x_BCHW)
    with_relu = with_gradient and relu_rules.num_relus(network, x_BCHW[:1]) > 0
    for method in METHODS.values():
        if method.needs != "answers" and not with_gradient:
            reasons[method.name] = "the network has no gradient by its input"
        elif method.needs == "layer" and not layers:
            reasons[method.name] = "no layer keeps the image's height and width"
        elif method.needs == "relu" and not with_relu:
            reasons[method.name] = "the network calls no ReLU, whose way back it changes"
    return reasons


def has_gradient(network: nn.Module, x_BCHW: Tensor) -> bool:
    """Whether the scores have a gradient by the input."""
    x_BCHW = x_BCHW[:1].detach().requires_grad_()
    with gradients.frozen(network):
        return network(x_BCHW).grad_fn is not None and _reaches(network, x_BCHW)


def _reaches(network: nn.Module, x_BCHW: Tensor) -> bool:
    (gradient,) = torch.autograd.grad(network(x_BCHW).sum(), x_BCHW, allow_unused=True)
    return gradient is not None


def attribution(
    network: nn.Module, x_BCHW: Tensor, class_B: Tensor, method: str, layer: SpatialLayer | None = None
) -> Tensor:
    """What a method makes of images, one map an image.

    Values of several channels become one: the largest size of those whose sign says nothing, the sum of those with
    sign.

    Args:
        network: module from float (B, C, H, W) to scores (B, K).
        x_BCHW: images as the network takes them.
        class_B: class of each example, int64 (B,).
        method: name of a method that fits.
        layer: layer of class activation maps.

    Returns:
        (B, H, W), on the CPU.

    Raises:
        UserError: a value is not finite, because the network's own are not.
    """
    match method:
        case "grad-cam" | "layer-cam":
            assert layer is not None
            function = class_activation.grad_cam if method == "grad-cam" else class_activation.layer_cam
            map_BHW = layer.to_pixels(function(network, x_BCHW, class_B, layer=layer.module, use=layer.use))
        case "saliency":
            map_BHW = gradients.saliency(network, x_BCHW, class_B).amax(dim=1)
        case "smooth-grad":
            map_BHW = gradients.smooth_grad(network, x_BCHW, class_B).abs().amax(dim=1)
        case "integrated-gradients":
            map_BHW = gradients.integrated_gradients(network, x_BCHW, class_B).sum(dim=1)
        case "occlusion":
            map_BHW = occlusion.occlusion(network, x_BCHW, class_B)[:, 0]
        case "deconvolution":
            map_BHW = relu_rules.deconvolution(network, x_BCHW, class_B).abs().amax(dim=1)
        case _:
            map_BHW = relu_rules.guided_backpropagation(network, x_BCHW, class_B).abs().amax(dim=1)
    if not bool(map_BHW.isfinite().all()):
        raise UserError(f"the scores of the network must be finite for {method}: they are infinite or NaN here")
    return map_BHW.cpu()
