"""``saccade compare``: tables by test set, what differs, paired tests in words, the page, JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import paths
from pipeline.commands.compare import compare
from saccade.core.files import write_json
from saccade.evaluate.outcomes import FILE_NAME, Outcomes, write_outcomes


@pytest.fixture(autouse=True)
def _empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_run(
    name: str,
    right: np.ndarray,
    *,
    params: dict[str, Any] | None = None,
    test_set: str = "a" * 64,
    weights: str = "w",
    evaluated_weights: str = "w",
    dataset: str = "digits",
    parameters: int = 1000,
) -> None:
    report = paths.report(name)
    record = {"params": {"seed": 0, "model.name": "mlp", **(params or {})}, "tags": {}, "datasets": []}
    trained = {"dataset": dataset, "model": "mlp", "parameters": parameters, "train_elapsed_s": 2.0, "record": record}
    write_json(
        report / "run.json", trained | {"weights_sha256": weights, "data": {"train.npy": "t"}, "code": {"src": "1"}}
    )
    accuracy = float(right.mean())
    write_json(
        report / "metrics.json", {"accuracy": accuracy, "accuracy_low": accuracy - 0.1, "accuracy_high": accuracy + 0.1}
    )
    (report / "evaluation").mkdir()
    write_outcomes(report / "evaluation" / FILE_NAME, Outcomes(np.arange(len(right)), {"accuracy": right}))
    evaluated = {"weights_sha256": evaluated_weights, "data": {"test.npy": test_set, "test_labels.npy": "l"}}
    evaluated |= {"examples": len(right), "answer_elapsed_s": 0.5, "outcomes": {"block_length": None}, "code": {}}
    write_json(report / "evaluated.json", {"format": 1, **evaluated, "beside_baseline": {"verdict": "better"}})


def answers(count: int, *wrong: int) -> np.ndarray:
    right = np.ones(count)
    right[list(wrong)] = 0
    return right


def test_two_runs_are_compared_in_pairs_and_what_differs_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    write_run("a", answers(200, *range(20)), params={"train.optimizer.lr": 0.1, "train.clip": None})
    write_run("b", answers(200, 1), params={"train.optimizer.lr": 0.2, "train.clip": None, "model.size": [3, 4]})
    assert compare(["a", "b"], named=True) == 0
    out = capsys.readouterr().out
    assert "train.optimizer.lr" in out and "[3, 4]" in out and "train.clip" not in out and "seed" not in out
    assert "data: the same bytes\n" in out and "code: the same\n" in out
    (line,) = [line for line in out.splitlines() if line.startswith("b beside a")]
    assert "accuracy 0.9950 against 0.9000 on 200 test examples, difference +0.0950 (95 %: +0.0" in line
    assert line.endswith("McNemar's exact test, only a right on 0, only b on 19, p below 0.001: b is better")
    assert "against it" in out and "better" in out  # the baseline, by its paired test


def test_all_runs_are_a_table_a_test_set_and_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    write_run("a", answers(200, *range(20)))
    write_run("b", answers(200, 1))
    write_run("other", answers(50, 2), test_set="b" * 64, dataset="mnist")
    assert compare(["a", "b", "other", "new"], named=False) == 0
    captured = capsys.readouterr()
    assert "test set of digits, 200 examples (aaaaaaaa)" in captured.out
    assert "test set of mnist, 50 examples (bbbbbbbb)" in captured.out
    rows = {line.split()[1]: line for line in captured.out.splitlines() if line.startswith("│ ") and "─" not in line}
    assert "the best" in rows["b"] and "worse" in rows["a"] and "not trained yet" in rows["new"]
    assert captured.err == "" and "params that differ" not in captured.out


def test_runs_of_different_test_sets_are_refused_in_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    write_run("a", answers(20, 3))
    write_run("other", answers(50, 2), test_set="b" * 64, dataset="mnist")
    assert compare(["a", "other"], named=True) == 2
    captured = capsys.readouterr()
    assert (
        "a: test set of digits, 20 examples (aaaaaaaa); other: test set of mnist, 50 examples (bbbbbbbb)"
        in captured.err
    )
    assert "beside a" not in captured.out and "0.9500" in captured.out


def test_of_several_runs_p_values_are_adjusted(capsys: pytest.CaptureFixture[str]) -> None:
    write_run("a", answers(100, *range(6)))
    write_run("b", answers(100))
    write_run("c", answers(100, *range(6)))
    compare(["a", "b", "c"], named=True)
    lines = [line for line in capsys.readouterr().out.splitlines() if " beside " in line and "McNemar" in line]
    assert len(lines) == 3 and all("(Holm, 3 tests)" in line for line in lines)
    assert "p = 0.094 (Holm, 3 tests): no real difference" in lines[0]  # 0.031 alone


def test_of_many_runs_each_is_compared_with_the_best(capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(6):
        write_run(f"r{number}", answers(300, *range(30 * (number != 2))))
    compare([f"r{number}" for number in range(6)], named=False, as_json=True)
    pairs = json.loads(capsys.readouterr().out)["test_sets"][0]["pairs"]
    assert len(pairs) == 5 and all("r2" in pair["runs"] for pair in pairs)
    assert all(pair["verdict"] == "r2 is better" for pair in pairs)


def test_an_evaluation_of_other_weights_is_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    write_run("a", answers(20, 3))
    write_run("b", answers(20, 4), weights="new")
    assert compare(["a", "b"], named=True) == 0
    captured = capsys.readouterr()
    assert "b was evaluated with other weights than it has now: `saccade evaluate b`" in captured.err
    assert "beside a" not in captured.out


def test_a_run_of_an_earlier_version_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    write_run("a", answers(20, 3))
    (paths.report("a") / "evaluated.json").unlink()
    compare(["a"], named=True)
    assert "a was evaluated by an earlier version, which kept no outcomes" in capsys.readouterr().err


def test_json_holds_runs_pairs_and_differences(capsys: pytest.CaptureFixture[str]) -> None:
    write_run("a", answers(20, 3), params={"train.epochs": 1})
    write_run("b", answers(20, 4), params={"train.epochs": 2})
    assert compare(["a", "b"], named=True, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["differences"]["params"] == {"train.epochs": [1, 2]} and found["trained"] == ["a", "b"]
    assert found["runs"][0]["answer_s_per_example"] == 0.025 and found["runs"][1]["low"] == pytest.approx(0.85)
    (pair,) = found["test_sets"][0]["pairs"]
    assert (
        pair["runs"] == ["a", "b"]
        and pair["first"] == 0.95
        and pair["p"] == 1.0
        and pair["discordant"] == [1, 1]
        and pair["verdict"] == "no real difference"
    )


def test_the_page_is_whole_and_escapes_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run("a", answers(20, 3), params={"dataset.source.path": "<script>alert(1)</script>"}, parameters=10)
    write_run("b", answers(20, 4), parameters=100_000)
    write_run("c<i>", answers(20, 4), parameters=5_000)
    compare(["a", "b", "c<i>"], named=True, html=tmp_path / "out" / "page.html")
    page = (tmp_path / "out" / "page.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3 and "accuracy against seconds of training" in page
    assert "http:" not in page and "https:" not in page and "prefers-color-scheme: dark" in page
    assert "<script" not in page and "&lt;script&gt;" in page and "<i>" not in page
    assert f"written: {tmp_path / 'out' / 'page.html'}" in capsys.readouterr().out
