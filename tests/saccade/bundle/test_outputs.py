"""Answers in the data's own unit, and losses that do not depend on it.

Shapes: B batch, T time steps, F features, O numbers to predict.
"""

import pytest
import torch

from saccade.bundle.bundle import NetworkConfig
from saccade.bundle.outputs import Rescale, in_units_of_std, output_for, per_target
from saccade.data.spec import Spec
from saccade.optim.losses import mae, mse

FORECAST = Spec(
    "series", (9, 3), targets=("c +1", "a +1", "c +2", "a +2"), features=("a", "b", "c"), step="1 day", horizon=2
)
MEAN, STD = [10.0, 20.0, -3000.0], [2.0, 5.0, 400.0]


def recipe(spec: Spec = FORECAST, task: str = "forecast", **arguments: object) -> NetworkConfig:
    return NetworkConfig("gru", {"hidden_size": 5}, spec, task, MEAN, STD, "0" * 64, **arguments)  # type: ignore[arg-type]


def test_each_number_has_the_unit_of_the_feature_that_it_is_the_future_of() -> None:
    assert per_target(FORECAST, MEAN) == [-3000, 10, -3000, 10]
    output = output_for(FORECAST, MEAN, STD)
    assert isinstance(output, Rescale)
    x_BO = torch.randn(7, 4)
    expected_BO = x_BO * torch.tensor([400.0, 2, 400, 2]) + torch.tensor([-3000.0, 10, -3000, 10])
    torch.testing.assert_close(output(x_BO), expected_BO)


def test_what_is_no_forecast_keeps_its_unit() -> None:
    spec = Spec("series", (9, 3), targets=("sum",), features=("a", "b", "c"))
    assert output_for(spec, MEAN, STD) is None
    assert len(recipe(spec, "regress").build_network()) == 2


def test_a_forecasting_network_answers_in_the_data_s_own_unit() -> None:
    network = recipe().build_network()
    assert len(network) == 3 and list(network[2].state_dict()) == []  # mean and std are in bundle.json
    x_BTF = torch.randn(6, 9, 3) * torch.tensor(STD) + torch.tensor(MEAN)
    own = network(x_BTF)
    in_std = network[1]((x_BTF - torch.tensor(MEAN)) / torch.tensor(STD))
    torch.testing.assert_close(own, in_std * torch.tensor([400.0, 2, 400, 2]) + torch.tensor([-3000.0, 10, -3000, 10]))


@pytest.mark.parametrize("loss", [mse, mae])
def test_loss_and_gradient_do_not_depend_on_the_unit(loss) -> None:  # type: ignore[no-untyped-def]
    """The same series in metres and in kilometres: the same loss and the same gradients."""
    x_BO, target_BO = torch.randn(8, 2), torch.randn(8, 2)
    losses, gradients = [], []
    for scale, shift in ((1.0, 0.0), (1000.0, 50.0)):
        weight = torch.ones(2, requires_grad=True)
        output = Rescale([shift, shift], [2.0 * scale, 0.5 * scale])
        std_O = torch.tensor([2.0 * scale, 0.5 * scale])
        target = target_BO * std_O + shift
        value = in_units_of_std(loss, std_O)(output(weight * x_BO), target)
        value.backward()
        losses.append(value.detach())
        gradients.append(weight.grad)
    torch.testing.assert_close(losses[1], losses[0], rtol=1e-4, atol=1e-5)  # 50 + 1000 x has fewer digits of x
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(losses[0], loss(x_BO, target_BO), rtol=1e-5, atol=1e-6)
