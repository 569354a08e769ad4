"""What a training minimises and reports, from a network's outputs and the targets of a batch.

Shapes: B batch, K classes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from saccade.optim.losses import SCORES, Loss, MixedTarget, Score, loss_of_heads, mixup_loss


class Objective:
    """A loss with everything that training adds to it, and the score that is reported beside it.

    Args:
        loss: function of outputs and targets, a mean over the batch.
        score: name of the score that is reported beside the loss.
        label_smoothing: smoothing of the training targets, in [0, 1): see ``losses.cross_entropy``, the one loss that
            takes any. Validation is measured without it.
        class_weights: weight of an example of each class in the training loss, float32 (K,) on the device of the
            network, or the factor of the examples that have it, where they may have several; None: 1. Validation is
            measured without them.
        score_function: function of the score; None: that of ``losses.SCORES``.

    Attributes:
        loss: the loss without weights and smoothing, which validation measures.
        score: name of the score.
    """

    def __init__(
        self,
        loss: Loss,
        *,
        score: str = "accuracy",
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
        score_function: Score | None = None,
    ) -> None:
        self.loss, self.score = loss, score
        self._score = score_function or SCORES[score]
        options: dict[str, Any] = {} if class_weights is None else {"weight_K": class_weights}
        if label_smoothing:
            options["smoothing"] = label_smoothing
        self._training_loss: Loss = mixup_loss(partial(loss, **options))
        self._training_score: Callable[..., Tensor] = mixup_loss(self._score)

    def __call__(self, outputs: Tensor | tuple[Tensor, ...], target: Tensor | MixedTarget) -> tuple[Tensor, Tensor]:
        """Loss and score of a training batch.

        Args:
            outputs: the network's, with those of auxiliary heads where it has any.
            target: labels, or two and their shares where examples are mixed.

        Returns:
            The loss to minimise, a mean over the batch, heads included; and the score of the outputs without the
            heads, a sum over the batch that no gradient goes through.
        """
        output, loss = loss_of_heads(self._training_loss, outputs, target)
        return loss, self._training_score(output.detach(), target)

    def measure(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Loss (mean) and score (sum) of a batch of validation: each example counts the same, labels as they are."""
        return self.loss(output, target), self._score(output, target)
