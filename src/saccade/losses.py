"""Losses that training minimises and scores that it reports beside them, each from outputs and targets of a batch.

A loss is a mean over the batch; a score is a sum over its examples, so that batches of any size can be added up.
Which of them a task offers stands in its file (``LOSSES``, ``SCORE``).

Shapes: B batch, K classes, O numbers to predict.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Loss = Callable[..., Tensor]
"""``loss(output, target)``: a mean over the batch. Those of classes take ``weight_K`` too."""
Score = Callable[[Tensor, Tensor], Tensor]

AUXILIARY_WEIGHT = 0.3  # C. Szegedy et al., "Going deeper with convolutions", 2014, section 5


@dataclass(frozen=True)
class MixedTarget:
    """What a network should say of examples that are mixed two by two.

    Attributes:
        own: classes int64 (B,) of the examples.
        partner: int64 (B,), of what each is mixed with.
        share: of the examples themselves, in [0, 1]; the partners have the rest.
    """

    own: Tensor
    partner: Tensor
    share: float


def of_mixtures(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A loss or a score that takes mixed targets too: ``share * of the own + (1 - share) * of the partner's``.

    Args:
        function: of outputs and plain targets.

    Returns:
        The same for plain targets; for a ``MixedTarget`` what the two of it come to.
    """

    def taking_both(output: Tensor, target: Tensor | MixedTarget) -> Tensor:
        if isinstance(target, Tensor):
            return function(output, target)
        own, partner = function(output, target.own), function(output, target.partner)
        return target.share * own + (1 - target.share) * partner

    return taking_both


def cross_entropy(logits_BK: Tensor, target_B: Tensor, weight_K: Tensor | None = None) -> Tensor:
    """Mean negative log-likelihood in nats: ``-log softmax(logits)[target]``.

    With weights, sum over the batch of ``weight_K[target] * loss``, divided by B. ``F.cross_entropy(weight=...)``
    divides by the sum of the batch's weights instead: there an example counts for more or less by the company it is in,
    and several batches or processes do not add up to one large batch.

    Args:
        logits_BK: unnormalised scores.
        target_B: class ids int64.
        weight_K: what an example of each class weighs, in the dtype of the logits; None: 1.

    Returns:
        Scalar tensor.
    """
    if weight_K is None:
        return F.cross_entropy(logits_BK, target_B)
    return F.cross_entropy(logits_BK, target_B, weight_K, reduction="sum") / target_B.shape[0]


def mse(output_BK: Tensor, target: Tensor, weight_K: Tensor | None = None) -> Tensor:
    """Squared error.

    Args:
        output_BK: logits where the targets are classes, else the predicted numbers.
        target: class ids int64 (B,): the course's ``sum over k of 1/2 (one_hot - softmax(logits))^2``, averaged over
            the batch. Numbers float (B, K): the mean over all of them of ``(output - target)^2``.
        weight_K: what an example of each class weighs, as in ``cross_entropy``; numbers have no classes.

    Returns:
        Scalar tensor.
    """
    if target.is_floating_point():
        assert weight_K is None
        return F.mse_loss(output_BK, target)
    one_hot_BK = F.one_hot(target, output_BK.shape[1]).to(output_BK.dtype)
    loss_B = 0.5 * (one_hot_BK - output_BK.softmax(dim=1)).square().sum(dim=1)
    return loss_B.mean() if weight_K is None else (weight_K[target] * loss_B).mean()


def mae(output_BO: Tensor, target_BO: Tensor) -> Tensor:
    """Mean absolute error of predicted numbers."""
    return F.l1_loss(output_BO, target_BO)


def num_right(logits_BK: Tensor, target_B: Tensor) -> Tensor:
    """How many examples have their largest logit at their class."""
    return (logits_BK.argmax(dim=1) == target_B).sum()


def sum_of_absolute_errors(output_BO: Tensor, target_BO: Tensor) -> Tensor:
    """Over the examples, of each one's mean absolute error."""
    return (output_BO - target_BO).abs().mean(dim=1).sum()


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy, "mse": mse, "mae": mae}
SCORES: dict[str, Score] = {"accuracy": num_right, "mae": sum_of_absolute_errors}


def loss_of_heads(
    loss: Loss, outputs: Tensor | tuple[Tensor, ...], target: Tensor | MixedTarget
) -> tuple[Tensor, Tensor]:
    """The loss of a network's answer, and of its auxiliary heads where training has any.

    Args:
        loss: a mean over the batch.
        outputs: the answer, or the answer and what auxiliary heads answered; any float dtype.
        target: what the loss takes.

    Returns:
        The answer as float32, without the heads; the loss of the answer plus 0.3 times that of each head.
    """
    if isinstance(outputs, Tensor):
        outputs = (outputs,)
    answer, *auxiliary = (output.float() for output in outputs)
    total = loss(answer, target)
    if auxiliary:
        total = total + AUXILIARY_WEIGHT * torch.stack([loss(output, target) for output in auxiliary]).sum()
    return answer, total


def constant_loss(name: str, labels: Tensor) -> float | None:
    """The lowest loss of an answer that is the same for all examples: what learning has to do better than.

    Args:
        name: a key of ``LOSSES``.
        labels: classes int64 (N,), or numbers float (N, O).

    Returns:
        With the classes' shares p: their entropy ``-sum p log p`` for cross entropy, ``1/2 (1 - sum p^2)`` for mse. Of
        numbers: their variance for mse, their mean distance from the median for mae. None of any other loss.
    """
    if labels.is_floating_point():
        labels = labels.double()
        if name == "mse":
            return labels.var(dim=0, correction=0).mean().item()
        return (labels - labels.quantile(0.5, dim=0)).abs().mean().item() if name == "mae" else None
    share_K = labels.bincount().double() / labels.shape[0]
    if name == "cross_entropy":
        return torch.special.entr(share_K).sum().item()
    return 0.5 * (1 - share_K.square().sum()).item() if name == "mse" else None
