"""Intervals of a run and of its baselines in words, and answers that are no numbers."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.stages.evaluate import baselines, measure
from pipeline.stages.evaluate.in_words import missing_values_in_words, numbers_of, verdict_on_baseline
from saccade.core.errors import UserError
from saccade.data.prepared import Split
from saccade.evaluate.intervals import accuracy_interval
from saccade.evaluate.shortfall import Shortfall, find_shortfall
from saccade.kinds import Baseline
from saccade.predict.predictor import TokenOutputs


def with_ends(metric: str, value: float, low: float, high: float) -> dict[str, float]:
    return {metric: value, f"{metric}_low": low, f"{metric}_high": high}


def test_of_an_error_the_lower_is_the_better() -> None:
    measured = with_ends("mae", 2.0, 1.8, 2.2) | with_ends("baseline_mae", 3.0, 2.7, 3.3)
    assert verdict_on_baseline(measured, "mae") == "better" and find_shortfall(measured) is None
    worse = with_ends("mae", 4.0, 3.8, 4.2) | with_ends("baseline_mae", 3.0, 2.7, 3.3)
    assert verdict_on_baseline(worse, "mae") == "worse"
    assert find_shortfall(worse) == Shortfall("mae", 4.0, 3.0, "baseline_", True)
    alike = with_ends("mae", 3.5, 3.1, 3.9) | with_ends("baseline_mae", 3.0, 2.7, 3.3)
    assert verdict_on_baseline(alike, "mae") == "no real difference" and find_shortfall(alike) is None


def test_a_score_is_compared_by_intervals_where_both_have_one() -> None:
    measured = with_ends("macro_f1", 0.7, 0.6, 0.8) | with_ends("baseline_macro_f1", 0.8, 0.72, 0.88)
    assert find_shortfall(measured) is None
    assert find_shortfall(measured | {"baseline_macro_f1_low": 0.81}) == Shortfall(
        "macro_f1", 0.7, 0.8, "baseline_", True
    )


def test_one_line_tells_a_reason_with_all_that_it_is_the_reason_for() -> None:
    few = {"loss_interval_reason": "too few", "mase": None, "mase_reason": "by 0", "mae_interval_reason": "too few"}
    assert missing_values_in_words({"loss": 1.0, "loss_low": None, **few}) == [
        "no 95 % interval of loss, mae: too few",
        "null: mase: by 0",
    ]
    assert numbers_of({"loss": 1.0, "loss_low": None, **few}) == {"loss": 1.0}


def test_a_baseline_has_intervals_right_behind_its_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "accuracy": 0.9,
        "balanced_accuracy": 0.8,
        "mae": 3.0,
        "mae_low": 2.0,
        "mae_high": None,
        "test_examples": 50,
    }
    found = Baseline("m", lambda *_: values, ("accuracy", "balanced_accuracy", "mae"))
    monkeypatch.setattr(baselines, "baseline_values", lambda *_: iter([(found, values)]))
    info: Any = SimpleNamespace(counts={"test": 70})
    measured = baselines.measure_baselines("d", info, info)
    assert list(measured) == [
        f"baseline_{name}"
        for name in ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "mae", "mae_low", "mae_high")
    ]
    assert (measured["baseline_accuracy_low"], measured["baseline_accuracy_high"]) == accuracy_interval(45, 50)
    grouped = baselines.measure_baselines("d", info, info, 10.0)
    assert grouped["baseline_accuracy_low"] == pytest.approx(accuracy_interval(9, 10)[0])


def test_answers_that_are_no_numbers_name_run_and_row() -> None:
    test = Split(np.zeros((4, 2)), np.zeros(4, int), np.array([11, 12, 13, 14]))
    answers = np.full((4, 3), 1 / 3)
    measure._require_finite(answers, test, "mine")
    answers[2, 1], answers[3, 0] = np.nan, np.inf
    with pytest.raises(
        UserError, match=r"mine must .* answers nan for 2 examples of 4, first for row 13 of the source"
    ):
        measure._require_finite(answers, test, "mine")
    nats = np.zeros((4, 5), np.float32)
    nats[3, 4] = np.inf
    with pytest.raises(UserError, match=r"answers inf for 1 example of 4, first for row 14"):
        measure._require_finite(TokenOutputs(nats, np.zeros((4, 5), np.int32)), test, "mine")
