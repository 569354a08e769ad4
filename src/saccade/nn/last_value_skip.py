"""A skip connection from the last step of a series to its forecast, so that a network learns the change alone.

Shapes: B windows, T time steps, F features, H steps ahead, G targets, O = H * G numbers to predict.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec, targets_of_names


class LastValueSkip(nn.Module):
    """The last value of each target, repeated: (B, T, F) to (B, O). The network's output is added to it.

    So a network learns how far things move and not where they are, which in a series whose level wanders is the larger
    part, and begins near persistence. Deviations and means of inputs and forecasts are the same, feature by feature.

    Args:
        columns: indices of the features that are forecast, in the order of the targets.
        horizon: steps ahead.
    """

    def __init__(self, columns: Sequence[int], horizon: int) -> None:
        super().__init__()
        self.columns = list(columns)
        self.horizon = horizon

    def forward(self, x_BTF: Tensor) -> Tensor:
        return x_BTF[:, -1, self.columns].repeat(1, self.horizon)


def build_skip(spec: Spec, *, from_last: bool) -> nn.Module | None:
    """Build the module whose output is added to a network's answer.

    Args:
        spec: spec of the dataset.
        from_last: whether a forecast begins at the last step.

    Returns:
        The module, or None: the answer stands alone.

    Raises:
        UserError: ``from_last`` where nothing is forecast.
    """
    if not from_last:
        return None
    if not spec.horizon:
        raise UserError("from_last (true) must be false where no series is forecast: leave it out")
    targets = targets_of_names(spec.targets, spec.horizon)
    return LastValueSkip([spec.features.index(target) for target in targets], spec.horizon)
