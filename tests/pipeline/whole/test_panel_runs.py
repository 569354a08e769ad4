"""Several series in one table, with what is planned, from the file to the forecasts, by commands that people type."""

import csv
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Ended, Tree

_TRAIN = "{epochs: 25, batch_size: 32, optimizer: {name: adam, lr: 0.01}, loss: mae, keep: best, ema_decay: 0.9}"
_RUN = """\
    task: {{name: forecast}}
    model: {{name: nlinear}}
    train: {train}
    evaluate: {{device: cpu}}
"""
_PARAMS = f"""\
seed: 0
tracking: {{experiment: saccade}}
datasets:
  planned:
    source: {{name: series_table, path: sales.csv, series_column: shop, targets: [sales], known: [promotion], static: [region]}}
    split: {{test: 0.2, validation: 0.15, order: time}}
    preprocess: {{window: 14, horizon: 4, covariates: [weekday]}}
    augment: {{views: 0}}
  blind:
    source: {{name: series_table, path: past.csv, series_column: shop, value_columns: [sales]}}
    split: {{test: 0.2, validation: 0.15, order: time}}
    preprocess: {{window: 14, horizon: 4}}
    augment: {{views: 0}}
runs:
  told:
    dataset: planned
{_RUN.format(train=_TRAIN)}
  untold:
    dataset: blind
{_RUN.format(train=_TRAIN)}
"""  # noqa: E501
_DAYS, _AHEAD = 220, 4
_LEVELS = {"mall": 3000.0, "north": 100.0, "south": 20.0, "kiosk": 5.0}
_FIRST = {"mall": 0, "north": 0, "south": 60, "kiosk": _DAYS - 20}


def write_sales(path: Path, *, ahead: int, names: tuple[str, ...] = tuple(_LEVELS), rename: str = "") -> None:
    """Sales of a day are 60 % higher where a promotion, drawn by chance, is planned; the latest rows only plan one.

    South begins later than the others, and the kiosk has too few days for a window in each part.
    """
    random = np.random.default_rng(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["day", "shop", "region", "sales", "promotion"])
        for name, level in _LEVELS.items():
            for i in range(_DAYS + _AHEAD):
                is_on, noise = int(random.random() < 0.4), float(random.normal())
                if i < _FIRST[name] or i >= _DAYS + ahead or name not in names:
                    continue
                sales = f"{level * (1 + 0.6 * is_on + 0.02 * noise):.3f}" if i < _DAYS else ""
                shop, region = rename or name, "coast" if name == "south" else "hills"
                writer.writerow([date(2024, 1, 1) + timedelta(i), shop, region, sales, is_on])


@pytest.fixture(scope="module")
def said(make_tree: Callable[..., Tree]) -> tuple[Tree, dict[str, Ended]]:
    """Both runs trained and evaluated, one over folds; what each command said."""
    tree = make_tree(tracks=False)
    tree.params.write_text(_PARAMS, encoding="utf-8")
    write_sales(tree.root / "sales.csv", ahead=_AHEAD)
    write_sales(tree.root / "past.csv", ahead=0)
    write_sales(tree.root / "unplanned.csv", ahead=2)
    write_sales(tree.root / "new.csv", ahead=_AHEAD, names=("north",), rename="west")
    commands = [
        *([stage, name] for name in ("planned", "blind") for stage in ("fetch", "preprocess", "augment")),
        *([stage, name] for name in ("told", "untold") for stage in ("train", "evaluate")),
        ["predict", "told", "sales.csv", "--json"],
        ["predict", "told", "sales.csv"],
        ["predict", "told", "new.csv", "--json"],
        ["predict", "told", "unplanned.csv"],
        ["repeat", "told", "--folds", "2"],
    ]
    drawn = [["preprocess", "planned"], ["evaluate", "told"], ["predict", "told", "sales.csv"]]
    ended, _ = tree.run_all(*commands, drawn=drawn)
    codes = [one.code for one in ended]
    assert codes == [0] * 13 + [1, 0], [one.err for one in ended]
    return tree, {" ".join(command): one for command, one in zip(commands, ended, strict=True)}


def json_of(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def table_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_what_is_left_out_is_said(said: tuple[Tree, dict[str, Ended]]) -> None:
    out = said[1]["preprocess planned"].out
    assert "planned: 1 of 4 series left out, too short for a window in each part: kiosk (20 rows)" in out
    assert "windows of 3 series of 14x9, to forecast: sales, 4 steps of 1 day ahead" in out


def test_a_network_that_is_told_what_is_planned_beats_all_that_are_not(said: tuple[Tree, dict[str, Ended]]) -> None:
    reports = said[0].root / "reports"
    told, untold = (json_of(reports / run / "metrics.json") for run in ("told", "untold"))
    assert told["mae"] < 0.3 * min(untold["mae"], untold["baseline_mae"])
    assert told["mase"] < 0.3 * untold["mase"] and told["smape"] < 10 < untold["smape"]
    assert told["ridge_mae"] < 0.3 * untold["ridge_mae"]  # ridge is told the same


def test_errors_stand_series_by_series_in_their_own_unit(said: tuple[Tree, dict[str, Ended]]) -> None:
    tree, _ = said
    folder = tree.root / "reports/told/evaluation"
    rows = table_of(folder / "by_series.csv")
    assert [row["series"] for row in rows] == ["mall", "north", "south"]
    errors = {row["series"]: float(row["mae"]) for row in rows}
    for name in errors:
        assert errors[name] == pytest.approx(0.02 * _LEVELS[name], rel=0.6)
        assert float(next(row["mase"] for row in rows if row["series"] == name)) < 0.2
    assert (folder / "by_series.png").read_bytes().startswith(b"\x89PNG")
    forecasts = table_of(folder / "forecast.csv")
    off = [abs(float(row["forecast"]) - float(row["truth"])) for row in forecasts if row["series"] == "north"]
    assert np.mean(off) == pytest.approx(errors["north"], rel=1e-3)
    file = {(row["shop"], row["day"]): row["sales"] for row in table_of(tree.root / "sales.csv")}
    for row in forecasts:
        assert float(row["truth"]) == pytest.approx(float(file[row["series"], row["time"]]), rel=1e-4)


def test_each_series_is_forecast_beyond_its_end_by_what_is_planned(said: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = said
    rows = [json.loads(line) for line in ended["predict told sales.csv --json"].out.splitlines()]
    assert [row["series"] for row in rows] == [name for name in ("mall", "north", "south", "kiosk") for _ in range(4)]
    planned = {(row["shop"], row["day"]): int(row["promotion"]) for row in table_of(tree.root / "sales.csv")}
    assert [row["time"] for row in rows[:4]] == [f"2024-08-{day:02}" for day in (8, 9, 10, 11)]
    assert len({planned[row["series"], row["time"]] for row in rows[:12]}) == 2
    for row in rows[:12]:
        told, level = row["targets"]["sales"], _LEVELS[row["series"]]
        expected = level * (1 + 0.6 * planned[row["series"], row["time"]])
        assert told["forecast"] == pytest.approx(expected, rel=0.1) and told["low"] < told["forecast"] < told["high"]
    assert "not seen in training, so their mean and deviation are those of the rows given: kiosk" in (
        ended["predict told sales.csv --json"].err
    )
    header, *lines = ended["predict told sales.csv"].out.splitlines()
    assert header.split() == ["series", "time", "sales", "10", "%", "90", "%"] and lines[0].startswith("mall")
    assert (tree.root / "reports/told-forecast.png").read_bytes().startswith(b"\x89PNG")


def test_a_series_that_training_has_not_seen_is_forecast_on_its_own_scale(said: tuple[Tree, dict[str, Ended]]) -> None:
    ended = said[1]["predict told new.csv --json"]
    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert [row["series"] for row in rows] == ["west"] * 4 and "not seen in training" in ended.err
    assert all(80 < row["targets"]["sales"]["forecast"] < 200 for row in rows)


def test_what_must_be_known_ahead_is_asked_for(said: tuple[Tree, dict[str, Ended]]) -> None:
    ended = said[1]["predict told unplanned.csv"]
    message = (
        "promotion must be known for the 4 steps to forecast, from 2024-08-08 to 2024-08-11, but rows with them end"
    )
    assert message in ended.err.replace("\n", " ") and ended.out == ""


def test_folds_roll_the_origin(said: tuple[Tree, dict[str, Ended]]) -> None:
    kept = json_of(said[0].root / "reports/told/folds.json")
    assert kept["by"] == "fold" and len(kept["metrics"]["mae"]["values"]) == 2
    assert kept["metrics"]["mae"]["values"][1] < 0.5 * kept["metrics"]["persistence_mae"]["values"][1]
    first, second = (table_of(said[0].root / f"reports/told-fold{fold}/evaluation/forecast.csv") for fold in (1, 2))
    for name in ("mall", "north", "south"):  # no step of a series is tested twice
        times = [{row["time"] for row in rows if row["series"] == name} for rows in (first, second)]
        assert max(times[0]) < min(times[1])
