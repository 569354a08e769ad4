"""What params.yaml says of series: what they need, and what has no place with them."""

from pathlib import Path

import pytest
from params_helpers import loaded, problems_of

_FORECAST = """\
seed: 0
tracking: {experiment: saccade}
datasets:
  sun:
    source: {name: series_table, path: sun.csv}
    split: {test: 0.2, order: time}
    preprocess: {window: 12, horizon: 3}
    augment: {views: 0}
runs:
  run:
    dataset: sun
    task: {name: forecast}
    model: {name: lstm}
    train: {epochs: 1, batch_size: 8, optimizer: {name: sgd, lr: 0.1}}
    evaluate: {}
"""
_CLASSES = (
    _FORECAST.replace("{name: series_table, path: sun.csv}", "{name: series_folder, table: a.csv}")
    .replace("forecast", "classify")
    .replace("{window: 12, horizon: 3}", "{length: 9}")
)


def problems(text: str, folder: Path) -> list[str]:
    return [problem.split(": ", 1)[1] for problem in problems_of(text, folder)]


@pytest.mark.parametrize("model", ["rnn", "gru", "lstm", "conv1d", "mlp"])
@pytest.mark.parametrize("text", [_FORECAST, _CLASSES])
def test_what_is_right(tmp_path: Path, text: str, model: str) -> None:
    block = loaded(text.replace("lstm", model), tmp_path).datasets["sun"].preprocess
    decisions = {"missing": "error", "longest_gap": None, "on_repeat": "error"}
    forecast = {"window": 12, "horizon": 3, "stride": None, **decisions, "season": None}
    forecast |= {"covariates": None, "holidays": None}
    classes = {"length": 9, **decisions, "on_conflict": "error"}
    assert block.options == (forecast if text == _FORECAST else classes)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "order: time",
            "order: random",
            "datasets.sun.split.order: a forecast is measured on times after those it has ",
        ),
        (
            ", order: time",
            "",
            "datasets.sun.split.order: a forecast is measured on times after those it has learnt from",
        ),
        ("test: 0.2", "test: given", "datasets.sun.split.test: series_table publishes no test split: give a share"),
        ("test: 0.2", "group_by: year", "datasets.sun.split.group_by: series_table gives series to forecast, which "),
        ("test: 0.2", "allow_leakage: true", "datasets.sun.split.allow_leakage: series_table gives series to fo"),
        (
            "window: 12, ",
            "",
            "datasets.sun.preprocess.window: missing; series to forecast need it, such as window: 132",
        ),
        (
            ", horizon: 3",
            "",
            "datasets.sun.preprocess.horizon: missing; series to forecast need it, such as horizon: 12",
        ),
        ("horizon: 3", "horizon: 0", "datasets.sun.preprocess.horizon: 0: must be greater than or equal to 1"),
        (
            "horizon: 3",
            "horizon: 3, stride: 0",
            "datasets.sun.preprocess.stride: 0: must be greater than or equal to 1",
        ),
        ("horizon: 3", "horizon: 3, season: 13", "datasets.sun.preprocess.season: 13: must be at most window (12), "),
        (
            "horizon: 3",
            "horizon: 3, size: [8, 8]",
            "datasets.sun.preprocess.size: series to forecast take no size; ",
        ),
        (
            "horizon: 3",
            "horizon: 3, length: 9",
            "datasets.sun.preprocess.length: series to forecast take no length; known: covariates, ",
        ),
        ("horizon: 3", "horizon: 3, missing: maybe", "datasets.sun.preprocess.missing: 'maybe': must be 'error', 'in"),
        (
            "forecast",
            "classify",
            "runs.run.task: classify predicts classes, but the labels of sun are forecast; forecast would",
        ),
        (
            "forecast",
            "regress",
            "runs.run.task: regress predicts numbers, but the labels of sun are forecast; forecast would",
        ),
        ("lstm", "lenet5", "runs.run.model: lenet5 takes image, but sun is series"),
        (
            "epochs: 1",
            "epochs: 1, loss: cross_entropy",
            "runs.run.train.loss: forecast knows mse and mae, not 'cross_e",
        ),
        (
            "epochs: 1",
            "epochs: 1, class_weights: inverse",
            "runs.run.train.class_weights: forecast predicts no classes",
        ),
        (
            "path: sun.csv",
            "paths: sun.csv",
            "datasets.sun.source.paths: series_table takes no 'paths'; did you mean 'pat",
        ),
        ("path: sun.csv", "path: sun.csv, targets: sun", "datasets.sun.source.targets: 'sun': must be a valid list"),
        (
            "views: 0",
            "views: 0, transforms: [{name: Blur}]",
            "datasets.sun.augment.transforms: series_table gives no im",
        ),
    ],
)
def test_what_a_forecast_does_not_take(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in _FORECAST
    found = problems(_FORECAST.replace(old, new), tmp_path)
    assert len(found) == 1 and found[0].startswith(message), found


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "length: 9",
            "window: 9",
            "datasets.sun.preprocess.window: labelled series take no window; known: length, longest_gap, ",
        ),
        (
            "length: 9",
            "stride: 2",
            "datasets.sun.preprocess.stride: labelled series take no stride; known: length, ",
        ),
        (
            "length: 9",
            "on_conflict: keep",
            "datasets.sun.preprocess.on_conflict: 'keep': must be 'error' or 'quarantine'",
        ),
        (
            "classify",
            "forecast",
            "runs.run.task: forecast predicts forecast, but the labels of sun are classes; classify would",
        ),
    ],
)
def test_what_labelled_series_do_not_take(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in _CLASSES
    found = problems(_CLASSES.replace(old, new), tmp_path)
    assert len(found) == 1 and found[0].startswith(message), found
