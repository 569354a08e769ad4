"""How benchmarks/own_data.py counts, on made cells; that it runs is in test_benchmarks.py."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))  # its files import each other by bare names

from drawn_defects import defect_picture
from own_data_methods import BEFORE, methods_of
from own_data_sets import QUICK, SETS, OwnSet, written
from own_data_sources import MissingDataError, Place, kind_of_line
from own_data_table import compare, markdown, results_of, summarise

from saccade.evaluate.intervals import accuracy_interval


def cell(method: str, right: Sequence[bool] | None, accuracy: float | None = None, **more: Any) -> dict[str, Any]:
    """A cell of a set with two classes in turn; of a baseline there are no answers."""
    answers = None
    if right is not None:
        actual = [("a", "b")[i % 2] for i in range(len(right))]
        predicted = [own if is_right else "c" for own, is_right in zip(actual, right, strict=True)]
        answers = {"row": list(range(len(right))), "actual": actual, "predicted": predicted}
        halves = (np.mean(right[::2]), np.mean(right[1::2]))
        metrics = {"accuracy": float(np.mean(right)), "balanced_accuracy": float(np.mean(halves))}
    else:
        metrics = {"accuracy": accuracy, "balanced_accuracy": accuracy}
    known = {"set": "faces", "split": 0, "main": "accuracy", "test_examples": 100, "train_examples": 200}
    return {**known, "method": method, "metrics": metrics, "answers": answers, "train_s": 1.0, "whole_s": 2.0, **more}


def share(count: int, of: int = 100) -> list[bool]:
    """The first ``count`` are right."""
    return [i < count for i in range(of)]


def test_an_example_tested_thrice_counts_once() -> None:
    cells = [cell("m", share(80), split=split) for split in range(3)]
    row = summarise(cells, 100)
    assert row["accuracy"] == pytest.approx(0.8)
    assert row["accuracy_interval"] == pytest.approx(accuracy_interval(80, 100))
    low, high = row["balanced_accuracy_interval"]
    assert 0.70 < low < 0.74 and 0.86 < high < 0.90  # sqrt(0.8 * 0.2 / 100) is 0.04


def test_methods_are_compared_example_by_example() -> None:
    """90 and 84 of 100: as if on other examples that is nothing, on the same ones it is six to none."""
    better, worse = cell("m", share(90)), cell("n", share(84))
    compared = compare([better], [worse])
    assert compared["difference"] == pytest.approx(0.06) and compared["verdict"] == "better"
    assert compare([worse], [better])["verdict"] == "worse"
    assert compare([better], [cell("baseline", None, 0.84)])["verdict"] == "even"
    assert compare([better], [cell("baseline", None, 0.60)])["verdict"] == "better"


def test_as_many_right_elsewhere_is_no_difference() -> None:
    compared = compare([cell("m", share(90))], [cell("n", share(90)[::-1])])
    assert compared["difference"] == 0 and compared["verdict"] == "even"
    assert 1.96 * math.sqrt(20 / 100**2) < compared["noise"] < 0.1


def test_never_differing_is_not_certain() -> None:
    same = compare([cell("m", share(5, of=6))], [cell("n", share(5, of=6))])
    assert same["noise"] > 0.2
    balanced = compare(*([cell(name, share(0, of=6), main="balanced_accuracy")] for name in "mn"))
    assert balanced["noise"] > 0.1


def test_splits_that_disagree_make_a_difference_less_sure() -> None:
    first = [cell("m", share(count), split=split) for split, count in enumerate((99, 80, 90))]
    second = [cell("n", share(count), split=split) for split, count in enumerate((70, 90, 89))]
    assert compare(first[2:], second[2:])["noise"] < 0.05
    compared = compare(first, second)
    assert compared["difference"] == pytest.approx(0.2 / 3) and compared["noise"] > 0.2
    assert compared["verdict"] == "even"


def test_series_are_compared_by_their_splits() -> None:
    def errors(method: str, values: Sequence[float]) -> list[dict[str, Any]]:
        return [
            cell(method, None, 0.0, main="mae", metrics={"mae": value}, split=split)
            for split, value in enumerate(values)
        ]

    half, whole = errors("m", (1.0, 2.1, 2.9)), errors("n", (2.0, 4.0, 6.0))
    compared = compare(half, whole)
    assert compared["verdict"] == "better" and compared["difference"] == pytest.approx(math.log(2), abs=0.05)
    assert compare(half[:1], whole[:1])["verdict"] == "unknown"
    results = results_of([*half, *whole], {"faces": False})
    assert results["sets"]["faces"]["best"] == "m"
    assert "mean absolute error" in markdown(results, {"faces": "made"})


def test_tables_say_who_wins_and_where() -> None:
    cells = [
        cell(method, share(count), set=name) for name in ("faces", "tiles") for method, count in (("m", 60), ("n", 90))
    ]
    results = results_of(cells, {"faces": False, "tiles": True})
    page = markdown(results, {"faces": "people", "tiles": "drawn"})
    assert "| faces: people; 200 to learn from, 100 test | m | **60.0** | 50.2 to 69.1 |" in page
    assert "|  | **n** | **90.0** |" in page and "tiles, kept out: drawn" in page
    assert "| n against m | 1, 0, 0 | 1, 0, 0 |" in page and "m against n" not in page
    assert "kept out that have all methods (1), %: m 60.0, n 90.0" in page


def test_a_third_of_the_sets_is_kept_out_and_none_of_them_is_quick() -> None:
    kept_out = [name for name, own in SETS.items() if own.is_kept_out and not own.is_large]
    assert 3 * len(kept_out) >= len(SETS) - 1
    assert {SETS[name].form for name in kept_out} == {"image", "tokens", "series"}
    assert not set(QUICK) & set(kept_out)
    assert all(own.before in BEFORE for own in SETS.values())


def test_methods_are_named_or_files(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("model: {name: lenet5}\n", encoding="utf-8")
    asked = ["baseline", "before", f"mine={file}", "auto"]
    assert methods_of(asked) == {"before": {}, "mine": {"for": "image", "model": {"name": "lenet5"}}, "auto": {}}
    assert methods_of(["baseline"]) == {"before": {}}
    with pytest.raises(SystemExit, match=r"--methods \(best\) must be one of baseline, features, before, auto"):
        methods_of(["best"])
    file.write_text("modle: {name: lenet5}\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="must hold blocks of preprocess, augment, model, train, evaluate"):
        methods_of([f"mine={file}"])


def test_a_set_is_written_once_and_missing_data_are_named(tmp_path: Path) -> None:
    made: list[int] = []

    def make(place: Place) -> None:
        made.append((place.folder / "a.txt").write_text("a", encoding="utf-8"))

    own = OwnSet("made", "image", make, is_resampled=True)
    folder, digest = written("made", own, 1, tmp_path, tmp_path)
    assert (folder / "a.txt").read_text() == "a" and folder.name == "split1"
    assert written("made", own, 1, tmp_path, tmp_path) == (folder, digest) and made == [1]
    with pytest.raises(MissingDataError, match=r"needs .*orl-faces\.tar\.gz; --shared names another folder"):
        written("faces", SETS["faces"], 0, tmp_path, tmp_path)


def test_defects_are_faint_and_the_same_for_the_same_seed() -> None:
    pictures = [defect_picture(np.random.default_rng(3), name) for name in ("sound", "crack", "crack")]
    assert pictures[0].shape == (256, 256) and pictures[0].dtype == np.uint8
    assert np.array_equal(pictures[1], pictures[2])
    changed = np.abs(pictures[1].astype(int) - pictures[0]) > 5
    assert 10 < changed.sum() < 0.01 * changed.size


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("amount", ["RM 1,007.50", "-7.44"]),
        ("date", ["BILL DATE : 20/11/2017", "05-JAN-2017 03:17"]),
        ("quantity", ["12"]),
        ("code", ["017-6057770"]),
        ("words", ["take away"]),
        (None, ["28.00 S", ":"]),
    ],
)
def test_lines_of_receipts_have_kinds(kind: str | None, texts: list[str]) -> None:
    assert [kind_of_line(text) for text in texts] == [kind] * len(texts)
