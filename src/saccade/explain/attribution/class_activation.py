"""Class activation maps: the maps of a layer, weighed by what the class's score gains from them.

Grad-CAM gives each channel one weight, the mean of its gradient; LayerCAM gives each cell its own, the positive part of
the gradient there. Negative evidence is left out, so a map may be 0 everywhere: nothing in that layer speaks for the
class.

Sources: R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", 2016;
P.-T. Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", 2021.

Shapes: B batch, C channels, h and w sides of the layer's maps, K classes.
"""

from typing import Any

import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.explain.attribution.frozen import frozen
from saccade.explain.attribution.gradients import class_scores


def grad_cam(
    network: nn.Module, x_BCHW: Tensor, class_B: Tensor, *, layer: nn.Module, use: int | None = None
) -> Tensor:
    """The sum of a layer's maps, each weighed by the mean of its gradient, less what is below 0.

    Args:
        network: module from float (B, C, H, W) to scores (B, K).
        x_BCHW: images as the network takes them.
        class_B: class of each example, int64 (B,).
        layer: module of the network whose output is (B, C, h, w).
        use: number of its call, from 0; None: the last.

    Returns:
        (B, h, w), from 0.
    """
    output_BCHW, gradient_BCHW = layer_gradient(network, x_BCHW, class_B, layer=layer, use=use)
    weight_BC11 = gradient_BCHW.mean(dim=(2, 3), keepdim=True)
    return (weight_BC11 * output_BCHW).sum(dim=1).clamp(min=0)


def layer_cam(
    network: nn.Module, x_BCHW: Tensor, class_B: Tensor, *, layer: nn.Module, use: int | None = None
) -> Tensor:
    """The sum of a layer's maps, each cell weighed by the positive part of its gradient, less what is below 0.

    Args:
        network: module from float (B, C, H, W) to scores (B, K).
        x_BCHW: images as the network takes them.
        class_B: class of each example, int64 (B,).
        layer: module of the network whose output is (B, C, h, w).
        use: number of its call, from 0; None: the last.

    Returns:
        (B, h, w), from 0.
    """
    output_BCHW, gradient_BCHW = layer_gradient(network, x_BCHW, class_B, layer=layer, use=use)
    return (gradient_BCHW.clamp(min=0) * output_BCHW).sum(dim=1).clamp(min=0)


def layer_gradient(
    network: nn.Module, x_BCHW: Tensor, class_B: Tensor, *, layer: nn.Module, use: int | None = None
) -> tuple[Tensor, Tensor]:
    """The output of a layer, and the gradient of a class's score by it.

    Args:
        network: module from float (B, C, H, W) to scores (B, K).
        x_BCHW: images as the network takes them.
        class_B: class of each example, int64 (B,).
        layer: module of the network.
        use: number of its call, from 0; None: the last.

    Returns:
        Both of the output's shape; zeros where the score does not depend on it.

    Raises:
        UserError: the layer is not called so often, or has no gradient.
    """
    with frozen(network):
        outputs: list[Tensor] = []
        handle = layer.register_forward_hook(_keeper(outputs))
        try:
            scores_B = class_scores(network, x_BCHW.detach().requires_grad_(), class_B)
        finally:
            handle.remove()
        number = len(outputs) - 1 if use is None else use
        if not 0 <= number < len(outputs):
            raise UserError(f"the layer must be called to be looked at; it was called {len(outputs)} times")
        output = outputs[number]
        if not output.requires_grad or scores_B.grad_fn is None:
            raise UserError("the network must be differentiable from the layer on; take occlusion")
        (gradient,) = torch.autograd.grad(scores_B.sum(), output, allow_unused=True)
    return output.detach(), torch.zeros_like(output) if gradient is None else gradient


def layer_output(network: nn.Module, x: Tensor, *, layer: nn.Module, use: int | None = None) -> Tensor:
    """The output of a layer, without gradients.

    Args:
        network: module that takes ``x``.
        x: input as the network takes it.
        layer: module of the network.
        use: number of its call, from 0; None: the last.

    Returns:
        The output.
    """
    outputs: list[Tensor] = []
    with frozen(network), torch.no_grad():
        handle = layer.register_forward_hook(_keeper(outputs))
        try:
            network(x)
        finally:
            handle.remove()
    return outputs[-1 if use is None else use]


def _keeper(outputs: list[Tensor]) -> Any:
    def keep(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        """The network goes on with a copy: an activation in place would write into what is kept."""
        outputs.append(output)
        return output.clone()

    return keep
