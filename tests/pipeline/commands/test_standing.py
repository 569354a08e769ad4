"""A run that does worse than a simple model of its dataset says so: after training and evaluation, before answers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Ended, Tree
from small_runs import dataset_entry, params_text, run_entry

from pipeline import paths
from pipeline.commands import standing
from pipeline.params.load import Params, load_params
from saccade.core.files import write_json

pytestmark = pytest.mark.timeout(600)

TRAIN = "{{epochs: 3, batch_size: 20, optimizer: {{name: adam, lr: {lr}}}}}"
MODEL = "{name: mlp, hidden: [30]}"
PARAMS = params_text(
    [
        run_entry("idle", TRAIN.format(lr=1e-9), model=MODEL),
        run_entry(
            "able",
            "{epochs: 25, batch_size: 20, optimizer: {name: adam, lr: 0.002}}",
            model="{name: mlp, hidden: [200]}",
        ),
    ],
    datasets=[dataset_entry(split="{train_fraction: 0.1}")],
)
LOST = "worse than the baseline: accuracy "


@pytest.fixture(scope="module")
def done(make_tree: Callable[..., Tree]) -> tuple[Tree, dict[str, Ended]]:
    """A run that learns nothing and one that learns, from training to answers."""
    tree = make_tree(tracks=False)
    tree.params.write_text(PARAMS, encoding="utf-8")
    commands = {
        **{stage: [stage, "digits"] for stage in ("fetch", "preprocess", "augment")},
        **{f"{stage} {run}": [stage, run] for run in ("idle", "able") for stage in ("train", "evaluate", "predict")},
        "train idle again": ["train", "idle"],
    }
    save = (
        "import numpy as np; from PIL import Image\n"
        "Image.fromarray(np.load('data/prepared/digits/test.npy')[0, ..., 0]).save('a.png')"
    )
    for run in ("idle", "able"):
        commands[f"predict {run}"] += ["a.png", "--json"]
    results, _ = tree.run_all(["!", "pass"], *list(commands.values())[:3], ["!", save], *list(commands.values())[3:])
    ended = [*results[1:4], *results[5:]]
    assert [each.code for each in ended] == [0] * len(commands), ended
    return tree, dict(zip(commands, ended, strict=True))


def test_a_run_that_loses_says_so_in_a_line_with_what_is_likeliest_to_help(
    done: tuple[Tree, dict[str, Ended]],
) -> None:
    lines = [line for line in done[1]["evaluate idle"].out.splitlines() if LOST in line]
    (line,) = lines
    assert line.startswith(f"idle: on the test split {LOST}0.")
    assert (
        "beyond noise; likeliest to help: runs.idle.train.optimizer.lr: 1e-07 (now 1e-09), or `saccade add --baseline"
        in line
    )
    assert line.endswith("--baseline idle`")
    assert LOST not in done[1]["evaluate able"].out


def test_a_short_training_measures_no_baseline_and_compares_with_one_that_is_known(
    done: tuple[Tree, dict[str, Ended]],
) -> None:
    first, again = done[1]["train idle"].out, done[1]["train idle again"].out
    assert LOST not in first and "measuring" not in first
    assert f"idle: on the validation split {LOST}0." in again and "measuring" not in again


def test_predict_warns_once_and_beside_the_answers(done: tuple[Tree, dict[str, Ended]]) -> None:
    idle, able = done[1]["predict idle"], done[1]["predict able"]
    assert idle.err.count(f"warning: when it was evaluated, idle was {LOST}") == 1
    assert "`saccade compare idle` shows both" in idle.err
    assert len(idle.out.splitlines()) == 1 and json.loads(idle.out)
    assert "warning" not in able.err


# --- in this process --------------------------------------------------------------------------------------------------


@pytest.fixture
def params(inside: Tree) -> Params:
    inside.params.write_text(PARAMS, encoding="utf-8")
    return load_params(paths.PARAMS)


def test_whatever_goes_wrong_a_training_is_done(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(*arguments: Any) -> None:
        raise ZeroDivisionError("no test split")

    monkeypatch.setattr(standing, "_validated", breaks)
    standing.say_after_training(params, "idle")
    assert capsys.readouterr().out == (
        "idle: not compared with its baseline (no test split); `saccade evaluate idle` tries it again\n"
    )


def test_without_reports_nothing_is_said(params: Params, capsys: pytest.CaptureFixture[str]) -> None:
    standing.say_after_evaluation(params, "idle")
    standing.warn_after_prediction(params, "idle")
    assert capsys.readouterr() == ("", "")


def test_a_forecast_that_loses_says_that_noise_is_not_known(params: Params, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(Path("reports/idle/metrics.json"), {"mae": 2.0, "baseline_mae": 1.5})
    standing.say_after_evaluation(params, "idle")  # its journal and tables are elsewhere: no remedy
    line = "worse than the baseline: mae 2.0000 against 1.5000, how much of it is noise is not known"
    assert capsys.readouterr().out == f"idle: on the test split {line}\n"


@pytest.mark.parametrize(("weights", "warns"), [("of now", True), ("of before", False)])
def test_an_evaluation_of_other_weights_is_not_quoted(
    params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], weights: str, warns: bool
) -> None:
    monkeypatch.setattr("saccade.bundle.bundle.weights_sha256", lambda folder: "of now")
    write_json(Path("reports/idle/metrics.json"), {"mae": 2.0, "baseline_mae": 1.5})
    beside = {"verdict": "worse"}
    write_json(Path("reports/idle/evaluated.json"), {"format": 1, "weights_sha256": weights, "beside_baseline": beside})
    standing.warn_after_prediction(params, "idle")
    line = "warning: when it was evaluated, idle was worse than the baseline: mae 2.0000 against 1.5000, beyond noise"
    assert capsys.readouterr().err.startswith(line) == warns
