"""The range test applies the rates that are asked for, to the updates that a training makes.

Shapes: N examples, H height, W width, C channels, K classes, T tokens.
"""

import math
from typing import Any

import numpy as np
import pytest
import torch
from flat_fit import fit, rising_losses
from torch import Tensor, nn

from saccade.batching.arrays import LabelledArrays
from saccade.batching.length_buckets import stored_lengths
from saccade.bundle.inputs import ImageInput
from saccade.lr_finder.range_test import rates_between
from saccade.optim import optimizers
from saccade.optim.losses import cross_entropy, mse
from saccade.train.state import TrainingState

N, K, H, W = 22, 3, 6, 5


def settings(**options: Any) -> dict[str, Any]:
    return {
        "loss": cross_entropy, "batch_size": 8, "clip_norm": None, "seed": 4, **options,
    }  # fmt: skip


def images(views: int = 3) -> LabelledArrays:
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(0, K, (N,), generator=random)
    stored = torch.randint(0, 200, (views, N, H, W, 2), generator=random)
    stored[:, torch.arange(N), labels] += 55
    return LabelledArrays(stored.to(torch.uint8), labels)


def texts() -> LabelledArrays:
    random = torch.Generator().manual_seed(1)
    lengths = torch.randint(1, 10, (N,), generator=random)
    token_NT = torch.randint(2, 9, (N, 9), generator=random) * (torch.arange(9) < lengths[:, None])
    return LabelledArrays(token_NT.int()[None], token_NT[:, 0] % K, stored_lengths(token_NT))


class ReadsText(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, 5)
        self.output = nn.Linear(5, K)

    def forward(self, token_BT: Tensor) -> Tensor:
        return self.output(self.embedding(token_BT.long()).mean(dim=1))


def state_for(data: LabelledArrays, optimizer: str = "sgd", **options: Any) -> TrainingState:
    torch.manual_seed(3)
    if data.lengths is not None:
        network = nn.Sequential(nn.Identity(), ReadsText())
    else:
        model = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(2 * H * W, 6), nn.BatchNorm1d(6), nn.ReLU())
        network = nn.Sequential(ImageInput([0.4, 0.45], [0.2, 0.25]), model.append(nn.Linear(6, K)))
    return TrainingState(network, optimizers.build(optimizer, network, lr=0.0, **options))


def test_rates_rise_by_the_same_factor() -> None:
    assert rates_between(1e-6, 100.0, 200) == pytest.approx(np.geomspace(1e-6, 100.0, 200), rel=1e-12)
    assert rates_between(0.003, 7.0, 61) == pytest.approx(np.geomspace(0.003, 7.0, 61), rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 1.0, 9), r"lowest \(0\) must lie between 0 and highest \(1\)"),
        ((0.5, 0.1, 9), r"lowest \(0.5\) must lie between 0 and highest \(0.1\)"),
        ((0.1, 0.5, 1), r"updates \(1\) must be at least 2"),
    ],
)
def test_rates_that_do_not_rise_are_refused(arguments: tuple[float, float, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rates_between(*arguments)


@pytest.mark.parametrize("kind", ["images", "texts"])
@pytest.mark.parametrize(
    "options",
    [
        {"clip_norm": 0.4},
        {"accumulation_steps": 2, "class_weights": torch.tensor([0.5, 1.0, 2.0])},
        {"label_smoothing": 0.2, "sampler": "balanced"},
        {"mixup": 0.4},
    ],
)
def test_under_a_constant_rate_its_updates_are_those_of_a_training(kind: str, options: dict[str, Any]) -> None:
    data = images() if kind == "images" else texts()
    if kind == "texts" and "mixup" in options:
        options = {"length_buckets": False}
    of_training, of_test = state_for(data, momentum=0.9), state_for(data, momentum=0.9)
    three = {"epochs": 3, "schedule": lambda step: 1.0, "lr": 0.05}
    records = list(fit(of_training, data, data, **settings(**options, **three)))
    size = 8 * options.get("accumulation_steps", 1)
    per_epoch = -(-N // size)
    losses = list(rising_losses(of_test, data, rates=[0.05] * (3 * per_epoch), **settings(**options)))
    assert len(losses) == 3 * per_epoch
    counts = [min(size, N - start) for start in range(0, N, size)]
    means = [np.average(losses[e * per_epoch : (e + 1) * per_epoch], weights=counts) for e in range(3)]
    assert means == pytest.approx([record.train_loss for record in records], rel=1e-6)
    for (name, ours), theirs in zip(
        of_test.network.state_dict().items(), of_training.network.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs), name


# --- a parabola, whose every step is known ----------------------------------------------------------------------------

X = 0.8  # loss (w X)^2, curvature 2 X^2: gradient descent is stable below a rate of 2 / (2 X^2)
LARGEST_STABLE = 1 / X**2


def parabola() -> tuple[TrainingState, LabelledArrays]:
    network = nn.Sequential(nn.Identity(), nn.Linear(1, 1, bias=False))
    nn.init.constant_(next(network.parameters()), 1.5)
    data = LabelledArrays(torch.full((1, 10, 1), X), torch.zeros(10, 1))
    return TrainingState(network, optimizers.build("sgd", network, lr=0.0)), data


def losses_on_parabola(rates: list[float]) -> list[float]:
    state, data = parabola()
    return list(rising_losses(state, data, rates=rates, **settings(loss=mse, score="mae", batch_size=10)))


def test_each_update_has_its_rate() -> None:
    rates = rates_between(0.01, 1.2, 40)
    weight, expected = 1.5, []
    for rate in rates:
        expected.append((weight * X) ** 2)
        weight *= 1 - rate * 2 * X**2
    assert losses_on_parabola(rates) == pytest.approx(expected, rel=1e-4)  # 40 roundings of float32


def test_the_loss_rises_above_the_largest_rate_that_theory_calls_stable() -> None:
    rates = rates_between(0.001, 3.0, 60)
    losses = losses_on_parabola(rates)
    rises = [rate for rate, before, after in zip(rates, losses, losses[1:], strict=False) if after > before]
    assert min(rises) == pytest.approx(LARGEST_STABLE, rel=rates[1] / rates[0] - 1)
    assert len(rises) == len([rate for rate in rates[: len(losses) - 1] if rate > LARGEST_STABLE])


def test_it_ends_when_the_loss_has_exploded() -> None:
    rates = [50.0] * 40
    losses = losses_on_parabola(rates)
    assert len(losses) == 4 and losses[1] > 10 * losses[0]  # the first, and three on end


def test_it_ends_before_a_loss_that_is_not_finite() -> None:
    state, data = parabola()
    rates = [0.1, 0.1, 1e30, 1e30, 0.1, 0.1]
    losses = list(rising_losses(state, data, rates=rates, **settings(loss=mse, score="mae", batch_size=4)))
    assert len(losses) == 3 and all(map(math.isfinite, losses))


def test_a_network_that_is_broken_from_the_start_has_no_losses() -> None:
    state, data = parabola()
    nn.init.constant_(next(state.network.parameters()), math.nan)
    assert list(rising_losses(state, data, rates=[0.1], **settings(loss=mse, score="mae"))) == []


# --- what a run asks for ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_the_same_seed_gives_the_same_bits_and_another_others(optimizer: str) -> None:
    data, rates = images(), rates_between(1e-4, 1.0, 20)
    first, again, other = (
        list(rising_losses(state_for(data, optimizer), data, rates=rates, **settings(seed=seed))) for seed in (4, 4, 5)
    )
    assert first == again and first != other and len(first) == 20


def test_what_only_a_training_needs_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda network: pytest.fail("compiled"))
    data = images()
    state = state_for(data)
    asked = settings(compile=True)  # takes longer than the test itself
    assert len(list(rising_losses(state, data, rates=[1e-9] * 12, **asked))) == 12
    assert state.averaged is None


def test_progress_counts_updates() -> None:
    data, seen = images(), []
    rates = [0.01] * 5
    list(rising_losses(state_for(data), data, rates=rates, progress=lambda *what: seen.append(what), **settings()))
    assert seen == [("updates", done, 5) for done in range(1, 6)]
