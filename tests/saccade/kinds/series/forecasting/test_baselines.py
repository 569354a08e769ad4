"""What forecasts have to beat, against scikit-learn and by hand.

Shapes: N windows, W steps of inputs, F features, H steps to forecast, G targets.
"""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.kinds.series.forecasting import baselines as forecast_baselines
from saccade.kinds.series.forecasting.baselines import (
    STRENGTHS,
    baseline_answers,
    persistence,
    ridge,
    seasonal_persistence,
)

W, F, H = 5, 3, 4
SPEC = Spec(
    "series", (W, F),
    targets=tuple(f"{name} +{step}" for step in range(1, H + 1) for name in ("c", "a")),
    features=("a", "b", "c"), step="1 day", horizon=H,
)  # fmt: skip


def split(N: int, seed: int) -> Split:
    """Windows of three series that hang on their past, linearly and with noise."""
    random = np.random.default_rng(seed)
    x_TF = np.zeros((N + W + H, F))
    for t in range(2, len(x_TF)):
        x_TF[t] = 0.7 * x_TF[t - 1] - 0.3 * x_TF[t - 2] + random.normal(size=F)
    x_TF = x_TF * [1, 10, 100] + [5, 0, 4000]
    starts = np.arange(N)
    inputs = np.stack([x_TF[s : s + W] for s in starts]).astype(np.float32)
    labels = np.stack([x_TF[s + W : s + W + H][:, [2, 0]].ravel() for s in starts]).astype(np.float32)
    return Split(inputs, labels, starts)


TRAIN, VALIDATION, TEST = split(200, 0), split(60, 1), split(50, 2)


def test_persistence_repeats_the_last_value_of_each_target() -> None:
    answers_NO = persistence(TEST.examples, SPEC)
    assert answers_NO.shape == (50, 8) and answers_NO.dtype == np.float64
    for h in range(H):
        np.testing.assert_array_equal(answers_NO[:, 2 * h], TEST.examples[:, -1, 2])
        np.testing.assert_array_equal(answers_NO[:, 2 * h + 1], TEST.examples[:, -1, 0])


def test_seasonal_persistence_says_what_was_one_season_ago() -> None:
    window = np.arange(1.0, W + 1)[None, :, None] * [1, 10, 100]  # a: 1..5, c: 100..500
    answers_NO = seasonal_persistence(window, SPEC, [3, 5])  # of c, of a
    assert answers_NO is not None
    assert answers_NO[0, ::2].tolist() == [300, 400, 500, 300]  # after three steps the season before
    assert answers_NO[0, 1::2].tolist() == [1, 2, 3, 4]
    last = seasonal_persistence(window, SPEC, [1, 1])
    np.testing.assert_array_equal(last, persistence(window, SPEC))  # a season of one step
    assert seasonal_persistence(window, SPEC, [3, None]) is None


def test_seasonal_persistence_is_right_about_what_repeats() -> None:
    wave_T = np.sin(np.arange(60) * 2 * np.pi / 4)
    windows = np.stack([wave_T[s : s + W] for s in range(40)])[:, :, None]
    came = np.stack([wave_T[s + W : s + W + H] for s in range(40)])
    spec = Spec("series", (W, 1), targets=tuple(f"a +{h}" for h in range(1, H + 1)), features=("a",), horizon=H)
    answers_NO = seasonal_persistence(windows, spec, [4])
    assert answers_NO is not None
    np.testing.assert_allclose(answers_NO, came, atol=1e-12)


def test_the_ridge_is_scikit_learn_s_with_the_alpha_that_is_best_on_validation() -> None:
    mean, std = TRAIN.examples.mean(axis=(0, 1)), TRAIN.examples.std(axis=(0, 1))
    got_NO = ridge(TRAIN, VALIDATION, TEST.examples, mean.tolist(), std.tolist())
    targets_mean, targets_std = TRAIN.labels.mean(axis=0), TRAIN.labels.std(axis=0)

    def flat(x: np.ndarray) -> np.ndarray:
        return ((x - mean) / std).reshape(len(x), -1)

    answers = {}
    for alpha in STRENGTHS:
        model = Ridge(alpha=alpha).fit(flat(TRAIN.examples), (TRAIN.labels - targets_mean) / targets_std)
        of = {name: model.predict(flat(x)) * targets_std + targets_mean for name, x in
              (("validation", VALIDATION.examples), ("test", TEST.examples))}  # fmt: skip
        answers[alpha] = (np.abs(of["validation"] - VALIDATION.labels).mean(), of["test"])
    best = min(answers, key=lambda alpha: answers[alpha][0])
    assert STRENGTHS[0] < best < STRENGTHS[-1]
    np.testing.assert_allclose(got_NO, answers[best][1], rtol=1e-4, atol=1e-3)


def test_of_very_many_windows_some_are_chosen_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    mean, std = [0.0] * F, [1.0] * F
    monkeypatch.setattr(forecast_baselines, "MAX_VALUES", 50 * W * F)
    few = ridge(TRAIN, VALIDATION, TEST.examples, mean, std)
    rows = np.linspace(0, 199, 50).round().astype(int)
    monkeypatch.undo()
    thinned = Split(TRAIN.examples[rows], TRAIN.labels[rows], rows)
    np.testing.assert_allclose(few, ridge(thinned, VALIDATION, TEST.examples, mean, std), rtol=1e-9)


def test_a_target_that_never_changes_does_not_break_the_ridge() -> None:
    labels = TRAIN.labels.copy()
    labels[:, 0] = 7
    constant = Split(TRAIN.examples, labels, TRAIN.rows)
    answers_NO = ridge(constant, VALIDATION, TEST.examples, [0.0] * F, [1.0] * F)
    np.testing.assert_allclose(answers_NO[:, 0], 7, rtol=1e-9)


def test_all_baselines_beside_each_other() -> None:
    known = {"mean": [5.0, 0, 4000], "std": [1.0, 10, 100]}
    assert set(baseline_answers(TRAIN, VALIDATION, TEST, SPEC, **known, seasons=[3, 3])) == {
        "persistence", "seasonal", "ridge",
    }  # fmt: skip
    without = baseline_answers(TRAIN, VALIDATION, TEST, SPEC, **known, seasons=[None, 3])
    assert set(without) == {"persistence", "ridge"}
    error = {name: np.abs(answer - TEST.labels).mean() for name, answer in without.items()}
    assert error["ridge"] < 0.8 * error["persistence"]
