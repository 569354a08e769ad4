"""The list of doubtful labels: of training data alone, each by its file, with what to do next."""

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline import paths
from pipeline.launch import doubtful_labels
from pipeline.launch.doubtful_labels import gather, report_doubtful_labels
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.kinds.origins import write_origins
from saccade.prepare.arrays import ArrayBuilder, write_arrays

N, CLASSES = 60, ("cat", "dog")
NUMBERED = [("run-fold1", "pets-fold1"), ("run-fold2", "pets-fold2")]
TRUE_N = np.arange(N) % 2
FLIPPED = [7, 30, 55]  # 55 is in the run's own test split
OWN_TEST = np.arange(50, N)


def write_dataset(folder: Path, rows_of: dict[str, np.ndarray]) -> None:
    labels_N = TRUE_N.copy()
    labels_N[FLIPPED] = 1 - labels_N[FLIPPED]
    images_NHWC = np.tile(np.arange(N, dtype=np.uint8)[:, None, None, None], (1, 4, 4, 1))
    builder = ArrayBuilder(Spec("image", (4, 4, 1), CLASSES), np.uint8, images_NHWC.__getitem__, labels_N.__getitem__)
    folder.mkdir(parents=True)
    write_arrays(folder, builder, rows_of)
    write_origins(folder, rows_of, name=lambda row: f"photos/{row}.png")


def write_predictions(folder: Path, rows: np.ndarray) -> None:
    folder.mkdir(parents=True)
    with (folder / "predictions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "actual", "predicted", "confidence", "p(cat)", "p(dog)"])
        for row in rows.tolist():
            p = 0.91 + 0.001 * (row % 7)
            p_cat, p_dog = (p, 1 - p) if TRUE_N[row] == 0 else (1 - p, p)
            writer.writerow([row, "", "", p, f"{p_cat:.6f}", f"{p_dog:.6f}"])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rest = np.arange(50)
    write_dataset(paths.prepared("pets"), {"train": rest[:40], "validation": rest[40:], "test": OWN_TEST})
    tree = tmp_path / "tree"
    for fold, (run, dataset) in enumerate(NUMBERED):
        test = np.arange(fold, N, 2)
        others = np.setdiff1d(np.arange(N), test)
        write_dataset(tree / paths.prepared(dataset), {"train": others[5:], "validation": others[:5], "test": test})
        write_predictions(tree / paths.report(run) / "evaluation", test)
    paths.report("run").mkdir(parents=True)
    return tree


def params(source: str) -> SimpleNamespace:
    dataset = SimpleNamespace(source=SimpleNamespace(name=source))
    return SimpleNamespace(runs={"run": SimpleNamespace(dataset="pets")}, datasets={"pets": dataset})


def rows_of_list() -> list[dict[str, str]]:
    with (paths.report("run") / "doubtful_labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_flipped_labels_of_training_data_are_listed_by_file_and_those_of_the_test_split_are_not(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report_doubtful_labels(params("image_folder"), "run", project, NUMBERED)
    found = rows_of_list()
    assert sorted(int(row["row"]) for row in found) == [7, 30]
    first = next(row for row in found if row["row"] == "7")
    assert (first["name"], first["split"], first["given"], first["suggested"]) == (
        "photos/7.png",
        "train",
        "cat",
        "dog",
    )
    assert (float(first["probability_given"]), float(first["probability_suggested"])) == (0.09, 0.91)
    assert [float(row["score"]) for row in found] == sorted(float(row["score"]) for row in found)
    said = capsys.readouterr().out
    assert (
        "run: 2 of 50 labels of the training and validation split are doubtful (2 are estimated to be wrong), 2 of"
        in said
    )
    assert "agree with 96.0 % of all labels" in said
    assert f"exclude: ['/{found[0]['name']}']` in datasets.pets.source" in said
    assert (paths.report("run") / "doubtful_labels.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        ("image_table", "A wrong label is corrected, or the example deleted, in the file that holds it"),
        ("digits", "digits is taken as published: what is wrong in it can only be known"),
    ],
)
def test_the_remedy_is_one_of_the_source(
    project: Path, capsys: pytest.CaptureFixture[str], source: str, remedy: str
) -> None:
    report_doubtful_labels(params(source), "run", project, NUMBERED)
    assert remedy in capsys.readouterr().out


def test_answers_of_other_folds_are_refused(project: Path) -> None:
    path = project / paths.report("run-fold2") / "evaluation" / "predictions.csv"
    lines = path.read_text().splitlines()
    for damaged in (lines[:-1], [*lines, "99,,,1,0,1"], [lines[0], *lines[2:]]):
        path.write_text("\n".join(damaged) + "\n")
        with pytest.raises(UserError, match=r"predictions\.csv is not of the fold that is prepared"):
            gather(paths.prepared("pets"), project, NUMBERED)


def test_an_earlier_picture_does_not_outlive_a_list_that_is_empty_now(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    report_doubtful_labels(params("image_folder"), "run", project, NUMBERED)
    monkeypatch.setattr(doubtful_labels, "_answers", lambda path, rows_N, classes: np.full((len(rows_N), 2), 0.5))
    report_doubtful_labels(params("image_folder"), "run", project, NUMBERED)
    assert rows_of_list() == [] and not (paths.report("run") / "doubtful_labels.png").exists()
    assert "run: none of 50 labels of the training and validation split is doubtful" in capsys.readouterr().out


def test_without_prepared_data_nobody_knows_the_test_split(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (paths.prepared("pets") / "dataset.json").unlink()
    report_doubtful_labels(params("image_folder"), "run", project, NUMBERED)
    assert "`saccade preprocess pets`, then the same command again" in capsys.readouterr().out
    assert not (paths.report("run") / "doubtful_labels.csv").exists()
