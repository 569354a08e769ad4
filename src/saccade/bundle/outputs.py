"""Output layers: from what a model gives to the data's own unit, or to logits that are as sure as they are right. Part
of every bundle that forecasts, answers with numbers that training takes standardised, or classifies with a temperature.

Shapes: B batch, O numbers to predict.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from saccade.data.spec import Spec, targets_of_names
from saccade.optim.losses import Loss


class Rescale(nn.Module):
    """(B, O) in units of the standard deviation to the data's own unit: ``x * std + mean``.

    Args:
        mean: mean over the training part of each number that is predicted.
        std: standard deviation over the training part of each number that is predicted, above 0.
    """

    mean_O: Tensor  # noqa: N815
    std_O: Tensor  # noqa: N815

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean_O", torch.tensor(mean, dtype=torch.float32), persistent=False)
        self.register_buffer("std_O", torch.tensor(std, dtype=torch.float32), persistent=False)

    def forward(self, x_BO: Tensor) -> Tensor:
        return x_BO * self.std_O + self.mean_O


class DivideLogits(nn.Module):
    """Logits, or the logit of the second of two classes, over a temperature; which is largest stays.

    Args:
        temperature: number above 0.
    """

    def __init__(self, temperature: float) -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"temperature ({temperature}) must be above 0")
        self.temperature = temperature

    def forward(self, logits: Tensor) -> Tensor:
        return logits.float() / self.temperature  # bfloat16 would round them twice

    def extra_repr(self) -> str:
        return f"temperature={self.temperature}"


def per_target(spec: Spec, values: Sequence[float]) -> list[float]:
    """Mean or deviation of each number that a forecast predicts: that of the feature that it is the future of.

    Args:
        spec: spec of a dataset of forecasts.
        values: mean or standard deviation, one a feature.

    Returns:
        One a target, in the order of ``spec.targets``.
    """
    targets = targets_of_names(spec.targets, spec.horizon)
    return [values[spec.features.index(target)] for target in targets] * spec.horizon


def output_for(spec: Spec, mean: Sequence[float], std: Sequence[float]) -> Rescale | None:
    """The output layer of a network, or None where there is none.

    Args:
        spec: spec of the dataset.
        mean: mean of the training part, one a feature.
        std: standard deviation of the training part, one a feature, above 0.

    Returns:
        A module for forecasts, which are the future of features; None for what is no feature's future: numbers to
        predict keep the unit in which the network gives them.
    """
    return Rescale(per_target(spec, mean), per_target(spec, std)) if spec.horizon else None


def in_units_of_std(loss: Loss, std_O: Tensor) -> Loss:
    """A loss of predictions in the data's own unit, taken in units of the standard deviation.

    So learning rates, and the weight that several targets have beside each other, do not depend on their units.

    Args:
        loss: function of outputs and targets.
        std_O: standard deviation of each number, on the device of the outputs.

    Returns:
        A loss of outputs and targets that are first divided by ``std_O``.
    """
    return lambda output_BO, target_BO: loss(output_BO / std_O, target_BO / std_O)
