"""Losses that training minimises and scores that it reports beside them, each from outputs and targets of a batch.

A loss is a mean over the batch; a score is a sum over its examples, so that batches of any size can be added up.
Which of them a task offers stands in its file (``LOSSES``, ``SCORE``), which may bring others as functions of its own.

Shapes: B batch, T time steps, K classes, V tokens of a vocabulary, O numbers to predict.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from saccade.core import registry
from saccade.data.spec import PAD
from saccade.optim.ctc import ctc, num_read_right

Loss = Callable[..., Tensor]
"""``loss(output, target)``: a mean over the batch. Those of classes take ``weight_K`` too.

A task names those that it knows in ``LOSSES``: of the ones below, or functions of its own file.
"""
Score = Callable[[Tensor, Tensor], Tensor]

AUXILIARY_WEIGHT = 0.3  # C. Szegedy et al., "Going deeper with convolutions", 2014, section 5


@dataclass(frozen=True)
class MixedTarget:
    """Targets of examples that are mixed two by two.

    Attributes:
        own: classes of the examples, int64 (B,).
        partner: classes of the examples that they are mixed with, int64 (B,).
        lam: mixup's lambda, the share of the examples themselves, in [0, 1]; the partners have the rest.
    """

    own: Tensor
    partner: Tensor
    lam: float


def mixup_loss(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A loss or a score that takes mixed targets too: ``lam * f(own) + (1 - lam) * f(partner)``.

    Args:
        function: loss or score of outputs and plain targets.

    Returns:
        A function that does the same for plain targets, and weighs the two classes of a ``MixedTarget``.
    """

    def of_both(output: Tensor, target: Tensor | MixedTarget) -> Tensor:
        if isinstance(target, Tensor):
            return function(output, target)
        own, partner = function(output, target.own), function(output, target.partner)
        return target.lam * own + (1 - target.lam) * partner

    return of_both


def cross_entropy(logits: Tensor, target: Tensor, weight_K: Tensor | None = None, *, smoothing: float = 0.0) -> Tensor:
    """Mean negative log-likelihood in nats: ``-log softmax(logits)[target]``.

    Where each step of a text has a target, that of a text is the mean over its steps, and each text counts the same: so
    the loss is a mean over examples here as elsewhere, and texts of one length count each token the same.

    With smoothing s, that of a target which is the class to 1 - s and every class alike to s:
    ``(1 - s) * -log softmax(logits)[target] + s / K * sum over k of -log softmax(logits)[k]``.

    With weights, sum over the batch of ``weight_K[target] * loss``, divided by B. ``F.cross_entropy(weight=...)``
    divides by the sum of the batch's weights instead: there an example counts for more or less by the company it is in,
    and several batches or processes do not add up to one large batch. It also weighs the smoothed part by the weights
    of all classes; here an example weighs what its own class does, in both parts.

    Source: C. Szegedy et al., "Rethinking the Inception architecture for computer vision", 2015, section 7.

    Args:
        logits: unnormalised scores (B, K), or (B, T, V).
        target: class ids int64 (B,), or the next tokens (B, T), padding behind their ends.
        weight_K: weight of an example of each class, in the dtype of the logits; None: 1. Tokens have no weights.
        smoothing: share of each target that all classes get alike, in [0, 1).

    Returns:
        Scalar tensor.
    """
    if target.ndim == 2:
        assert weight_K is None
        return _mean_over_steps(token_losses(logits, target, smoothing), target).mean()
    if weight_K is None:
        return F.cross_entropy(logits, target, label_smoothing=smoothing)
    loss_B = F.cross_entropy(logits, target, reduction="none", label_smoothing=smoothing)
    return (weight_K[target] * loss_B).mean()


def token_losses(logits_BTV: Tensor, target_BT: Tensor, smoothing: float = 0.0) -> Tensor:
    """Negative log-likelihood of each token in nats, (B, T), as ``cross_entropy``; 0 where the target is padding."""
    logits, target = logits_BTV.flatten(0, 1), target_BT.flatten()  # to (B T)
    loss = F.cross_entropy(logits, target, ignore_index=PAD, reduction="none", label_smoothing=smoothing)
    return loss.view_as(target_BT)


def _mean_over_steps(value_BT: Tensor, target_BT: Tensor) -> Tensor:
    """Each text's mean over its real steps, (B,), of values that are 0 at the others."""
    return value_BT.sum(dim=1) / (target_BT != PAD).sum(dim=1).clamp(min=1)


def binary_cross_entropy(logits: Tensor, target: Tensor, weight_K: Tensor | None = None) -> Tensor:
    """Mean negative log-likelihood in nats of answers that are yes or no, ``p = sigmoid(logit)`` of yes.

    ``-log p`` where the answer is yes, ``-log(1 - p)`` where it is no. Of two classes, from the logit of the second
    alone, it is the cross entropy of the logits 0 and ``logit``: one output can say as much as two, of which only the
    difference counts. Where an example may have several classes, each class is an answer, and the loss is the mean over
    all of them.

    Args:
        logits: logit of the second class, (B, 1); or one a class, (B, K), where examples may have several.
        target: class ids int64 (B,), 0 or 1; or uint8 (B, K), 1 where an example has the class.
        weight_K: weight of an example of each class, float32 (2,); of several classes, factor on the part of the
            examples that have it, float32 (K,): torch's ``pos_weight``. None: 1.

    Returns:
        Scalar tensor.
    """
    if target.ndim == 2:
        return F.binary_cross_entropy_with_logits(logits, target.to(logits.dtype), pos_weight=weight_K)
    weight_B = None if weight_K is None else weight_K[target]
    return F.binary_cross_entropy_with_logits(logits[:, 0], target.to(logits.dtype), weight_B)


def mse(output_BK: Tensor, target: Tensor, weight_K: Tensor | None = None) -> Tensor:
    """Squared error.

    Args:
        output_BK: logits where the targets are classes, else the predicted numbers.
        target: class ids int64 (B,): the course's ``sum over k of 1/2 (one_hot - softmax(logits))^2``, averaged over
            the batch. Numbers float (B, K): the mean over all of them of ``(output - target)^2``.
        weight_K: weight of an example of each class, as in ``cross_entropy``; numbers have no classes.

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


def num_correct(logits: Tensor, target: Tensor) -> Tensor:
    """The number of examples whose largest logit is that of their class; of texts, the sum of the shares of correct
    tokens.

    A single logit (B, 1) is the second class's, against 0 for the first.
    """
    if target.ndim == 2:
        is_correct_BT = (logits.argmax(dim=2) == target) & (target != PAD)
        return _mean_over_steps(is_correct_BT.float(), target).sum()
    predicted_B = logits[:, 0] > 0 if logits.shape[1] == 1 else logits.argmax(dim=1)
    return (predicted_B == target).sum()


def sum_of_absolute_errors(output_BO: Tensor, target_BO: Tensor) -> Tensor:
    """The sum over the examples of each one's mean absolute error."""
    return (output_BO - target_BO).abs().mean(dim=1).sum()


def sum_of_f1(logits_BK: Tensor, target_BK: Tensor) -> Tensor:
    """The sum over the examples of each one's F1: of the classes whose logit is above 0 with those that it has.

    Where it has none, and none is found, it is 1: that of scikit-learn's ``f1_score(average="samples")`` with
    ``zero_division=1``.
    """
    found_BK, has_BK = logits_BK > 0, target_BK > 0
    both_B, either_B = (found_BK & has_BK).sum(dim=1), found_BK.sum(dim=1) + has_BK.sum(dim=1)
    return torch.where(either_B == 0, 1.0, 2 * both_B / either_B.clamp(min=1)).sum()


LOSSES: dict[str, Loss] = {
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "mse": mse,
    "mae": mae,
    "ctc": ctc,
}
ONE_OUTPUT = ("binary_cross_entropy",)  # the losses of networks that answer two classes with one number
SCORES: dict[str, Score] = {
    "accuracy": num_correct,
    "mae": sum_of_absolute_errors,
    "samples_f1": sum_of_f1,
    "line_accuracy": num_read_right,
}


def loss_of_task(task: str, name: str) -> Loss:
    """A loss that a task names in ``LOSSES``.

    Args:
        task: name of a file in ``tasks/``.
        name: function of that file, else key of ``LOSSES``.

    Returns:
        The function.
    """
    if not is_own(task, name):
        return LOSSES[name]
    loss: Loss = getattr(registry.module("tasks", task), name)
    return loss


def score_of_task(task: str) -> Score:
    """The function that a task names in ``SCORE``: of its own file, else of ``SCORES``."""
    name = registry.constant("tasks", task, "SCORE")
    if not is_own(task, name):
        return SCORES[name]
    score: Score = getattr(registry.module("tasks", task), name)
    return score


def is_own(task: str, name: str) -> bool:
    """Whether a task's own file brings the loss or score."""
    return registry.has_function("tasks", task, name)


def loss_of_heads(
    loss: Loss, outputs: Tensor | tuple[Tensor, ...], target: Tensor | MixedTarget
) -> tuple[Tensor, Tensor]:
    """The loss of a network's outputs, and of its auxiliary heads where training has any.

    Args:
        loss: function of outputs and target, a mean over the batch.
        outputs: outputs of the network, or these and those of its auxiliary heads; any float dtype.
        target: target of all of them.

    Returns:
        The network's outputs as float32, without the heads; their loss plus 0.3 times that of each head.
    """
    if isinstance(outputs, Tensor):
        outputs = (outputs,)
    answer, *auxiliary = (output.float() for output in outputs)
    total = loss(answer, target)
    if auxiliary:
        total = total + AUXILIARY_WEIGHT * torch.stack([loss(output, target) for output in auxiliary]).sum()
    return answer, total


def constant_prediction_loss(name: str, labels: Tensor) -> float | None:
    """The lowest loss of a prediction that is the same for all examples: what learning has to do better than.

    Args:
        name: key of ``LOSSES``.
        labels: classes int64 (N,), several an example uint8 (N, K), the next tokens or texts int64 (N, T), or numbers
            float (N, O).

    Returns:
        With the shares p of the classes, or of the tokens, of which each text's count the same together: their entropy
        ``-sum p log p`` for cross entropy, of two classes by one output too, ``1/2 (1 - sum p^2)`` for mse. Of several
        classes an example: the mean over the classes of the entropy of having it or not. Of numbers: their variance for
        mse, their mean distance from the median for mae. None of any other loss.
    """
    if name == "ctc":
        return None
    if labels.dtype == torch.uint8:
        share_K = labels.double().mean(dim=0)
        entropy_K = torch.special.entr(share_K) + torch.special.entr(1 - share_K)
        return entropy_K.mean().item() if name == "binary_cross_entropy" else None
    if labels.is_floating_point():
        labels = labels.double()
        if name == "mse":
            return labels.var(dim=0, correction=0).mean().item()
        return (labels - labels.median(dim=0).values).abs().mean().item() if name == "mae" else None
    if labels.ndim == 2:
        real_NT = labels != PAD
        weight_NT = real_NT / real_NT.sum(dim=1, keepdim=True).clamp(min=1)
        share_K = labels.flatten().bincount(weight_NT.flatten().double()) / labels.shape[0]
    else:
        share_K = labels.bincount().double() / labels.shape[0]
    if name in ("cross_entropy", "binary_cross_entropy"):
        return torch.special.entr(share_K).sum().item()
    return 0.5 * (1 - share_K.square().sum()).item() if name == "mse" else None
