"""``saccade start`` on files as people have them: what it takes each for, and that ``preprocess`` takes it so, too.

The files are no part of the project: SACCADE_TEST_CASES names their folder.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from pipeline import paths
from pipeline.commands.start import start
from pipeline.params.load import load_params
from pipeline.stages.fetch import fetch
from pipeline.stages.preprocess import preprocess

CASES = Path(os.environ.get("SACCADE_TEST_CASES", ROOT.parent / "shared" / "cases"))
GIVEN = {"test": "given"}
BY_TIME = {"test": 0.2, "validation": 0.1, "order": "time"}
DRAWN = {"test": 0.15, "validation": 0.15}
# Folder: the source and what it is told besides where the files are; the split.
EXPECTED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "bare-quotes-tab-no-header": ("text_table", {"text_column": 1, "label_column": 0}, DRAWN),
    "brazilian-numbers": ("series_table", {"encoding": "cp1252"}, BY_TIME),
    "clocks-go-back": ("series_table", {"time_zone": "Europe/Berlin"}, BY_TIME),
    "date-and-time-columns": ("series_table", {}, BY_TIME),
    "excel-parquet": ("image_table", {}, DRAWN),
    "json-lines": ("text_table", {}, DRAWN),
    "newest-first": ("series_table", {}, BY_TIME),
    "no-header": ("series_table", {}, BY_TIME),
    "one-hot-columns": ("image_table", {"path_column": "image", "label_columns": ["MEL", "NV", "BCC"]}, DRAWN),
    "panel": ("series_table", {"series_column": "store"}, BY_TIME),
    "question-marks": ("series_table", {}, BY_TIME),
    "regression-on-pictures": ("image_table", {"value_columns": ["age"]}, DRAWN),
    "semicolons-decimal-commas": ("series_table", {"missing_values": [-200]}, BY_TIME),
    "several-labels": ("image_table", {"label_column": "labels", "multilabel": True, "labels_separator": " "}, DRAWN),
    "sixteen-bits": ("image_folder", {}, DRAWN),
    "split-column-valid": ("image_table", {"label_column": "labels", "split_column": "data set"}, GIVEN),
    "stray-quotes": ("text_table", {}, DRAWN),
    "thousands-points": ("series_table", {"thousands": "."}, BY_TIME),
    "times-with-offset": ("series_table", {}, BY_TIME),
    "times-with-z": ("series_table", {}, BY_TIME),
    "train-and-valid-only": ("image_folder", {}, {"validation": 0.15}),
    "training-testing": ("image_folder", {}, GIVEN),
    "valid-beside-train": ("image_folder", {}, GIVEN),
    "windows-paths": ("image_table", {}, DRAWN),
    "zip-names-cp850": ("image_folder", {}, DRAWN),
}

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("case", EXPECTED)
def test_a_case_is_taken_for_what_it_is(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    if not (CASES / case).exists():
        pytest.skip(f"needs {CASES / case}; SACCADE_TEST_CASES names another folder")
    shutil.copy2(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    start(paths.PARAMS, CASES / case, "mine", minutes=1, ask=None, takes_first=True)
    params = load_params(paths.PARAMS)
    dataset = params.datasets["mine"]
    name, arguments, split = EXPECTED[case]
    told = {key: value for key, value in dataset.source.arguments.items() if key not in ("path", "table")}
    assert dataset.source.name == name and told.items() >= arguments.items()
    assert dataset.split.model_dump(exclude_unset=True) == split
    fetch("mine", source=dataset.source)
    preprocess("mine", source=dataset.source, split=dataset.split, block=dataset.preprocess, seed=params.seed)
    assert (paths.prepared("mine") / "dataset.json").is_file()
