"""The memory of a training step beside what autograd really keeps.

Shapes: B batch, F features.
"""

import pytest
import torch
from torch import nn

from saccade.core import registry
from saccade.data.spec import Spec
from saccade.explain.architecture.memory import measure_activation_bytes
from saccade.explain.architecture.summary import describe


def small() -> nn.Module:
    """38 and 305 parameters."""
    return nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(60, 5))


def test_what_is_kept_for_the_backward_pass_counts_each_storage_once() -> None:
    network = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3), nn.Tanh())
    x_BF = torch.randn(4, 5)
    # The input for the first weight; the ReLU's output for itself and for the second weight; the tanh's output.
    assert measure_activation_bytes(network, x_BF) == 4 * 4 * (5 + 7 + 3)


@pytest.mark.parametrize(("name", "arguments"), [("lenet5", {"dropout": 0.5}), ("resnet9", {"width": 4})])
def test_activations_are_those_that_the_cpu_keeps(name: str, arguments: dict[str, object]) -> None:
    spec = Spec("image", (36, 40, 3), tuple("abcdefg"))
    build = registry.module("models", name).build
    memory = describe(lambda: build(spec, **arguments), (3, 36, 40), batch_size=6).memory
    assert memory.activations == measure_activation_bytes(build(spec, **arguments), torch.randn(6, 3, 36, 40))
    assert memory.measured_examples == 6


def test_activations_of_a_recurrent_network_are_measured_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Spec("series", (13, 4), ("a", "b"))
    build = registry.module("models", "lstm").build
    memory = describe(lambda: build(spec), (13, 4), batch_size=16).memory
    kept = measure_activation_bytes(build(spec), torch.zeros(16, 13, 4))
    assert memory.activations == kept
    # A batch that would not fit is measured in part.
    monkeypatch.setattr("saccade.explain.architecture.memory._MAX_MEASURED_BYTES", kept // 4)
    part = describe(lambda: build(spec), (13, 4), batch_size=16).memory
    assert 2 <= part.measured_examples <= 5
    assert part.activations == pytest.approx(kept, rel=0.15)  # what the library keeps is not quite linear


def test_memory_grows_with_the_batch_alone() -> None:
    one, many = (
        describe(small, (2, 5, 6), batch_size=size, optimizer={"name": "adam", "lr": 1}).memory for size in (1, 40)
    )
    assert (one.batch_size, many.batch_size) == (1, 40)
    assert many.activations == 40 * one.activations
    assert one.weights == many.weights == one.gradients == 4 * (38 + 305)
    assert many.total == many.weights + many.gradients + many.optimizer + many.activations


@pytest.mark.parametrize(
    ("optimizer", "slots"),
    [
        ({"name": "sgd", "lr": 0.1}, 0),
        ({"name": "sgd", "lr": 0.1, "momentum": 0.9}, 1),
        ({"name": "adamw", "lr": 0.1, "weight_decay": 0.1}, 2),
    ],
)
def test_the_optimisers_memory_is_its_own(optimizer: dict[str, object], slots: int) -> None:
    assert describe(small, (2, 5, 6), optimizer=optimizer).memory.optimizer == slots * 4 * (38 + 305)
