"""Skip connections from a series to its forecast, so that a network learns what a simple forecast leaves.

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


class AboveLastStep(nn.Module):
    """How far each step is above the last one: (B, T, F), shape kept.

    What is known ahead, or never changes, stays as it is: its level says something of the future by itself.

    Args:
        num_measured: number of features, the first ones, that are read from their last step on; None: all.
    """

    def __init__(self, num_measured: int | None = None) -> None:
        super().__init__()
        self.num_measured = num_measured

    def forward(self, x_BTF: Tensor) -> Tensor:
        last_B1F = x_BTF[:, -1:]
        if self.num_measured is None:
            return x_BTF - last_B1F
        return x_BTF - nn.functional.pad(last_B1F[..., : self.num_measured], (0, x_BTF.shape[2] - self.num_measured))


class LinearForecast(nn.Module):
    """A linear map of the whole window: (B, T, F) to (B, O). It begins at zero, or at the last value.

    Args:
        shape: T and F.
        columns: indices of the features that are forecast, in the order of the targets.
        horizon: steps ahead.
        from_last: whether the map is of what the window is above its last step, and its result is added to that step:
            a level that training has not seen then moves the forecast along with it.
        num_measured: number of features, the first ones, that are measured; None: all. See ``AboveLastStep``.
    """

    def __init__(
        self,
        shape: Sequence[int],
        columns: Sequence[int],
        horizon: int,
        *,
        from_last: bool,
        num_measured: int | None = None,
    ) -> None:
        super().__init__()
        self.reader = AboveLastStep(num_measured) if from_last else nn.Identity()
        self.last = LastValueSkip(columns, horizon) if from_last else None
        self.linear = nn.Linear(shape[0] * shape[1], horizon * len(columns))
        set_to_zero(self.linear)

    def forward(self, x_BTF: Tensor) -> Tensor:
        answer_BO = self.linear(self.reader(x_BTF).flatten(1))
        return answer_BO if self.last is None else answer_BO + self.last(x_BTF)


class PlannedHorizon(nn.Module):
    """A linear map of what is known of the steps to forecast: (B, T, F) to (B, O). It begins at zero.

    A pooling over time keeps what was there and not when; this is what says when.

    Args:
        spec: spec of a dataset of forecasts with channels that are known ahead.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        assert spec.inputs is not None
        channels, shifts, W = spec.inputs.known_channels, spec.inputs.shifts, spec.shape[0]
        self.steps: list[int] = []  # where the H * K values stand in a window
        self.columns: list[int] = []
        for ahead in range(1, spec.horizon + 1):
            number, shift = next((i, each) for i, each in enumerate(shifts) if 0 <= W - 1 + ahead - each < W)
            self.steps += [W - 1 + ahead - shift] * len(channels)
            self.columns += [spec.num_measured + (1 + number) * len(channels) + k for k in range(len(channels))]
        self.linear = nn.Linear(len(self.steps), len(spec.targets))
        set_to_zero(self.linear)

    def forward(self, x_BTF: Tensor) -> Tensor:
        answer_BO: Tensor = self.linear(x_BTF[:, self.steps, self.columns])
        return answer_BO


class Sum(nn.Module):
    """The sum of what several modules make of the same input.

    Args:
        *parts: modules from (B, T, F) to (B, O).
    """

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x_BTF: Tensor) -> Tensor:
        first, *others = (part(x_BTF) for part in self.parts)
        total: Tensor = sum(others, first)
        return total


def build_skip(spec: Spec, *, from_last: bool, linear_skip: bool = False) -> nn.Module | None:
    """Build the module whose output is added to a network's answer.

    What is known ahead of the steps to forecast reaches the answer by a linear map in any case.

    Args:
        spec: spec of the dataset.
        from_last: whether a forecast begins at the last step.
        linear_skip: whether a linear map of the window is added.

    Returns:
        The module, or None: the answer stands alone.

    Raises:
        UserError: one of them where nothing is forecast.
    """
    for name, value in (("from_last", from_last), ("linear_skip", linear_skip)):
        if value and not spec.horizon:
            raise UserError(f"{name} (true) must be false where no series is forecast: leave it out")
    if linear_skip:
        return linear_forecast(spec, from_last=from_last)
    last = LastValueSkip(targeted_columns(spec), spec.horizon) if from_last else None
    if spec.inputs is None or not spec.inputs.known_channels:
        return last
    planned = PlannedHorizon(spec)
    return planned if last is None else Sum(planned, last)


def linear_forecast(spec: Spec, *, from_last: bool) -> LinearForecast:
    """Build the linear map of a dataset's windows; what is known ahead of them is read as it is.

    Args:
        spec: spec of a dataset of forecasts.
        from_last: whether what is measured is read from its last step on, and the forecast begins there.

    Returns:
        The module.
    """
    measured = None if spec.inputs is None else spec.num_measured
    return LinearForecast(spec.shape, targeted_columns(spec), spec.horizon, from_last=from_last, num_measured=measured)


def targeted_columns(spec: Spec) -> list[int]:
    """Indices of the features that are forecast, in the order of the targets."""
    return [spec.features.index(target) for target in targets_of_names(spec.targets, spec.horizon)]


def set_to_zero(layer: nn.Module) -> None:
    """Make a layer give zero until it learns."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
