"""outcomes.csv as the stage completes it, and the digest that names answers."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.stages.evaluate.evaluated import answers_sha256, complete_outcomes
from saccade.evaluate.outcomes import FILE_NAME, Outcomes, read_outcomes, write_outcomes
from saccade.predict.predictor import TokenOutputs

INFO: Any = SimpleNamespace(spec=SimpleNamespace(horizon=0))


def split(rows: list[int], groups: np.ndarray | None = None) -> Any:
    return SimpleNamespace(rows=np.array(rows), groups=groups)


def test_baselines_and_groups_stand_beside_the_right_examples(tmp_path: Path) -> None:
    write_outcomes(tmp_path / FILE_NAME, Outcomes(np.array([9, 4, 7]), {"accuracy": np.array([1.0, 1.0, 0.0])}))
    test = split([9, 4, 5, 7], np.array([3, 3, 8, 1]))
    about, paired = complete_outcomes(
        tmp_path, "accuracy", {"baseline_accuracy": np.array([0.0, 1.0, 0.0, np.nan])}, test, INFO
    )
    read = read_outcomes(tmp_path / FILE_NAME)
    np.testing.assert_array_equal(read.values["baseline_accuracy"], [0.0, 1.0, np.nan])
    assert read.groups is not None and read.groups.tolist() == [3, 3, 1]
    assert about == {"rows": 3, "of": 4, "main": "accuracy", "block_length": None}
    assert paired is not None and paired.examples == 2 and paired.method == "paired bootstrap of groups"


def test_forecasts_are_drawn_in_blocks_as_long_as_they_reach(tmp_path: Path) -> None:
    found = Outcomes(np.arange(30), {"mae": np.arange(30.0), "ridge_mae": np.arange(30.0) + 1})
    write_outcomes(tmp_path / FILE_NAME, found)
    about, paired = complete_outcomes(
        tmp_path, "mae", {}, split(list(range(30))), SimpleNamespace(spec=SimpleNamespace(horizon=7))
    )
    assert about["block_length"] == 7 and paired is not None
    assert paired.method == "paired bootstrap of blocks of 7 windows" and paired.verdict == "better"


def test_a_capped_table_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_outcomes(tmp_path / FILE_NAME, Outcomes(np.arange(10), {"mae": np.arange(10.0)}), most=4)
    about, paired = complete_outcomes(tmp_path, "mae", {}, split(list(range(10))), INFO)
    assert (about["rows"], about["of"], paired) == (4, 10, None)
    assert capsys.readouterr().out == (
        "outcomes.csv holds 4 of 10 test examples, spread evenly: paired tests see these\n"
    )


def test_a_task_without_outcomes_is_compared_with_nothing(tmp_path: Path) -> None:
    assert complete_outcomes(tmp_path, "mae", {"baseline_mae": np.ones(2)}, split([0, 1]), INFO) == ({}, None)


def test_the_digest_of_answers_tells_bits_types_and_shapes_apart() -> None:
    answers = np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)
    others = [answers.astype(np.float64), answers.reshape(1, 4), np.nextafter(answers, np.float32(1)), answers[::-1]]
    digests = {answers_sha256(each) for each in (answers, *others)}
    assert len(digests) == 5 and answers_sha256(np.asfortranarray(answers)) == answers_sha256(answers)
    tokens = TokenOutputs(answers, np.ones((2, 2), np.int32))
    assert answers_sha256(tokens) != answers_sha256(TokenOutputs(answers, np.zeros((2, 2), np.int32)))
