"""``saccade predict FILE.onnx``: without torch and without a project, with the rows that the network itself gives."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx_files
import pytest
from PIL import Image
from sequence_bundles import FORECAST, NEXT, SERIES, TEXTS, trained

from pipeline.commands.predict import task_that_takes, tell
from pipeline.commands.predict_file import predict_with_file
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.kinds import Reading
from saccade.predict.answers import Question
from saccade.predict.predictor import Predictor

PICTURES = Spec("image", (6, 5, 3), classes=("ant", "bee", "cow", "dog"))
SEVERAL = dataclasses.replace(PICTURES, multilabel=True)
SIZES = Spec("image", (6, 5, 3), targets=("width", "age"))
ROOT = Path(__file__).resolve().parents[3]
UNWANTED = (
    "torch",
    "torchvision",
    "pandas",
    "mlflow",
    "dvc",
    "albumentations",
    "matplotlib",
    "onnx",
    "onnxscript",
    "scipy",
    "sklearn",
)
# Name of the file to what is asked of it: its arguments, and the same as attributes of a question and a reading
ASKED: dict[str, tuple[list[str], dict[str, Any]]] = {
    "pictures": (["photos"], {"paths": ["photos"]}),
    "ranked": (["photos", "--top", "3", "--json"], {"paths": ["photos"], "top": 3, "as_json": True}),
    "several": (["photos"], {"paths": ["photos"]}),
    "sizes": (["photos/a.png"], {"paths": ["photos/a.png"]}),
    "texts": (["lines.txt", "--text", "teas"], {"paths": ["lines.txt"], "texts": ["teas"]}),
    "series": (["walk.csv"], {"paths": ["walk.csv"]}),
    "next": (["--prompt", "tea", "--probabilities"], {"prompt": "tea", "probabilities": True}),
    "written": (["--prompt", "tea", "--temperature", "0"], {"prompt": "tea", "temperature": 0.0}),
    "ahead": (["days.csv", "--json"], {"paths": ["days.csv"], "as_json": True}),
}
# Runs every question in one process, in which nothing of UNWANTED can be imported
SCRIPT = """
import json, os, sys
for name in json.loads(sys.argv[1]):
    sys.modules[name] = None
from pipeline.cli import app
for name, arguments in json.loads(sys.argv[2]).items():
    print("===", name)
    app(["predict", f"{name}.onnx", *arguments], standalone_mode=False)
"""


def networks() -> dict[str, Predictor]:
    def of(task: str, predictor: Predictor) -> Predictor:
        config = dataclasses.replace(predictor.config, task=task)
        return Predictor(config, predictor.network, predictor.device)

    def linear(spec: Spec, **config: Any) -> Predictor:
        return trained("mlp", spec, scale=0.3, config=config, hidden=[])

    return {
        "pictures": of("classify", linear(PICTURES, temperature=1.4)),
        "ranked": of("classify", linear(PICTURES)),
        "several": of("multilabel", linear(SEVERAL, thresholds=[0.1, 0.9, 0.4, 0.5])),
        "sizes": of("regress", linear(SIZES)),
        "texts": of("classify", trained("gru", TEXTS, hidden_size=5, pool="max")),
        "series": of("classify", trained("gru", SERIES, hidden_size=5)),
        "next": of("next_token", trained("lstm", NEXT, hidden_size=5)),
        "written": of("next_token", trained("lstm", NEXT, scale=4.0, hidden_size=8)),
        "ahead": of("forecast", trained("gru", FORECAST, hidden_size=5)),
    }


def write_examples(folder: Path) -> None:
    random = np.random.default_rng(4)
    (folder / "photos").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(random.integers(0, 256, (9, 12, 3), dtype=np.uint8)).save(folder / "photos" / name)
    (folder / "lines.txt").write_text("reason\n\nhat\nairship and more\n", encoding="utf-8")
    steps = ["a,b,c", *(",".join(f"{value:.3f}" for value in random.normal(size=3)) for _ in range(7))]
    (folder / "walk.csv").write_text("\n".join(steps), encoding="utf-8")
    days = ["day,a,b", *(f"2024-03-{day:02d},{day % 5},{random.normal():.3f}" for day in range(1, 12))]
    (folder / "days.csv").write_text("\n".join(days), encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("elsewhere")
    write_examples(made)
    for name, predictor in networks().items():
        path = made / f"{name}.onnx"
        said = {"reject_threshold": "0.3"} if name == "pictures" else {}
        if predictor.spec.kind == "image":
            onnx_files.softmax_regression(predictor, path, **said)
        else:
            onnx_files.export(predictor, path, any_length=predictor.spec.kind == "tokens")
    return made


@pytest.fixture(scope="module")
def without_torch(folder: Path) -> dict[str, list[str]]:
    """What the command prints about each question, in a process of its own, far from any project."""
    arguments = [json.dumps(UNWANTED), json.dumps({name: given for name, (given, _) in ASKED.items()})]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}", "PYTHONUTF8": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    parts = re.split(r"^=== (\w+)\n", ended.stdout, flags=re.MULTILINE)[1:]
    return {name: text.splitlines() for name, text in zip(parts[::2], parts[1::2], strict=True)}


@pytest.mark.parametrize("name", ASKED)
def test_without_torch_the_rows_are_those_of_the_network(
    name: str, folder: Path, without_torch: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    predictor, (_, given) = networks()[name], dict(ASKED)[name]
    reading = Reading(f"{name}.onnx", predictor.spec, given.get("paths", ()), given.get("texts", ()), folder)
    others = {key: value for key, value in given.items() if key not in ("paths", "texts")}
    question = Question(reading, unsure_below=0.3 if name == "pictures" else None, **others)
    tell(predictor, task_that_takes(question, predictor.config), question, model=folder / f"{name}.onnx")
    expected = capsys.readouterr().out.splitlines()
    assert len(without_torch[name]) == len(expected)
    for ours, torchs in zip(without_torch[name], expected, strict=True):
        assert_same(ours, torchs)


def assert_same(ours: str, torchs: str) -> None:
    """The same words, and numbers that differ by rounding alone."""
    number = r"-?\d+\.\d+(?:e-?\d+)?"
    assert re.split(r"[\s-]+", re.sub(number, "#", ours)) == re.split(r"[\s-]+", re.sub(number, "#", torchs))
    ours_N, torchs_N = ([float(each) for each in re.findall(number, line)] for line in (ours, torchs))
    assert ours_N == pytest.approx(torchs_N, rel=1e-4, abs=1.01e-4)


def test_an_unsure_answer_is_called_so(without_torch: dict[str, list[str]]) -> None:
    header, *rows = without_torch["pictures"]
    assert header.endswith("below 0.3000") and len(rows) == 3


def test_what_the_network_does_not_take_is_refused_by_the_name_of_the_file(folder: Path) -> None:
    predictor = networks()["texts"]
    question = Question(Reading("texts.onnx", predictor.spec, here=folder), prompt="tea")
    with pytest.raises(UserError, match=r"--prompt \(tea\) must be left out: texts\.onnx classifies texts; give"):
        task_that_takes(question, predictor.config)


def test_a_run_that_was_worse_than_its_baseline_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictor = networks()["sizes"]
    measured = json.dumps({"mae": 2.0, "baseline_mae": 1.0})
    path = onnx_files.softmax_regression(predictor, tmp_path / "sizes.onnx", metrics=measured, run="heights")
    write_examples(tmp_path)
    predict_with_file(path, Question, paths=["photos"], texts=(), here=tmp_path)
    assert "when it was evaluated, heights was worse than the baseline: mae 2.0000" in capsys.readouterr().err
