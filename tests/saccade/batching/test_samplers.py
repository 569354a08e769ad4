"""Weights and draws for classes of unequal size: against scikit-learn, by counting, and by what they do to a training.

Shapes: N examples, K classes, F features.
"""

import math
from typing import Any

import numpy as np
import pytest
import torch
from flat_fit import fit
from sklearn.metrics import balanced_accuracy_score
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn

from saccade.batching.arrays import LabelledArrays
from saccade.batching.samplers import balanced, shuffled
from saccade.core.devices import derive_seed
from saccade.optim import optimizers
from saccade.optim.class_weights import SCHEMES, class_weights
from saccade.optim.losses import cross_entropy, mse
from saccade.train.state import TrainingState

COUNTS = [700, 60, 0, 9, 1]  # a class without examples, and one with a single one


def labels_of(counts: list[int]) -> Tensor:
    """In no order: that classes lie side by side in memory must not matter."""
    labels_N = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    return labels_N[torch.randperm(len(labels_N), generator=torch.Generator().manual_seed(3))]


# Weights


@pytest.mark.parametrize("counts", [[700, 60, 9, 1], [5, 5, 5], [3]])
def test_inverse_is_scikit_learns_balanced(counts: list[int]) -> None:
    labels_N = labels_of(counts).numpy()
    expected = compute_class_weight("balanced", classes=np.arange(len(counts)), y=labels_N)
    np.testing.assert_allclose(class_weights(counts, "inverse"), expected, rtol=1e-6)


def test_effective_is_the_formula() -> None:
    counts = [5000, 300, 1]
    numbers = [math.fsum(0.999**i for i in range(count)) for count in counts]  # the geometric series that it sums
    weights_K = class_weights(counts, "effective").double()
    for weight, number in zip(weights_K, numbers, strict=True):
        assert weight / weights_K[2] == pytest.approx(1 / number, rel=1e-5)


def test_effective_tells_small_classes_apart_as_inverse_does_and_large_ones_hardly() -> None:
    small, large = class_weights([10, 20], "effective"), class_weights([10_000, 20_000], "effective")
    assert small[0] / small[1] == pytest.approx(2, rel=0.01)
    assert large[0] / large[1] == pytest.approx(1, rel=1e-4)
    assert class_weights([10_000, 20_000], "inverse").tolist() == pytest.approx([1.5, 0.75])


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("counts", [COUNTS, [1, 2], [20_000, 7]])
def test_an_example_weighs_1_on_average(scheme: str, counts: list[int]) -> None:
    weights_K = class_weights(counts, scheme)
    assert weights_K.dtype == torch.float32
    assert weights_K[labels_of(counts)].double().mean() == pytest.approx(1, rel=1e-6)
    assert [weight > 0 for weight in weights_K.tolist()] == [count > 0 for count in counts]
    occurring = [weight for weight, count in sorted(zip(weights_K.tolist(), counts, strict=True)) if count]
    assert occurring == weights_K[torch.tensor(counts).argsort(descending=True)].tolist()[: len(occurring)]


# Draws


def test_shuffle_is_torchs_permutation() -> None:
    expected = torch.randperm(770, generator=torch.Generator().manual_seed(derive_seed(7, "order", 2)))
    assert torch.equal(shuffled(labels_of(COUNTS), 7, 2), expected)


def test_every_class_is_drawn_equally_often() -> None:
    """770 draws for four classes: two are drawn once more than the others, and over four epochs none."""
    labels_N, over_epochs = labels_of(COUNTS), torch.zeros(5, dtype=torch.int64)
    for epoch in (1, 2, 3, 4):
        rows_N = balanced(labels_N, 0, epoch)
        assert rows_N.shape == (770,)
        drawn_K = labels_N[rows_N].bincount(minlength=5)
        assert sorted(drawn_K.tolist()) == [0, 192, 192, 193, 193]
        over_epochs += drawn_K
    assert over_epochs.tolist() == [770, 770, 0, 770, 770]


@pytest.mark.parametrize("counts", [COUNTS, [13, 5], [4], [1, 1], [1, 40]])
def test_examples_of_a_class_are_drawn_equally_often(counts: list[int]) -> None:
    """After each epoch, however rounds and epochs lie, the examples of a class differ by at most one draw."""
    labels_N = labels_of(counts)
    times_N = torch.zeros(len(labels_N), dtype=torch.int64)
    for epoch in range(1, 41):
        times_N += balanced(labels_N, 5, epoch).bincount(minlength=len(labels_N))
        for k in set(labels_N.tolist()):
            of_class = times_N[labels_N == k]
            assert of_class.max() - of_class.min() <= 1
    assert times_N.min() >= 1


def test_rounds_of_a_class_have_orders_of_their_own() -> None:
    """One class: each epoch is a round, and the order within it is no rotation of the one before."""
    labels_N = labels_of([30])
    orders = [balanced(labels_N, seed, epoch).tolist() for seed in (0, 1) for epoch in (1, 2, 3)]
    assert all(sorted(order) == list(range(30)) for order in orders)
    assert len({tuple(order) for order in orders}) == 6


def test_a_class_with_more_examples_than_draws_goes_on_where_the_last_epoch_ended() -> None:
    labels_N = labels_of(
        [12, 2]
    )  # 7 draws an epoch for 12 examples: the second epoch ends one round and begins another
    first, second = ([row for row in balanced(labels_N, 0, epoch).tolist() if labels_N[row] == 0] for epoch in (1, 2))
    assert len(first) == len(set(first)) == len(second) == 7
    assert len({*first, *second}) == 12


def test_which_examples_of_a_class_are_drawn_depends_on_seed_and_round() -> None:
    """20 draws of 30 examples: the epochs 1, 4 and 7 each begin a round."""
    labels_N = labels_of([30, 10])
    drawn = [
        frozenset(row for row in balanced(labels_N, seed, epoch).tolist() if labels_N[row] == 0)
        for seed in (0, 1)
        for epoch in (1, 4, 7)
    ]
    first_of_class = (labels_N == 0).nonzero().flatten()[:20].tolist()
    assert {len(rows) for rows in drawn} == {20} and len({*drawn, frozenset(first_of_class)}) == 7


def test_classes_are_mixed_over_the_epoch() -> None:
    labels_N = labels_of([900, 60, 40])
    drawn_N = labels_N[balanced(labels_N, 0, 1)]
    for part in drawn_N.split(250):
        assert part.bincount().tolist() == pytest.approx([83, 83, 83], abs=25)  # 3.9 standard deviations of a draw


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    labels_N = labels_of(COUNTS)
    before = balanced(labels_N, 4, 9)
    torch.rand(5)
    balanced(labels_N, 4, 3)
    assert torch.equal(balanced(labels_N, 4, 9), before)
    assert not torch.equal(balanced(labels_N, 4, 10), before) and not torch.equal(balanced(labels_N, 5, 9), before)


# What they are for


def overlapping(counts: list[int], seed: int) -> tuple[Tensor, Tensor]:
    """Clouds of standard deviation 1 around three points, each 1.5 to 2.1 away from the others: float32 (N, F)."""
    random = torch.Generator().manual_seed(seed)
    labels_N = torch.arange(3).repeat_interleave(torch.tensor(counts))
    centres_KF = torch.tensor([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]])
    return centres_KF[labels_N] + torch.randn(len(labels_N), 2, generator=random), labels_N


def balanced_accuracy(seed: int, **options: Any) -> float:
    """Mean recall on examples that training has not seen, of a linear classifier trained on 900, 70 and 30."""
    x_NF, labels_N = overlapping([900, 70, 30], seed)
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(2, 3))
    state = TrainingState(network, optimizers.build("sgd", network, lr=0.1, momentum=0.9))
    data = LabelledArrays(x_NF[None], labels_N)
    settings: dict[str, Any] = {"loss": cross_entropy} | options
    for _ in fit(
        state, data, data, schedule=lambda step: 1.0, lr=0.1, epochs=12, batch_size=50, clip_norm=None,
        device=torch.device("cpu"), precision="float32", seed=seed, **settings,
    ):  # fmt: skip
        pass
    unseen_NF, expected_N = overlapping([1000, 1000, 1000], seed + 100)
    return balanced_accuracy_score(expected_N, network(unseen_NF).argmax(dim=1))


WAYS: dict[str, dict[str, Any]] = {
    "inverse": {"class_weights": class_weights([900, 70, 30], "inverse")},
    "effective": {"class_weights": class_weights([900, 70, 30], "effective")},
    "balanced": {"sampler": "balanced"},
    "inverse, mse": {"class_weights": class_weights([900, 70, 30], "inverse"), "loss": mse},
}


@pytest.mark.parametrize("way", WAYS)
def test_rare_classes_are_recognised_more_often(way: str) -> None:
    """No classifier can reach more than 0.684 here (the nearest centre); always naming the frequent class gives 1/3."""
    options = WAYS[way]
    plain = {key: value for key, value in options.items() if key == "loss"}
    for seed in (0, 1, 2):
        without, with_it = balanced_accuracy(seed, **plain), balanced_accuracy(seed, **options)
        assert with_it > without + 0.2 and with_it > 0.63, (seed, without, with_it)
