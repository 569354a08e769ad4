"""Optimisers by name against torch's built by hand."""

from typing import Any

import pytest
import torch
from torch import nn

from saccade.optimizers import build, set_learning_rate


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(3 * 3 * 2, 4))
    with torch.no_grad():
        model[1].weight.uniform_(0.5, 1.5)  # by default all one, and zero
        model[1].bias.uniform_(-1, 1)
    return model


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 4) -> None:
    for step in range(steps):
        x = torch.randn(5, 2, 5, 4, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), torch.arange(5) % 4).backward()
        optimizer.step()


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("sgd", torch.optim.SGD, {}),
        ("sgd", torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.1}),
        ("sgd", torch.optim.SGD, {"momentum": 0.8, "nesterov": True}),
        ("adam", torch.optim.Adam, {"betas": [0.8, 0.95], "eps": 1e-4, "weight_decay": 0.1}),
        ("adamw", torch.optim.AdamW, {"weight_decay": 0.3}),
        ("adamw", torch.optim.AdamW, {}),  # torch's own default is 0.01; ours is 0
    ],
)
def test_each_is_torchs_with_decay_on_weights_alone(name: str, kind: Any, options: dict[str, Any]) -> None:
    ours, by_hand = network(), network()
    train(ours, build(name, ours, lr=0.05, **options))
    own = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    decay = own.pop("weight_decay", 0.0)
    conv, norm, _, linear = by_hand
    groups = [
        {"params": [conv.weight, linear.weight], "weight_decay": decay},
        {"params": [conv.bias, norm.weight, norm.bias, linear.bias], "weight_decay": 0.0},
    ]
    train(by_hand, kind(groups, lr=0.05, **own))
    for (key, value), expected in zip(ours.state_dict().items(), by_hand.state_dict().values(), strict=True):
        assert torch.equal(value, expected), key
    start = network().state_dict()
    assert not torch.equal(ours.state_dict()["3.weight"], start["3.weight"])


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_without_a_gradient_only_weights_shrink(name: str) -> None:
    model = network()
    before = {key: value.clone() for key, value in model.named_parameters()}
    optimizer = build(name, model, lr=0.5, weight_decay=0.1)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for key, value in model.named_parameters():
        expected = before[key] * (1 - 0.5 * 0.1) if key in ("0.weight", "3.weight") else before[key]
        torch.testing.assert_close(value, expected, rtol=1e-6, atol=0)


def test_the_biases_of_an_lstm_are_not_decayed() -> None:
    model = nn.LSTM(3, 2, num_layers=2, bidirectional=True)
    decayed, others = build("adamw", model, lr=0.1, weight_decay=0.2).param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {names[id(p)][:6] for p in decayed["params"]} == {"weight"} and decayed["weight_decay"] == 0.2
    assert {names[id(p)][:4] for p in others["params"]} == {"bias"} and others["weight_decay"] == 0
    assert len(decayed["params"]) == len(others["params"]) == 8


def test_frozen_parameters_are_left_out() -> None:
    model = network()
    model[0].requires_grad_(False)
    optimizer = build("sgd", model, lr=0.1)
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in (*model[1].parameters(), *model[3].parameters())}
    model[1].requires_grad_(False)
    model[3].bias.requires_grad_(False)
    assert [len(group["params"]) for group in build("sgd", model, lr=0.1).param_groups] == [1]


def test_the_learning_rate_of_every_group_is_set() -> None:
    optimizer = build("sgd", network(), lr=0.1, weight_decay=0.1)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.1]
    set_learning_rate(optimizer, 0.025)
    assert [group["lr"] for group in optimizer.param_groups] == [0.025, 0.025]


def test_an_option_the_optimiser_does_not_take_is_an_error() -> None:
    with pytest.raises(TypeError, match="momentum"):
        build("adam", network(), lr=0.1, momentum=0.9)
