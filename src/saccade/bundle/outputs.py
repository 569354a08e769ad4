"""From what a network gives to the data's own unit. Part of every bundle that forecasts, so nobody can disagree.

Shapes: B batch, O numbers to predict.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from saccade.data.spec import Spec, targets_of_names
from saccade.optim.losses import Loss


class OwnUnit(nn.Module):
    """(B, O) in units of the standard deviation to the data's own unit: ``x * std + mean``.

    Args:
        mean: of each number that is predicted, over the training part.
        std: likewise, above 0.
    """

    mean_O: Tensor  # noqa: N815
    std_O: Tensor  # noqa: N815

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean_O", torch.tensor(mean, dtype=torch.float32), persistent=False)
        self.register_buffer("std_O", torch.tensor(std, dtype=torch.float32), persistent=False)

    def forward(self, x_BO: Tensor) -> Tensor:
        return x_BO * self.std_O + self.mean_O


def of_targets(spec: Spec, values: Sequence[float]) -> list[float]:
    """Of each number that a forecast predicts, the mean or deviation of the feature that it is the future of.

    Args:
        spec: of a forecast.
        values: one a feature.

    Returns:
        One a target, in the order of ``spec.targets``.
    """
    targets = targets_of_names(spec.targets, spec.horizon)
    return [values[spec.features.index(target)] for target in targets] * spec.horizon


def output_for(spec: Spec, mean: Sequence[float], std: Sequence[float]) -> OwnUnit | None:
    """What stands behind a network, or None where nothing does.

    Args:
        spec: of the dataset.
        mean: of the training part, per feature.
        std: likewise.

    Returns:
        A module for forecasts, which are the future of features; None for what is no feature's future: numbers to
        predict keep the unit in which the network gives them.
    """
    return OwnUnit(of_targets(spec, mean), of_targets(spec, std)) if spec.horizon else None


def in_units_of_std(loss: Loss, std_O: Tensor) -> Loss:
    """A loss of answers in the data's own unit, taken in units of the standard deviation.

    So learning rates, and the weight that several targets have beside each other, do not depend on their units.

    Args:
        loss: of outputs and targets.
        std_O: of each number, on the device of the outputs.

    Returns:
        A loss of outputs and targets that are first divided by ``std_O``.
    """
    return lambda output_BO, target_BO: loss(output_BO / std_O, target_BO / std_O)
