from typing import Any

import pytest

from saccade.evaluate.shortfall import Shortfall, better_baseline, find_shortfall

EQUAL, UNEQUAL = (30, 30, 25), (90, 30, 20)


def measured(own: float, *baselines: float, width: float = 0.02, **others: float) -> dict[str, Any]:
    """Accuracies with intervals: the network's, that of the baseline, that of the baseline on features."""
    values: dict[str, Any] = {}
    for prefix, value in zip(("", "baseline_", "baseline_features_"), (own, *baselines), strict=False):
        values |= {
            f"{prefix}accuracy": value,
            f"{prefix}accuracy_low": value - width,
            f"{prefix}accuracy_high": value + width,
        }
    return values | others


def test_the_better_of_the_baselines_is_the_one_that_counts() -> None:
    assert better_baseline(measured(0.8, 0.7, 0.9), "accuracy") == "baseline_features_"
    assert better_baseline(measured(0.8, 0.9, 0.7), "accuracy") == "baseline_"
    assert better_baseline(measured(0.8, 0.9, 0.9), "accuracy") == "baseline_"
    assert better_baseline(measured(0.8), "accuracy") is None
    assert better_baseline({"mae": 1, "baseline_mae": 3, "baseline_features_mae": 2}, "mae") == "baseline_features_"


def test_an_accuracy_below_the_better_one_beyond_noise() -> None:
    found = find_shortfall(measured(0.8, 0.7, 0.9))
    assert found == Shortfall("accuracy", 0.8, 0.9, "baseline_features_", True)
    assert str(found) == "worse than the baseline on features: accuracy 0.8000 against 0.9000, beyond noise"
    assert str(find_shortfall(measured(0.8, 0.9))).startswith("worse than the baseline: accuracy 0.8000")


@pytest.mark.parametrize(
    "values",
    [
        {},
        measured(0.8),
        measured(0.9, 0.8, 0.7),
        measured(0.88, 0.9),  # the intervals touch
        {"accuracy": 0.5, "baseline_accuracy": 0.9},  # of an older version: no intervals
        {"hits": 3, "baseline_hits": 9},  # of a task of one's own: nobody knows which is better
        {"mae": 1.01, "baseline_mae": 1.0},
        {"loss": 0.4, "baseline_loss": 0.9},
        {"mae": 1.0, "rmse": 2.0},
    ],
)
def test_no_shortfall(values: dict[str, Any]) -> None:
    assert find_shortfall(values, UNEQUAL) is None


def test_balanced_accuracy_counts_where_classes_are_unequal() -> None:
    values = measured(0.9, 0.9, 0.85, balanced_accuracy=0.6, baseline_balanced_accuracy=0.7)
    found = find_shortfall(values, UNEQUAL)
    assert found == Shortfall("balanced_accuracy", 0.6, 0.7, "baseline_", None)
    assert str(found) == (
        "worse than the baseline: balanced accuracy 0.6000 against 0.7000, how much of it is noise is not known"
    )
    assert find_shortfall(values, EQUAL) is None and find_shortfall(values, (89, 30)) is None
    assert find_shortfall(values, (90, 30)) == found
    assert find_shortfall(values) is None  # not prepared here
    assert find_shortfall(values | {"balanced_accuracy": 0.66}, UNEQUAL) is None
    assert find_shortfall(values, (90, 0, 40)) is None  # a class without examples says nothing


def test_plain_accuracy_comes_first() -> None:
    values = measured(0.5, 0.9, balanced_accuracy=0.1, baseline_balanced_accuracy=0.7)
    found = find_shortfall({"balanced_accuracy": 0.1, **values}, UNEQUAL)
    assert found is not None and found.metric == "accuracy"


def test_an_error_without_an_interval_says_that_noise_is_not_known() -> None:
    found = find_shortfall({"mae": 1.1, "rmse": 1.2, "baseline_mae": 1.0})
    assert found == Shortfall("mae", 1.1, 1.0, "baseline_", None)
    assert "how much of it is noise is not known" in str(found)


def test_a_score_without_an_interval_counts_where_it_is_far_lower() -> None:
    def told(own: float, baseline: float) -> Shortfall | None:
        return find_shortfall({"mean_average_precision": own, "baseline_mean_average_precision": baseline})

    assert told(0.9, 0.8) is None and told(0.8, 0.84) is None
    assert told(0.7, 0.8) == Shortfall("mean_average_precision", 0.7, 0.8, "baseline_", None)


def test_a_paired_test_decides_in_place_of_intervals() -> None:
    apart = {
        **{"accuracy": 0.8, "accuracy_low": 0.75, "accuracy_high": 0.85},
        **{"baseline_accuracy": 0.95, "baseline_accuracy_low": 0.9, "baseline_accuracy_high": 0.98},
    }
    assert find_shortfall(apart) is not None and find_shortfall(apart, paired="no real difference") is None
    near = apart | {"baseline_accuracy": 0.83, "baseline_accuracy_low": 0.78, "baseline_accuracy_high": 0.88}
    assert find_shortfall(near) is None
    found = find_shortfall(near, paired="worse")
    assert found is not None and found.is_beyond_noise and found.baseline == 0.83
    forecast = {"mae": 1.001, "baseline_mae": 1.0}
    assert find_shortfall(forecast) is None and find_shortfall(forecast, paired="worse") is not None
