"""Each rule on records that are written by hand: what it needs to speak, and what keeps it silent.

That the thresholds are right is shown on real networks: benchmarks/ill_networks.py and benchmarks/healthy_runs.py.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from saccade.doctor import remedies, thresholds
from saccade.doctor.record import Record
from saccade.doctor.remedies import Change, divisor_of_rate
from saccade.doctor.rules import diagnose

CONSTANT = 2.3
SETTINGS = {
    "model.name": "mlp", "model.activation": "sigmoid", "model.normalisation": "none", "model.dropout": 0.0,
    "train.optimizer.lr": 0.4, "train.optimizer.weight_decay": 0.0, "train.clip_norm": None,
    "train.schedule.name": "constant", "dataset.name": "digits",
}  # fmt: skip


def history(train: Sequence[float], validation: Sequence[float] | None = None, norms: Sequence[float] = ()) -> list:
    return [
        {
            "epoch": epoch,
            "train_loss": loss,
            "validation_loss": (validation or train)[epoch - 1],
            "gradient_norm": norms[epoch - 1] if norms else 0.5,
        }
        for epoch, loss in enumerate(train, start=1)
    ]


def layers(epochs: int, **columns: Sequence[float]) -> list[dict[str, Any]]:
    """The same values of layers a, b, c, ... in each epoch; what is not given is healthy."""
    number = max(map(len, columns.values()), default=3)
    healthy = {"gradient_norm": [0.1] * number, "weight_norm": [2.0] * number, "update_ratio": [0.002] * number}
    return [
        {"epoch": epoch, "layer": "abcdefghi"[at], **{key: values[at] for key, values in (healthy | columns).items()}}
        for epoch in range(1, epochs + 1)
        for at in range(number)
    ]


def over_time(epoch: int, norms: Sequence[float]) -> list[dict[str, Any]]:
    return [
        {"epoch": epoch, "layer": "recurrent", "step": t, "gradient_norm": norm}
        for t, norm in enumerate(norms, start=1)
    ]


def record(rows: list, of_layers: list | None = None, **changes: Any) -> Record:
    settings = SETTINGS | changes.pop("settings", {})
    return Record(rows, layers(len(rows)) if of_layers is None else of_layers, CONSTANT, settings, **changes)


STILL = [2.31, 2.3, 2.3, 2.3]
LEARNING = [2.0, 1.0, 0.5, 0.3]


def test_what_learns_is_healthy() -> None:
    verdict = diagnose(record(history(LEARNING)))
    assert (verdict.name, verdict.layer, verdict.remedy, verdict.changes, verdict.notes) == (
        "healthy",
        None,
        "",
        (),
        (),
    )
    assert verdict.evidence == (
        "validation loss 0.3, 13.0% of what a constant answer gets; in the last epoch an update moved the layers by "
        "0.002 to 0.002 of their norm"
    )


def test_units_that_a_network_that_learns_does_not_need_are_a_note() -> None:
    verdict = diagnose(record(history(LEARNING), layers(4, dead_share=[0.2, 0.97, 0.5])))
    assert verdict.name == "healthy"
    assert [note.split(":")[0] for note in verdict.notes] == [
        "97% of the units of b are 0 for every validation example",
        "50% of the units of c are 0 for every validation example",
    ]


@pytest.mark.parametrize("epochs", [1, 2])
def test_before_the_third_epoch_a_loss_that_stands_still_says_nothing(epochs: int) -> None:
    assert diagnose(record(history(STILL[:epochs]))).name == "too early to tell"
    assert diagnose(record(history(LEARNING[1 : 1 + epochs]))).name == "healthy"
    assert diagnose(record([])).name == "too early to tell"


# --- exploding --------------------------------------------------------------------------------------------------------


def growing(epochs: int, times: Sequence[float]) -> list[dict[str, Any]]:
    """Weights that have grown so many times in the last epoch, a layer each."""
    rows = layers(epochs, weight_norm=[2.0] * len(times))
    for row, factor in zip(rows[-len(times) :], times, strict=True):
        row["weight_norm"] *= factor
    return rows


def test_weights_that_grow_while_nothing_is_learnt_explode() -> None:
    verdict = diagnose(record(history(STILL), growing(4, [3.0, 5.0, 9.0])))
    assert (verdict.name, verdict.layer) == ("exploding", "c")
    assert verdict.evidence.startswith("the weights of c grew 9 times; loss 2.3, validation loss 2.3; a constant")
    assert diagnose(record(history(STILL), growing(4, [3.0, 3.9, 9.0]))).name == "not learning"  # c alone
    assert diagnose(record(history(LEARNING), growing(4, [5.0, 5.0, 9.0]))).name == "healthy"


def test_updates_as_large_as_the_weights_explode_and_the_remedy_follows_their_size() -> None:
    for ratio, lr in ((0.31, 0.04), (5.6, 0.004), (40.0, 0.0004), (1e6, 0.0004)):
        verdict = diagnose(record(history(STILL), layers(4, update_ratio=[0.01, ratio, 0.02])))
        assert (verdict.name, verdict.layer, verdict.changes[0]) == ("exploding", "b", Change("train.optimizer.lr", lr))
        assert (Change("train.clip_norm", 1.0) in verdict.changes) == (lr == 0.04)
    assert diagnose(record(history(LEARNING), layers(4, update_ratio=[0.01, 5.6, 0.02]))).name == "healthy"


def test_under_one_cycle_the_first_updates_stand_for_more() -> None:
    schedule = {"train.schedule.name": "one_cycle", "train.schedule.start_factor": 0.04}
    rows = layers(4, update_ratio=[0.2, 0.2, 0.33])
    assert divisor_of_rate(record(history(STILL), rows)) == 10
    assert divisor_of_rate(record(history(STILL), rows, settings=schedule)) == 100
    assert divisor_of_rate(record(history([500.0, 2.3]), rows)) == 100  # a loss that jumped, too
    assert divisor_of_rate(record([], [])) == 10


def test_what_was_learnt_and_is_lost_again_in_a_jump_explodes() -> None:
    losses = [2.0, 0.4, 9.0, 2.4]
    verdict = diagnose(record(history(losses), layers(4, update_ratio=[0.4, 0.1, 0.1])))
    assert verdict.name == "exploding" and "the loss jumped to 22.5 times its best and one update" in verdict.evidence
    recovered = [2.0, 0.4, 9.0, 0.2]
    assert diagnose(record(history(recovered), layers(4, update_ratio=[0.4, 0.1, 0.1]))).name == "healthy"


def test_gradients_that_stay_above_1_and_grow_while_the_loss_does_not_fall_explode() -> None:
    rows = layers(4, gradient_norm=[0.5, 7.0, 1.0])
    verdict = diagnose(record(history([2.3, 2.2, 2.4, 2.9], norms=[2.0, 3.0, 5.0, 8.0]), rows))
    assert (verdict.name, verdict.layer) == ("exploding", "b")
    assert "norm stays above 1 and grew from 2 to 8" in verdict.evidence
    assert Change("train.clip_norm", 1.0) in verdict.changes
    clipped = record(history([2.3, 2.2, 2.4, 2.9], norms=[2.0, 3.0, 5.0, 8.0]), settings={"train.clip_norm": 1.0})
    assert diagnose(clipped).changes == (Change("train.optimizer.lr", 0.04),)
    for norms in ([2.0, 3.0, 0.9, 8.0], [2.0, 3.0, 2.0, 2.9]):  # not above 1 throughout; not grown
        assert diagnose(record(history([2.3, 2.2, 2.4, 2.9], norms=norms), rows)).name == "not learning"


def test_a_loss_that_is_no_number_comes_first_and_names_where_it_broke() -> None:
    broke = {"epoch": 2, "updates": 31, "where": "weights of features.3", "layers": []}
    verdict = diagnose(record(history(STILL[:1]), layers(2, update_ratio=[0.1, 6.0, 0.1]), broke=broke))
    assert (verdict.name, verdict.layer) == ("non-finite", "features.3")
    assert verdict.evidence == (
        "in epoch 2, after 31 updates, the loss was no finite number; first broken: weights of features.3; one update "
        "moved b by 6 times its norm"
    )
    assert verdict.changes == (Change("train.optimizer.lr", 0.004), Change("train.clip_norm", 1.0))
    verdict = diagnose(record([], [], broke=broke | {"where": "the loss itself"}))
    assert (verdict.name, verdict.layer) == ("non-finite", None)


# --- dead, vanishing --------------------------------------------------------------------------------------------------


def test_dead_units_are_an_illness_where_nothing_is_learnt() -> None:
    rows = layers(4, dead_share=[0.3, 1.0, 0.96], gradient_norm=[0.0, 0.0, 0.1])
    verdict = diagnose(record(history(STILL), rows))
    assert (verdict.name, verdict.layer) == ("dead ReLUs", "b")
    assert verdict.changes == (Change("model.normalisation", "batch"),)
    assert "100% of the units of b" in verdict.evidence and "so it is in c" in verdict.evidence
    others = {"model.normalisation": "batch", "model.activation": "relu"}
    assert diagnose(record(history(STILL), rows, settings=others)).changes == (Change("model.activation", "tanh"),)
    settings = others | {"model.activation": "tanh"}
    assert diagnose(record(history(STILL), rows, settings=settings)).changes[0].key == "train.optimizer.lr"
    rows = layers(4, dead_share=[0.3, 0.9, 0.9])
    assert diagnose(record(history(STILL), rows)).name == "not learning"


def test_causes_come_before_what_they_lead_to() -> None:
    """A rate that is too high kills units, and behind dead units gradients fade: the first cause is named."""
    faded = {"gradient_norm": [0.0, 0.0, 1e-8, 0.1, 0.1, 0.1]}
    dead = faded | {"dead_share": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]}
    large = dead | {"update_ratio": [0.01, 6.0, 0.01, 0.01, 0.01, 0.01]}
    names = [diagnose(record(history(STILL), layers(4, **rows))).name for rows in (faded, dead, large)]
    assert names == ["vanishing", "dead ReLUs", "exploding"]


def test_it_is_the_last_third_of_the_epochs_that_stands_still() -> None:
    """One good epoch among the last ones is not standing still; one that is long past is no learning."""
    rows = layers(6, dead_share=[1.0, 1.0, 1.0])
    assert diagnose(record(history([2.3, 2.3, 2.3, 2.3, 1.9, 2.3]), rows)).name == "healthy"
    assert diagnose(record(history([2.3, 1.9, 2.3, 2.3, 2.3, 2.3]), rows)).name == "dead ReLUs"


SIGMOIDS = [1e-17, 1e-14, 1e-11, 1e-8, 1e-5, 1e-3, 1e-2, 1e-1, 0.5]


def test_gradients_that_fade_towards_the_first_layers_vanish() -> None:
    rows = layers(4, gradient_norm=SIGMOIDS, update_ratio=[0.0] * 6 + [0.01] * 3)
    verdict = diagnose(record(history(STILL), rows))
    assert (verdict.name, verdict.layer) == ("vanishing", "a")
    assert "the first 3 of 9 layers get 1e-13 of the gradient of the last 3" in verdict.evidence
    assert "an update moves a by 0 of its norm" in verdict.evidence
    assert verdict.changes == (Change("model.activation", "relu"), Change("model.normalisation", "batch"))
    assert verdict.remedy.endswith("ReLU in place of what saturates and batch norms")
    assert diagnose(record(history(LEARNING), rows)).name == "healthy"
    assert diagnose(record(history(STILL), layers(4, gradient_norm=SIGMOIDS[::-1]))).name == "not learning"


def test_it_is_the_gradient_by_the_weights_that_counts() -> None:
    gradients = [1e-4, 1e-4, 1e-4, 1.0, 1.0, 1.0]
    weights = [1e-3, 1e-3, 1e-3, 1.0, 1.0, 1.0]
    assert diagnose(record(history(STILL), layers(4, gradient_norm=gradients))).name == "vanishing"
    rows = layers(4, gradient_norm=gradients, weight_norm=weights)
    assert diagnose(record(history(STILL), rows)).name == "not learning"


def test_weights_that_drift_to_zero_are_told() -> None:
    rows = layers(4, gradient_norm=SIGMOIDS)
    rows[-9]["weight_norm"] = 0.1
    assert "its weights shrank from 2 to 0.1" in diagnose(record(history(STILL), rows)).evidence


def test_the_remedies_are_those_that_the_model_can_take() -> None:
    rows = layers(4, gradient_norm=SIGMOIDS)
    plain = {"model.activation": "relu", "model.normalisation": "batch"}
    images = plain | {"dataset.preprocess.channels": 3}
    assert diagnose(record(history(STILL), rows, settings=images)).changes == (Change("model.name", "resnet18"),)
    stacked = diagnose(record(history(STILL), rows, settings=plain | {"model.num_layers": 3}))
    assert stacked.changes == (Change("model.num_layers", 1),) and stacked.remedy.endswith("one recurrent layer")
    nothing_left = diagnose(record(history(STILL), rows, settings=plain))
    assert nothing_left.changes == () and nothing_left.remedy.endswith("fewer layers")
    blocks = plain | {"model.residual": False}
    assert diagnose(record(history(STILL), rows, settings=blocks)).changes == (Change("model.residual", True),)


FADING = [1e-22, 1e-15, 1e-9, 1e-5, 1e-2, 0.1]


@pytest.mark.parametrize(("loss", "name"), [(2.3, "vanishing"), (1.5, "vanishing"), (1.3, "healthy")])
def test_what_does_not_reach_the_first_steps_vanishes(loss: float, name: str) -> None:
    rows = layers(4) + over_time(1, [0.1] * 6) + over_time(2, FADING) + over_time(4, FADING)
    verdict = diagnose(record(history([2.3, loss, loss, loss]), rows, settings={"model.name": "rnn"}))
    assert verdict.name == name
    if name == "vanishing":
        assert verdict.layer == "recurrent" and verdict.changes == (Change("model.name", "lstm"),)
        assert verdict.evidence.startswith(
            "at step 1 of 6 dL/dh_t is 1e-21 of what it is at the last, and more than a thousandth only from step 5 on"
        )


def test_of_gated_networks_less_is_said_since_their_memory_carries_more() -> None:
    rows, settings = layers(4) + over_time(4, FADING), {"model.name": "lstm"}
    verdict = diagnose(record(history(STILL), rows, settings=settings))
    assert (verdict.name, verdict.changes) == ("vanishing", (Change("model.pool", "attention"),))
    for others in ({"model.pool": "attention"}, {"task.name": "next_token"}):
        verdict = diagnose(record(history(STILL), rows, settings=settings | others))
        assert (verdict.changes, verdict.remedy) == ((), "read shorter sequences")
    assert diagnose(record(history([2.3, 1.9, 1.9, 1.9]), rows, settings=settings)).name == "healthy"


@pytest.mark.parametrize("norms", [[0.1] * 6, [2e-6, 0.1], [0.1], [0.0, 0.0], [0.1, math.nan]])
def test_what_reaches_the_first_step_or_was_not_measured_does_not_vanish(norms: Sequence[float]) -> None:
    rows = layers(4) + over_time(4, norms)
    assert diagnose(record(history(STILL), rows, settings={"model.name": "rnn"})).name == "not learning"


# --- not learning, overfitting ----------------------------------------------------------------------------------------


def test_labels_that_do_not_follow_from_the_data() -> None:
    by_heart = history([2.3, 2.0, 1.2, 0.6], [2.31, 2.35, 2.9, 3.8])
    for rows, words in ((history(STILL), "the training loss stands still, too"), (by_heart, "learnt by heart")):
        verdict = diagnose(record(rows))
        assert (verdict.name, verdict.layer) == ("not learning", None) and words in verdict.evidence
        assert verdict.changes[0].key == "datasets.digits.source"


def test_a_loss_that_stands_still_below_the_constant_one_is_not_one_that_falls_slowly() -> None:
    assert diagnose(record(history([2.3, 2.2, 2.15, 2.2, 2.19]))).name == "healthy"
    assert diagnose(record(history([2.3, 2.15, 2.2, 2.2, 2.19]))).name == "not learning"


def test_a_learning_rate_that_moves_nothing_is_told_from_bad_labels() -> None:
    verdict = diagnose(record(history(STILL), layers(4, update_ratio=[1e-7, 9e-6, 1e-8])))
    assert verdict.name == "not learning" and verdict.changes == (Change("train.optimizer.lr", 40.0),)


def test_overfitting_needs_a_validation_loss_that_rose_and_a_training_loss_that_fell() -> None:
    verdict = diagnose(record(history([2.0, 1.0, 0.6, 0.3, 0.1], [2.0, 1.2, 1.1, 1.4, 1.6])))
    assert (verdict.name, verdict.changes) == ("overfitting", (Change("model.dropout", 0.3),))
    assert "rose from 1.1 in epoch 3 to 1.6, while the training loss fell from 0.6 to 0.1" in verdict.evidence
    assert "the gap grew from 0.5 to 1.5" in verdict.evidence
    for validation in (
        [2.0, 1.2, 1.1, 1.4, 1.12],  # the epoch before was a bad one
        [2.0, 1.2, 1.1, 1.12, 1.9],  # the last one was
        [2.0, 0.2, 0.10, 0.19, 0.19],  # risen to nearly twice, by 4 % of the constant loss
        [2.0, 1.6, 1.5, 1.7, 1.65],  # risen by a tenth
    ):
        assert diagnose(record(history([2.0, 1.0, 0.6, 0.3, 0.1], validation))).name == "healthy"
    assert diagnose(record(history([2.0, 1.0, 0.6, 0.7, 0.9], [2.0, 1.2, 1.1, 1.4, 1.6]))).name == "healthy"


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        ({"dataset.augment.views": 0, "dataset.preprocess.channels": 1}, "datasets.digits.augment"),
        ({"dataset.augment.views": 8, "dataset.preprocess.channels": 1}, "model.dropout"),
        ({"model.dropout": 0.2}, "train.optimizer.weight_decay"),
        ({"model.dropout": 0.2, "train.optimizer.weight_decay": 0.1, "train.keep": "last"}, "train.keep"),
        ({"model.dropout": 0.2, "train.optimizer.weight_decay": 0.1, "train.keep": "best"}, "train.epochs"),
    ],
)
def test_against_overfitting_the_first_that_is_not_done_yet(settings: Mapping[str, Any], change: str) -> None:
    rows = history([2.0, 1.0, 0.6, 0.3, 0.1], [2.0, 1.2, 1.1, 1.4, 1.6])
    verdict = diagnose(record(rows, settings=settings))
    (found,) = verdict.changes
    assert verdict.remedy.endswith("best, 3, as this run does") == (settings.get("train.keep") == "best")
    assert found.key == change and (change != "train.epochs" or found.value == 3)


# --- the file itself --------------------------------------------------------------------------------------------------


def test_every_rule_lives_without_settings_and_without_layers() -> None:
    for rows in (STILL, LEARNING, [2.0, 0.4, 9.0, 2.4], [9e9] * 4, [math.inf] * 4, STILL[:1], [0.5, 0.0, 0.0, 0.1]):
        assert diagnose(Record(history(rows), [], CONSTANT)).name
        assert diagnose(Record(history(rows), layers(len(rows)), CONSTANT)).name
    assert remedies.listed(["a", "b", "c"]) == "a, b and c" and remedies.listed(["a"]) == "a"


def test_thresholds_are_ordered_as_the_rules_take_for_granted() -> None:
    assert thresholds.HARDLY_LEARNS < thresholds.STANDS_STILL < thresholds.NEVER_BETTER < 1
    assert thresholds.WORTH_A_NOTE < thresholds.DEAD <= 1
    assert thresholds.TINY_UPDATE < thresholds.USUAL_UPDATE < thresholds.LARGE_UPDATE
