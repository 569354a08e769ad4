"""Methods that need nothing but the gradient of a class's score: saliency, SmoothGrad, integrated gradients.

They fit every network that is differentiable from its input on, a recurrent one over the rows of an image too.

Sources: K. Simonyan, A. Vedaldi, A. Zisserman, "Deep Inside Convolutional Networks", 2013; D. Smilkov et al.,
"SmoothGrad: removing noise by adding noise", 2017; M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep
Networks", 2017.

Shapes: B batch, C channels, H height, W width, K classes.
"""

import numpy as np
import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.explain.attribution.frozen import frozen

STEPS = 50  # points of the Gauss-Legendre rule, as captum's default


def class_scores(network: nn.Module, x: Tensor, class_B: Tensor) -> Tensor:
    """The score of one class an example, before any softmax: (B,)."""
    return network(x).gather(1, class_B[:, None])[:, 0]


def class_gradient(network: nn.Module, x: Tensor, class_B: Tensor) -> Tensor:
    """The gradient of a class's score by the input.

    Args:
        network: module from float (B, ...) to scores (B, K).
        x: input as the network takes it, float (B, ...).
        class_B: class of each example, int64 (B,).

    Returns:
        Of the shape of ``x``; no parameter gets a gradient.

    Raises:
        UserError: the score does not depend on the input by anything that has a gradient.
    """
    x = x.detach().requires_grad_()
    with frozen(network):
        score = class_scores(network, x, class_B).sum()
        if score.grad_fn is None:
            raise UserError(
                "the network must be differentiable by its input; take occlusion, which asks for no gradient"
            )
        (gradient,) = torch.autograd.grad(score, x, allow_unused=True)
    if gradient is None:
        raise UserError("the network must be differentiable by its input; take occlusion, which asks for no gradient")
    return gradient


def saliency(network: nn.Module, x: Tensor, class_B: Tensor) -> Tensor:
    """How much the score moves with each value of the input: the gradient without its sign.

    Args:
        network: module from float (B, ...) to scores (B, K).
        x: input as the network takes it, float (B, ...).
        class_B: class of each example, int64 (B,).

    Returns:
        Of the shape of ``x``, from 0.
    """
    return class_gradient(network, x, class_B).abs()


def smooth_grad(
    network: nn.Module, x: Tensor, class_B: Tensor, *, samples: int = 25, noise: float = 0.15, seed: int = 0
) -> Tensor:
    """The mean gradient over noisy copies of the input: what flickers between neighbouring inputs cancels out.

    Args:
        network: module from float (B, ...) to scores (B, K).
        x: input as the network takes it, float (B, ...).
        class_B: class of each example, int64 (B,).
        samples: number of noisy copies, from 1.
        noise: standard deviation of the noise, as a share of the range of each example's values, above 0.
        seed: seed of the noise.

    Returns:
        Of the shape of ``x``, with sign.
    """
    random = torch.Generator().manual_seed(seed)
    span_B = x.flatten(1).amax(1) - x.flatten(1).amin(1)
    deviation = noise * span_B.view(-1, *[1] * (x.ndim - 1))
    total = torch.zeros_like(x)
    for _ in range(samples):
        noisy = x + deviation * torch.randn(x.shape, generator=random).to(x)
        total += class_gradient(network, noisy, class_B)
    return total / samples


def integrated_gradients(
    network: nn.Module, x: Tensor, class_B: Tensor, *, baseline: Tensor | None = None, steps: int = STEPS
) -> Tensor:
    """What each value of the input adds to the score on the way from a baseline: ``(x - b) * mean gradient between``.

    The mean over the straight way from b to x is taken by the Gauss-Legendre rule. All values together are the
    difference of the two scores, up to the error of the rule, which ``completeness_gap`` measures.

    Args:
        network: module from float (B, ...) to scores (B, K).
        x: input as the network takes it, float (B, ...).
        class_B: class of each example, int64 (B,).
        baseline: input without what is looked for, of the shape of ``x``; None: zeros, which after normalising are the
            mean colour of the training data.
        steps: points between the two, from 1.

    Returns:
        Of the shape of ``x``, with sign.
    """
    baseline = torch.zeros_like(x) if baseline is None else baseline
    points, weights = np.polynomial.legendre.leggauss(steps)
    total = torch.zeros_like(x)
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        total += float(weight) * class_gradient(network, baseline + float(point) * (x - baseline), class_B)
    return (x - baseline) * total


def completeness_gap(
    network: nn.Module, x: Tensor, class_B: Tensor, attribution: Tensor, *, baseline: Tensor | None = None
) -> Tensor:
    """How far integrated gradients are from adding up to the difference of the scores.

    Args:
        network: module from float (B, ...) to scores (B, K).
        x: input as the network takes it, float (B, ...).
        class_B: class of each example, int64 (B,).
        attribution: result of ``integrated_gradients``.
        baseline: baseline that it was made with; None: zeros.

    Returns:
        Sum of the attribution less the difference of the scores, (B,).
    """
    baseline = torch.zeros_like(x) if baseline is None else baseline
    with frozen(network), torch.no_grad():
        difference_B = class_scores(network, x, class_B) - class_scores(network, baseline, class_B)
    return attribution.flatten(1).sum(1) - difference_B
