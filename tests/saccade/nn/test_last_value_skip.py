"""Forecasts that begin at the last step, or at a linear map of the window: what they are with a network that is silent.

Shapes: B batch, T time steps, F features, O numbers to predict.
"""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

from saccade.bundle.bundle import NetworkConfig
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.data.forecast_inputs import ForecastInputs, shifts_for
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


@pytest.mark.parametrize(("model", "arguments"), [("nlinear", {}), ("gru", {"from_last": True, "linear_skip": True})])
def test_what_is_known_ahead_is_read_as_it_is(model: str, arguments: dict[str, object]) -> None:
    """Raise what is measured: the forecast goes along. Raise what is known: it need not, and is told apart."""
    inputs = ForecastInputs(("a",), ("b",), shifts=(2,))
    spec = Spec("series", (T, F), targets=("a +1", "a +2"), features=inputs.features, horizon=2, inputs=inputs)
    torch.manual_seed(0)
    network = NetworkConfig(model, arguments, spec, "forecast", [0.0] * 3, [1.0] * 3, "0" * 64).build_network().eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    x_BTF = torch.randn(4, T, F)
    raised, planned = x_BTF + torch.tensor([5.0, 0, 0]), x_BTF + torch.tensor([0.0, 5, 0])
    torch.testing.assert_close(network(raised), network(x_BTF) + 5)
    assert (network(planned) - network(x_BTF)).abs().min() > 0.01


@pytest.mark.parametrize("model", MODELS)
def test_each_network_sees_what_is_planned_for_each_step(model: str) -> None:
    """A window shorter than the horizon: change the plan of one step, and its forecast alone moves by its weight."""
    W, H = 4, 11
    inputs = ForecastInputs(("a",), ("b", "c"), shifts=shifts_for(W, H))
    targets = tuple(f"a +{step}" for step in range(1, H + 1))
    spec = Spec(
        "series", (W, len(inputs.features)), targets=targets, features=inputs.features, horizon=H, inputs=inputs
    )
    ones = [1.0] * len(inputs.features)
    network = NetworkConfig(model, {}, spec, "forecast", [0.0] * len(ones), ones, "0" * 64).build_network().eval()
    for name, parameter in network.named_parameters():
        torch.nn.init.zeros_(parameter)
        if "skip.linear.weight" in name:
            parameter.data.copy_(torch.eye(H).repeat_interleave(2, dim=1) * torch.tensor([1.0, 10.0]).repeat(H))
    plan_SK = torch.randn(W + H, 2)
    measured_W1 = torch.randn(W, 1)
    shown = [measured_W1, *(plan_SK[shift : shift + W] for shift in (0, *inputs.shifts))]
    answer_H = network(torch.cat(shown, dim=1)[None])[0]
    torch.testing.assert_close(answer_H, plan_SK[W:, 0] + 10 * plan_SK[W:, 1])


def test_the_gradient_over_time_is_that_of_the_whole_answer() -> None:
    torch.manual_seed(0)
    model = recipe("lstm", from_last=True).build_network()[1]
    x_BTF, seen = torch.randn(4, T, F), []

    def loss(answer_BO: torch.Tensor) -> torch.Tensor:
        seen.append(answer_BO.detach())
        return answer_BO.square().mean()

    assert gradient_norms_over_time(model, x_BTF, loss).shape == (T,)
    torch.testing.assert_close(seen[0], model(x_BTF).detach())


@pytest.mark.parametrize("argument", ["from_last", "linear_skip"])
@pytest.mark.parametrize("model", MODELS)
def test_where_nothing_is_forecast_there_is_no_last_value(model: str, argument: str) -> None:
    with pytest.raises(UserError, match=rf"{argument} \(true\) must be false"):
        registry.module("models", model).build(Spec("series", (T, F), classes=("a", "b")), **{argument: True})


@pytest.mark.parametrize("model", [*MODELS, "nlinear"])
def test_a_network_with_a_linear_skip_begins_at_persistence(model: str) -> None:
    arguments = {} if model == "nlinear" else {"from_last": True, "linear_skip": True}
    x_BTF = windows()
    answer_BO = recipe(model, **arguments).build_network().eval()(x_BTF).detach()
    np.testing.assert_allclose(answer_BO, persistence(x_BTF.numpy(), SPEC), rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize(
    ("model", "from_last"),
    [("nlinear", True), *((model, from_last) for model in MODELS for from_last in (True, False))],
)
def test_the_linear_part_is_the_regression_of_scikit_learn(model: str, from_last: bool) -> None:
    """With its coefficients the forecasts are its own, and the mean squared error has no slope there."""
    x_BTF, target_BO = torch.randn(60, T, F), torch.randn(60, 4)
    last_BO = x_BTF[:, -1, [2, 0, 2, 0]] if from_last else torch.zeros(60, 4)
    inputs_BD = (x_BTF - x_BTF[:, -1:] if from_last else x_BTF).flatten(1)
    fitted = LinearRegression().fit(inputs_BD.double(), (target_BO - last_BO).double())

    arguments = {} if model == "nlinear" else {"from_last": from_last, "linear_skip": True}
    network = recipe(model, **arguments).build_network()[1].eval()
    linear = network.linear if model == "nlinear" else network.skip.linear
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(fitted.coef_))
        linear.bias.copy_(torch.from_numpy(fitted.intercept_))
    expected_BO = torch.from_numpy(fitted.predict(inputs_BD.double())).float() + last_BO
    torch.testing.assert_close(network(x_BTF), expected_BO, rtol=1e-4, atol=1e-4)  # 27 correlated coefficients
    (network(x_BTF) - target_BO).square().mean().backward()
    torch.testing.assert_close(linear.weight.grad, torch.zeros_like(linear.weight), rtol=0, atol=1e-6)


@pytest.mark.parametrize("model", [*MODELS, "nlinear"])
def test_a_window_at_another_level_is_forecast_the_same_at_that_level(model: str) -> None:
    arguments = {} if model == "nlinear" else {"from_last": True, "linear_skip": True}
    torch.manual_seed(0)
    network = recipe(model, **arguments).build_network()[1].eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    x_BTF, level_F = torch.randn(5, T, F), torch.tensor([7.0, -3.0, 20.0])
    expected_BO = network(x_BTF) + level_F[[2, 0, 2, 0]]
    torch.testing.assert_close(network(x_BTF + level_F), expected_BO, rtol=1e-4, atol=1e-4)
