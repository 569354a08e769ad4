"""Methods that change what a ReLU does to a gradient: deconvolution and guided backpropagation.

On the way back a plain ReLU lets a gradient pass where its input was positive. Deconvolution (Zeiler and Fergus)
lets it pass where the gradient itself is positive, guided backpropagation where both are. Either is sharp, and either
looks much the same for a network with random weights, since it recovers edges of the input rather than evidence:
compare with ``faithfulness.similarity`` before believing it.

ReLUs are found as they are called, modules and functions alike, so that no list of layers is needed; ReLU6, which is
flat above 6 too, counts as one.

Sources: M. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", 2013; J. Springenberg et al.,
"Striving for Simplicity: The All Convolutional Net", 2014; J. Adebayo et al., "Sanity Checks for Saliency Maps", 2018.

Shapes: B batch, C channels, H height, W width, K classes.
"""

import math
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from saccade.core.errors import UserError
from saccade.explain.attribution.frozen import frozen
from saccade.explain.attribution.gradients import class_gradient

Rule = Literal["deconvolution", "guided"]

_RELU = {F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_}
_UPPER = {F.relu6: 6.0}


class _RuledReLU(torch.autograd.Function):
    """A ReLU with another way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, upper: float, rule: Rule) -> Tensor:
        ctx.rule = rule
        ctx.save_for_backward((x > 0) & (x < upper))
        return x.clamp(0, upper)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (was_active,) = ctx.saved_tensors
        positive = gradients[0].clamp(min=0)
        return positive * was_active if ctx.rule == "guided" else positive, None, None


class ReluRule(TorchFunctionMode):
    """While it lasts, every ReLU that is called sends gradients back by a rule.

    Args:
        rule: deconvolution or guided.

    Attributes:
        num_calls: number of ReLUs that were called.
    """

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.rule: Rule = rule
        self.num_calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        upper = _upper_end(func, args, kwargs)
        if upper is None:
            return func(*args, **kwargs)
        self.num_calls += 1
        return _RuledReLU.apply(args[0] if args else kwargs["input"], upper, self.rule)


def _upper_end(func: Any, args: Any, kwargs: Any) -> float | None:
    """Where a ReLU ends; None of what is none."""
    if func in _RELU:
        return math.inf
    if func is F.hardtanh:  # what nn.ReLU6 calls, with both ends
        given = dict(zip(("input", "min_val", "max_val"), args, strict=False)) | kwargs
        return float(given.get("max_val", 1.0)) if given.get("min_val", -1.0) == 0 else None
    return _UPPER.get(func)


def num_relus(network: nn.Module, x: Tensor) -> int:
    """How many ReLUs a network calls on its way from an input to its scores."""
    with frozen(network), torch.no_grad(), ReluRule("guided") as rule:
        network(x)
    return rule.num_calls


def deconvolution(network: nn.Module, x: Tensor, class_B: Tensor) -> Tensor:
    """The score sent back through the network, ReLUs applied to what is sent.

    Args:
        network: module from float (B, ...) to scores (B, K), with ReLUs.
        x: input as the network takes it, float (B, ...).
        class_B: class of each example, int64 (B,).

    Returns:
        Of the shape of ``x``, with sign.

    Raises:
        UserError: the network calls no ReLU.
    """
    return _ruled_gradient(network, x, class_B, "deconvolution")


def guided_backpropagation(network: nn.Module, x: Tensor, class_B: Tensor) -> Tensor:
    """The gradient, with every negative part stopped at every ReLU.

    Args:
        network: module from float (B, ...) to scores (B, K), with ReLUs.
        x: input as the network takes it, float (B, ...).
        class_B: class of each example, int64 (B,).

    Returns:
        Of the shape of ``x``, with sign.

    Raises:
        UserError: the network calls no ReLU.
    """
    return _ruled_gradient(network, x, class_B, "guided")


def _ruled_gradient(network: nn.Module, x: Tensor, class_B: Tensor, rule: Rule) -> Tensor:
    with ReluRule(rule) as mode:
        gradient = class_gradient(network, x, class_B)
    if not mode.num_calls:
        name = "guided-backpropagation" if rule == "guided" else "deconvolution"
        raise UserError(f"method ({name}) must meet a ReLU on its way back, and this network calls none")
    return gradient
