"""A loss that becomes no finite number: the training stops, the layer is named, the batch is kept.

Shapes: B batch, N examples, V stored views, H height, W width, C channels, K classes.
"""

import math

import pytest
import torch
from small_training import (
    examples,
    registered_network,
    running,
    sgd,
    small_network,
)
from torch import Tensor, nn

from saccade.batching.arrays import LabelledArrays
from saccade.batching.samplers import SAMPLERS
from saccade.bundle.inputs import SeriesInput
from saccade.core import registry
from saccade.core.errors import NonFiniteError, UserError
from saccade.data.spec import Spec
from saccade.optim.losses import mse
from saccade.train.state import TrainingState


def broken_state(network: nn.Sequential) -> tuple[TrainingState, dict[str, Tensor]]:
    parameters = {key: value.detach().clone() for key, value in network.named_parameters()}
    return TrainingState(network, sgd(network)), parameters


def assert_unchanged(network: nn.Module, before: dict[str, Tensor]) -> None:
    for key, value in network.named_parameters():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0, equal_nan=True, msg=key)


def test_a_loss_that_is_not_finite_stops_before_the_update_and_names_the_layer() -> None:
    network = small_network()
    with torch.no_grad():
        network[1].norm.weight[2] = float("nan")
    state, before = broken_state(network)
    message = (
        r"the loss is not finite in epoch 1, after 0 updates: first broken: weights of norm\. The epoch was given "
        r"up\.\nLower train\.optimizer\.lr \(now 0\.025\), or set train\.clip_norm: 1\.0\."
    )
    with pytest.raises(UserError, match=message):
        list(running(state, examples(), schedule=lambda step: 0.25))
    assert_unchanged(network, before)
    assert state.epoch == 0


def test_an_output_that_overflows_is_named() -> None:
    network = small_network()
    with torch.no_grad():
        network[1].output.weight.fill_(3e38)
    state, before = broken_state(network)
    with pytest.raises(UserError, match=r"first broken: output of output\."):
        list(running(state, examples()))
    assert_unchanged(network, before)


def test_a_loss_that_breaks_by_itself_is_named() -> None:
    state, before = broken_state(small_network())
    with pytest.raises(UserError, match="first broken: the loss itself"):
        list(running(state, examples(), loss=lambda logits, target: logits.sum() * float("inf")))
    assert_unchanged(state.network, before)


def test_the_step_that_breaks_is_counted_over_the_whole_run() -> None:
    rates = [1, 1, 1, 1, 1e30, 1, 1, 1, 1]
    state, _ = broken_state(registered_network("lenet5"))
    with pytest.raises(UserError, match=r"epoch 2, after 5 updates: first broken: output of \w+"):
        list(running(state, examples(), epochs=3, schedule=lambda step: rates[step]))
    assert state.epoch == 1  # the epoch before stands


def test_weights_that_the_last_step_of_an_epoch_breaks_are_not_handed_on() -> None:
    """Were they, the checkpoint would hold them, and no later start could go on from it."""
    state, _ = broken_state(registered_network("lenet5"))
    with pytest.raises(
        UserError, match=r"the loss is not finite in epoch 1, after 3 updates: first broken: output of \w+"
    ):
        list(running(state, examples(), epochs=1, schedule=lambda step: 1e30 if step == 2 else 1.0))
    assert state.epoch == 0


@pytest.mark.parametrize(("check_losses", "updates"), [(False, 6), (True, 4)])
def test_where_the_device_runs_ahead_each_loss_is_looked_at_on_demand(
    check_losses: bool, updates: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fourth update breaks the weights. The epoch has six, and elsewhere nobody looks before its end."""
    monkeypatch.setattr("saccade.core.devices.is_asynchronous", lambda device: True)
    rates = [1, 1, 1, 1e30, 1, 1]
    state, _ = broken_state(registered_network("lenet5"))
    with pytest.raises(NonFiniteError, match=f"in epoch 1, after {updates} updates: first broken: "):
        list(running(state, examples(), batch_size=4, check_losses=check_losses, schedule=lambda step: rates[step]))


def test_examples_that_are_not_finite_are_named() -> None:
    """What the network is given may break it: no layer of the model is to blame then. (Infinity may pass a tanh.)"""
    broken = LabelledArrays(torch.full((1, 6, 5, 2), math.nan), torch.zeros(6, 1))
    spec = Spec("series", (5, 2), targets=("sum",))
    model = registry.module("models", "rnn").build(spec, hidden_size=3)
    state, _ = broken_state(nn.Sequential(SeriesInput([0.0, 0.0], [1.0, 1.0]), model))
    with pytest.raises(NonFiniteError, match="first broken: the examples themselves"):
        list(running(state, broken, loss=mse, score="mae"))


@pytest.mark.parametrize("mixed", [False, True])
def test_the_batch_that_broke_is_handed_over_with_what_was_measured(mixed: bool) -> None:
    data = examples()
    state = TrainingState(network := registered_network("lenet5"), sgd(network))
    rates = [1e30, 1.0, 1.0]  # the first update breaks the weights, the second finds out
    options = {"mixup": 0.4} if mixed else {}
    with pytest.raises(NonFiniteError) as caught:
        list(running(state, data, batch_size=5, schedule=lambda step: rates[step], **options))
    error = caught.value
    assert (error.found["epoch"], error.found["updates"]) == (1, 1)
    assert error.found["where"].partition(" of ")[2] in dict(network[1].named_modules())
    assert error.found["where"] in str(error)
    assert {row["layer"] for row in error.found["layers"]} == {
        "features.0", "features.3", "classifier.0", "classifier.3", "classifier.6"
    }  # fmt: skip
    assert max(row["update_ratio"] for row in error.found["layers"]) > 1e20
    rows = error.batch["rows"]
    assert rows.tolist() == SAMPLERS["shuffle"](data.labels, 4, 1)[5:10].tolist()
    assert torch.equal(error.batch["labels"], data.labels[rows])
    if mixed:
        share, partners = error.batch["lam"].item(), error.batch["partners"]
        assert 0 <= share <= 1 and torch.equal(partners, data.labels[rows.roll(1)])
        blended = share * data.views[0, rows].float() + (1 - share) * data.views[0, rows.roll(1)].float()
        torch.testing.assert_close(error.batch["examples"], blended, rtol=1e-5, atol=1e-3)
    else:
        assert torch.equal(error.batch["examples"], data.views[0, rows])
