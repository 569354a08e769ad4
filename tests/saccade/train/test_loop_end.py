"""Which weights a training keeps, and where it ends: the best epoch, early stopping, more epochs.

Shapes: B batch, N examples, V stored views, H height, W width, C channels, K classes.
"""

from typing import Any

import pytest
import torch
from flat_fit import measure
from small_training import (
    assert_equal_bits,
    examples,
    registered_network,
    running,
    sgd,
    small_network,
    trained,
    without_times,
)
from torch import Tensor

from saccade.batching.arrays import LabelledArrays
from saccade.optim import schedules
from saccade.optim.losses import cross_entropy
from saccade.train.checkpoints import from_bytes, to_bytes
from saccade.train.early_stopping import epochs_without_gain
from saccade.train.state import TrainingState


def measured(state: TrainingState, train: LabelledArrays, **options: Any) -> list[dict[str, Tensor]]:
    """The weights that each epoch was measured with."""
    return [
        {key: value.clone() for key, value in state.result.state_dict().items()}
        for _ in running(state, train, **options)
    ]


@pytest.mark.parametrize("ema_decay", [None, 0.5])
def test_the_weights_of_the_epoch_with_the_lowest_validation_loss_are_kept(ema_decay: float | None) -> None:
    """With averaged weights it is these that are measured, and kept."""
    network = small_network()
    state = TrainingState(network, sgd(network), with_average=ema_decay is not None, with_best=True)
    of_epochs = measured(state, examples(), epochs=8, lr=0.03, ema_decay=ema_decay)
    losses = [record.validation_loss for record in state.history]
    assert 1 < state.kept_epoch < 8 and losses[state.kept_epoch - 1] == min(losses)
    for key, value in state.kept.state_dict().items():
        assert torch.equal(value, of_epochs[state.kept_epoch - 1][key]), key
        assert torch.equal(state.result.state_dict()[key], of_epochs[-1][key]), key
    assert measure(state.kept, examples(count=9, seed=9), cross_entropy, "accuracy", 8)[0] == min(losses)


def test_of_equally_good_epochs_the_first_is_kept() -> None:
    network = registered_network("lenet5")
    state = TrainingState(network, sgd(network), with_best=True)
    measured(state, examples(), epochs=3, schedule=lambda step: 0.0)
    assert len({record.validation_loss for record in state.history}) == 1 and state.kept_epoch == 1


def test_without_it_the_last_weights_are_kept() -> None:
    state = trained(small_network(), examples(), epochs=3)
    assert state.best is None and state.kept is state.network and state.kept_epoch == 3


def test_it_stops_after_so_many_epochs_without_a_lower_validation_loss() -> None:
    network = small_network()
    state = TrainingState(network, sgd(network), with_best=True)
    measured(state, examples(), epochs=40, lr=0.03, patience=3)
    losses = [record.validation_loss for record in state.history]
    assert state.epoch == state.kept_epoch + 3 < 40 and min(losses[-3:]) >= losses[-4] == min(losses)
    assert list(running(state, examples(), epochs=40, lr=0.03, patience=3)) == []
    stopped = [epochs_without_gain(losses[:epoch]) >= 3 for epoch in range(1, len(losses))]
    assert not any(stopped)  # and not before


def test_min_delta_is_what_a_gain_must_be() -> None:
    lengths = [
        trained(small_network(), examples(), epochs=5, lr=0.03, patience=2, min_delta=least).epoch
        for least in (0.0, 50.0)
    ]
    assert lengths == [5, 3]


def test_the_schedule_spans_all_epochs_when_it_stops_early() -> None:
    schedule = schedules.build("cosine", lr=1.0, epochs=9, steps_per_epoch=3)
    short, whole = (
        trained(small_network(), examples(), epochs=9, schedule=schedule, min_delta=50.0, patience=patience)
        for patience in (2, None)
    )
    assert (short.epoch, whole.epoch) == (3, 9)
    assert without_times(short.history) == without_times(whole.history)[:3]


@pytest.mark.parametrize("ema_decay", [None, 0.7])
def test_a_run_that_stops_early_is_the_same_wherever_it_was_interrupted(ema_decay: float | None) -> None:
    def fresh(seed: int) -> TrainingState:
        network = small_network(seed)
        return TrainingState(network, sgd(network), with_average=ema_decay is not None, with_best=True)

    settings: dict[str, Any] = {"epochs": 40, "lr": 0.03, "patience": 2, "ema_decay": ema_decay}
    kept: list[bytes] = []
    whole = fresh(seed=0)
    training = running(whole, examples(), after_update=lambda state: kept.append(to_bytes(state)), **settings)
    while next(training, None):
        kept.append(to_bytes(whole))  # an epoch is measured, and may be the best
    assert 1 < whole.kept_epoch < whole.epoch < 40 and len(kept) == 4 * whole.epoch
    for content in kept:
        resumed = fresh(seed=99)
        from_bytes(content, resumed)
        for _ in running(resumed, examples(), **settings):
            pass
        assert_equal_bits(resumed.kept, whole.kept)
        assert_equal_bits(resumed.network, whole.network)
        assert resumed.kept_epoch == whole.kept_epoch and without_times(resumed.history) == without_times(whole.history)


def test_a_finished_run_is_not_trained_further() -> None:
    state = trained(small_network(), examples(), epochs=2)
    before = {key: value.clone() for key, value in state.network.state_dict().items()}
    assert list(running(state, examples(), epochs=2)) == []
    assert all(torch.equal(value, before[key]) for key, value in state.network.state_dict().items())


def test_more_epochs_under_a_constant_rate_go_on_as_if_asked_for_at_once() -> None:
    state = trained(small_network(), examples(), epochs=2)
    for _ in running(state, examples(), epochs=4):
        pass
    assert_equal_bits(state.network, trained(small_network(), examples(), epochs=4).network)
