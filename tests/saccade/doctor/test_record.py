"""What is read off the record of a training, on records that are written by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from saccade.doctor.record import Record

CONSTANT = 4.0


def history(train: Sequence[float], validation: Sequence[float] | None = None) -> list[Mapping[str, Any]]:
    return [
        {"epoch": epoch, "train_loss": loss, "validation_loss": (validation or train)[epoch - 1]}
        for epoch, loss in enumerate(train, start=1)
    ]


def record(rows: Sequence[Mapping[str, Any]] = (), layers: Sequence[Mapping[str, Any]] = ()) -> Record:
    return Record(rows, layers, CONSTANT)


def layer(epoch: int, name: str, gradient: float, weight: float) -> dict[str, Any]:
    return {"epoch": epoch, "layer": name, "gradient_norm": gradient, "weight_norm": weight}


def test_the_late_loss_is_the_lowest_of_the_last_third_of_either_split() -> None:
    assert record(history([1.0, 3.0, 3.0, 3.0, 2.0, 3.0], [9.0] * 6)).late_loss() == 0.5
    assert record(history([9.0, 9.0], [1.0, 8.0])).late_loss() == 2.0
    assert record(history([9.0], [1.0])).late_loss() == 0.25


def test_validation_has_risen_as_far_as_the_better_of_its_last_two_epochs() -> None:
    train = [9.0] * 4
    assert record(history(train, [4.0, 2.0, 3.0, 2.5])).rise() == 0.125
    assert record(history(train, [4.0, 2.0, 2.5, 9.0])).rise() == 0.125
    assert record(history(train, [4.0, 3.0, 2.0, 9.0])).rise() == 0.0
    assert record(history([9.0], [4.0])).rise() == 0.0


def test_a_jump_is_measured_from_the_lowest_loss_before() -> None:
    assert record(history([4.0, 1.0, 2.0, 3.0, 0.5])).jump() == 3.0
    assert record(history([4.0, 2.0])).jump() == 0.5
    assert record(history([4.0])).jump() == record().jump() == 0.0


def test_growth_is_from_the_first_to_the_last_epoch_of_a_layer() -> None:
    rows = [layer(1, "a", 1, 2.0), layer(1, "b", 1, 0.0), layer(2, "a", 1, 1.0), layer(3, "a", 1, 5.0)]
    assert record(layers=rows).growth() == {"a": 2.5}


def test_the_gradient_share_compares_thirds_by_the_norm_of_their_weights() -> None:
    gradients, weights = [8.0, 1.0, 9.0, 7.0, 5.0, 6.0, 6.0], [4.0, 1.0, 1.0, 1.0, 1.0, 2.0, 0.5]
    rows = [layer(2, name, *pair) for name, *pair in zip("abcdefg", gradients, weights, strict=True)]
    earlier = [layer(1, name, 1e-9, 1.0) for name in "abcdefg"]
    assert record(layers=earlier + rows).gradient_share() == (1.5 / 7.5, 2)  # of 2 and 1; of 3 and 12
    assert record(layers=rows[:2]).gradient_share() is None
    assert record(layers=[layer(1, name, 0.0, 1.0) for name in "abc"]).gradient_share() is None


def steps(epoch: int, norms: Sequence[float]) -> list[dict[str, Any]]:
    return [
        {"epoch": epoch, "layer": "recurrent", "step": t, "gradient_norm": norm}
        for t, norm in enumerate(norms, start=1)
    ]


@pytest.mark.parametrize(("norms", "share"), [([1e-6, 0.5, 2.0], 5e-7), ([0.0, 1.0], 0.0), ([1.0, 0.0], None)])
def test_the_share_over_time_is_of_the_first_step_by_the_last(norms: Sequence[float], share: float | None) -> None:
    found = record(layers=[*steps(4, norms), layer(5, "recurrent", 1.0, 1.0)])
    assert found.share_over_time() == (share if share is None else pytest.approx(share))
    assert len(found.over_time()) == (0 if share is None else len(norms))
    assert record(layers=[layer(5, "recurrent", 1.0, 1.0)]).share_over_time() is None


def test_one_odd_epoch_does_not_stand_for_the_gradient_over_time() -> None:
    epochs = {1: [1e-22, 1.0], 2: [1e-18, 1.0], 4: [2e-9, 1.0], 5: [0.8, 1.0]}
    rows = [row for epoch, norms in epochs.items() for row in steps(epoch, norms)]
    assert record(layers=rows).share_over_time() == 2e-9
    assert {row["epoch"] for row in record(layers=rows).over_time()} == {4}
    assert record(layers=rows[:2] + rows[6:]).share_over_time() == 0.8  # of two, the larger
