"""A linear model of the whole window, from its last step on: what a forecast by any other network has to beat.

The choice for forecasts from a few hundred or thousand windows: it learns in seconds, it cannot see what is not there,
and trends that go on beyond all that training has seen do not lead it astray. ``gru`` and ``lstm`` with ``linear_skip``
add a recurrence to it. For classes it is a softmax regression over all values.

    forecast = last step + W (window - last step) + b          W and b begin at zero: persistence

Source: A. Zeng et al., "Are transformers effective for time series forecasting?", 2022, whose NLinear has one W for
all features, each seen alone. We differ: each target is forecast from all features, as a vector autoregression does,
and what is known ahead is read as it is, not from its last step on.

Shapes: B batch, T time steps, F features, K outputs.
"""

from torch import nn

from saccade.data.spec import Spec
from saccade.nn.last_value_skip import linear_forecast

ACCEPTS = ("series",)


def build(spec: Spec) -> nn.Module:
    """Build the network for a dataset.

    Args:
        spec: kind series.

    Returns:
        A module from float (B, T, F) to (B, K).
    """
    steps, features = spec.shape
    if not spec.horizon:
        return nn.Sequential(nn.Flatten(), nn.Linear(steps * features, spec.num_outputs))
    return linear_forecast(spec, from_last=True)
