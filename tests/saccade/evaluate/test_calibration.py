"""How sure answers are beside how right they are.

Shapes: N examples, K classes.
"""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from saccade.evaluate.confidence.answers import Answers, risk_coverage
from saccade.evaluate.confidence.calibration import (
    brier_score,
    calibration_error_interval,
    calibration_metrics,
    reliability,
)
from saccade.evaluate.metrics import classification_metrics, expected_calibration_error


def answers(N: int, sureness: float = 1.0, seed: int = 0) -> tuple[Answers, float]:
    """Answers whose logits are ``sureness`` times what they should be, and the true mean distance, without bins."""
    random = np.random.default_rng(seed)
    logit_N = np.abs(random.normal(0, 2, size=N))
    true_N, said_N = (1 / (1 + np.exp(-scale * logit_N)) for scale in (1.0, sureness))
    return Answers(said_N, random.random(N) < true_N), float(np.abs(true_N - said_N).mean())


def test_the_bins_of_a_reliability_diagram_by_hand() -> None:
    found = reliability(Answers(np.array([0.9] * 25 + [0.6] * 20), np.arange(45) % 5 != 0))
    less, more = found
    assert (less.count, less.confidence, less.least, less.most) == (20, pytest.approx(0.6), 0.6, 0.6)
    assert (more.count, more.accuracy) == (25, 20 / 25) and less.accuracy == 16 / 20
    assert less.low < 0.8 < less.high and (less.low, less.high) == pytest.approx((0.584, 0.919), abs=1e-3)


def test_they_add_up_to_the_calibration_error() -> None:
    some, _ = answers(500, 3.0)
    bins = reliability(some)
    assert sum(each.count for each in bins) == 500 and len(bins) == 15
    added = sum(each.count / 500 * abs(each.accuracy - each.confidence) for each in bins)
    assert added == pytest.approx(expected_calibration_error(some.confidences_N, some.is_right_N), rel=1e-9)


@pytest.mark.parametrize("sureness", [1.0, 2.0])
def test_the_interval_holds_the_true_error_and_begins_at_0_where_there_is_none(sureness: float) -> None:
    truth, held, begins_at_0 = answers(200_000, sureness)[1], 0, 0
    for seed in range(100):
        some, _ = answers(300, sureness, seed=seed + 1)
        low, high = calibration_error_interval(some)
        assert low <= expected_calibration_error(some.confidences_N, some.is_right_N) <= high
        held += low <= truth <= high
        begins_at_0 += low == 0
    assert held >= 88  # 95 %, less three standard deviations of 100 draws
    assert begins_at_0 >= 88 if sureness == 1 else begins_at_0 <= 70


def test_the_brier_score_is_twice_scikit_learn_s_of_two_classes() -> None:
    some, _ = answers(50)
    probabilities_NK = np.stack([1 - some.confidences_N, some.confidences_N], axis=1)
    labels_N = some.is_right_N.astype(np.int64)
    expected = 2 * brier_score_loss(labels_N, some.confidences_N)
    assert brier_score(probabilities_NK, labels_N) == pytest.approx(expected, rel=1e-12)
    assert brier_score(np.array([[0.2, 0.5, 0.3]]), np.array([0])) == pytest.approx(0.64 + 0.25 + 0.09, rel=1e-12)


def test_metrics_before_and_after_are_those_of_either() -> None:
    some, _ = answers(60, 2.0)
    network_NK = np.stack([1 - some.confidences_N, some.confidences_N], axis=1)
    calibrated_NK, labels_N = 0.5 + (network_NK - 0.5) / 2, some.is_right_N.astype(np.int64)
    found = calibration_metrics(network_NK, calibrated_NK, labels_N, temperature=1.9)
    after = classification_metrics(calibrated_NK, labels_N)
    assert found["temperature"] == 1.9
    assert (found["ece_calibrated"], found["nll_calibrated"]) == pytest.approx((after["ece"], after["loss"]), rel=1e-12)
    assert found["brier"] == brier_score(network_NK, labels_N)
    assert found["brier_calibrated"] == brier_score(calibrated_NK, labels_N)


def test_the_risk_coverage_curve_by_hand() -> None:
    points = risk_coverage(Answers(np.array([0.7, 0.9, 0.9, 0.5]), np.array([True, True, False, False])))
    assert [(point.threshold, point.coverage, point.count, point.error) for point in points] == [
        (0.9, 0.5, 2, 0.5),  # equal confidences together
        (0.7, 0.75, 3, pytest.approx(1 / 3)),
        (0.5, 1.0, 4, 0.5),
    ]
    many, _ = answers(5000)
    curve = risk_coverage(many)
    assert len(curve) == 200 and curve[-1].coverage == 1 and curve[0].count == 1
    assert curve[-1].error == pytest.approx(1 - many.is_right_N.mean())
    assert curve[40].error < curve[-1].error


@pytest.mark.parametrize("right", [True, False])
def test_all_right_and_all_wrong_are_measured(right: bool) -> None:
    some = Answers(np.full(5, 1.0), np.full(5, right))
    assert calibration_error_interval(some) == ((0.0, 0.0) if right else (1.0, 1.0))
    assert risk_coverage(some)[0].error == 1 - right and risk_coverage(some)[0].low < risk_coverage(some)[0].high


def test_probabilities_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"probabilities_NK \(shape \(1, 2\)\) must be finite"):
        Answers.of(np.array([[np.nan, 0.5]]), np.array([0]))
