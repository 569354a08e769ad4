"""Forecasts that begin at the last step: with a network that answers nothing they are persistence.

Shapes: B batch, T time steps, F features, O numbers to predict.
"""

import numpy as np
import pytest
import torch

from saccade.bundle.bundle import NetworkConfig
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.kinds.series.forecasting.baselines import persistence
from saccade.nn.sequence_networks import gradient_norms_over_time

T, F = 9, 3
SPEC = Spec("series", (T, F), targets=("c +1", "a +1", "c +2", "a +2"), features=("a", "b", "c"), horizon=2)
MEAN, STD = [10.0, 20.0, -3000.0], [2.0, 5.0, 400.0]
MODELS = [
    name for name in registry.names("models") if "from_last" in registry.keyword_arguments("models", name, "build")
]


def recipe(model: str, **arguments: object) -> NetworkConfig:
    return NetworkConfig(model, arguments, SPEC, "forecast", MEAN, STD, "0" * 64)


def windows(count: int = 6) -> torch.Tensor:
    return torch.randn(count, T, F, generator=torch.Generator().manual_seed(1)) * torch.tensor(STD) + torch.tensor(MEAN)


@pytest.mark.parametrize("model", MODELS)
def test_what_the_network_says_is_added_to_what_was_last(model: str) -> None:
    torch.manual_seed(0)
    changed, alone = recipe(model, from_last=True).build_network(), recipe(model).build_network()
    alone.load_state_dict(changed.state_dict())  # there are no more weights than without
    x_BTF = windows()
    change_BO = alone.eval()(x_BTF) - torch.tensor([-3000.0, 10, -3000, 10])  # its own mean is no change
    expected_BO = torch.from_numpy(persistence(x_BTF.numpy(), SPEC)).float() + change_BO
    torch.testing.assert_close(changed.eval()(x_BTF), expected_BO, rtol=1e-5, atol=1e-3)
    for parameter in changed.parameters():
        torch.nn.init.zeros_(parameter)
    np.testing.assert_allclose(changed(x_BTF).detach(), persistence(x_BTF.numpy(), SPEC), rtol=1e-6, atol=1e-3)


def test_the_gradient_over_time_is_that_of_the_whole_answer() -> None:
    torch.manual_seed(0)
    model = recipe("lstm", from_last=True).build_network()[1]
    x_BTF, seen = torch.randn(4, T, F), []

    def loss(answer_BO: torch.Tensor) -> torch.Tensor:
        seen.append(answer_BO.detach())
        return answer_BO.square().mean()

    assert gradient_norms_over_time(model, x_BTF, loss).shape == (T,)
    torch.testing.assert_close(seen[0], model(x_BTF).detach())


@pytest.mark.parametrize("model", MODELS)
def test_where_nothing_is_forecast_there_is_no_last_value(model: str) -> None:
    with pytest.raises(UserError, match=r"from_last \(true\) must be false"):
        registry.module("models", model).build(Spec("series", (T, F), classes=("a", "b")), from_last=True)
