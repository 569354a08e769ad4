"""Doubtful labels of a run's training data, from the answers of its folds: reports/<run>/doubtful_labels.csv and .png.

Each fold's network answers about examples that it has not learnt from; together these are out-of-fold probabilities of
all examples. Those of the run's own test split are left out: whoever corrected them by such a list would choose what
the run is measured on. ``evaluate`` shows the mistakes on it.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline import paths
from pipeline.console import pluralise, say
from saccade.core.errors import UserError
from saccade.core.files import replacing_file

if TYPE_CHECKING:
    from pipeline.params.load import Params
    from saccade.data.spec import Spec
    from saccade.evaluate.about_data.doubtful_labels import DoubtfulLabels

_DRAWN = 48  # examples in the picture
_SURE = 0.9  # probability of the other class from which a line says that the networks are sure


@dataclass(frozen=True)
class OutOfFold:
    """What the folds say of the examples that a run may learn from.

    Attributes:
        spec: spec of the run's dataset.
        rows: int64 (N,), row of each example in the source.
        labels: int64 (N,), given classes.
        probabilities: float32 (N, K), of the network that has not learnt from the example.
        folds: int64 (N,), place of the fold whose test split holds the example.
        places: int64 (N,), place in that test split.
        splits: N names of the splits of the run's dataset: train or validation.
        num_without: number of examples of these splits that are in no fold's test split.
    """

    spec: "Spec"
    rows: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    folds: np.ndarray
    places: np.ndarray
    splits: Sequence[str]
    num_without: int


def report_doubtful_labels(params: "Params", run: str, tree: Path, numbered: Sequence[tuple[str, str]]) -> None:
    """Find the doubtful labels of a run's training data, write them down and say how many there are.

    Nothing is done for a run that does not tell one class of several.

    Args:
        params: the whole file.
        run: key in ``runs:``.
        tree: folder in which the folds are prepared.
        numbered: run and dataset of each fold.

    Raises:
        UserError: prepared data and answers are of different folds.
    """
    from saccade.data.prepared import read_dataset_info

    dataset = params.runs[run].dataset
    spec = read_dataset_info(tree / paths.prepared(numbered[0][1])).spec
    if spec.multilabel:
        say(f"{run}: no doubtful labels are sought where an example may have several classes")
    if not spec.classes or spec.multilabel:
        return
    if not (paths.prepared(dataset) / "dataset.json").exists():
        say(
            f"{run}: doubtful labels are not listed, for nobody knows yet which examples are its test split: "
            f"`saccade preprocess {dataset}`, then the same command again, which trains nothing anew"
        )
        return
    from saccade.evaluate.about_data.doubtful_labels import find_doubtful_labels

    found = gather(paths.prepared(dataset), tree, numbered)
    doubtful = find_doubtful_labels(found.labels, found.probabilities)
    names = _write(run, tree, numbered, found, doubtful)
    for line in _in_words(params, run, found, doubtful, names):
        say(line)


def gather(prepared: Path, tree: Path, numbered: Sequence[tuple[str, str]]) -> OutOfFold:
    """Bring together what each fold's network said of its test split.

    Args:
        prepared: folder of the run's own dataset.
        tree: folder in which the folds are prepared.
        numbered: run and dataset of each fold.

    Returns:
        Of the examples in the run's own training and validation split.

    Raises:
        UserError: prepared data and answers are of different folds.
    """
    from saccade.data.prepared import open_split, read_dataset_info

    info = read_dataset_info(prepared)
    split_of = {row: split for split in ("train", "validation") for row in open_split(prepared, split).rows.tolist()}
    rows, labels, probabilities, folds, places = [], [], [], [], []
    for number, (fold_run, fold_dataset) in enumerate(numbered):
        test = open_split(tree / paths.prepared(fold_dataset), "test")
        p_NK = _answers(tree / paths.report(fold_run) / "evaluation" / "predictions.csv", test.rows, info.spec.classes)
        kept = np.flatnonzero([row in split_of for row in test.rows.tolist()])
        rows.append(test.rows[kept])
        labels.append(test.labels[kept])
        probabilities.append(p_NK[kept])
        folds.append(np.full(len(kept), number))
        places.append(kept)
    rows_N = np.concatenate(rows)
    return OutOfFold(
        spec=info.spec,
        rows=rows_N,
        labels=np.concatenate(labels),
        probabilities=np.concatenate(probabilities),
        folds=np.concatenate(folds),
        places=np.concatenate(places),
        splits=[split_of[row] for row in rows_N.tolist()],
        num_without=len(split_of) - len(rows_N),
    )


def _answers(path: Path, rows_N: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """The probabilities of a predictions.csv, float32 (N, K), which must be of these rows."""
    p_NK = np.zeros((len(rows_N), len(classes)), dtype=np.float32)
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        for i, line in enumerate(reader):
            if i >= len(rows_N) or int(line["row"]) != rows_N[i]:
                break
            p_NK[i] = [float(line[f"p({name})"]) for name in classes]
        else:
            if i + 1 == len(rows_N):
                return p_NK
    raise UserError(f"{path} is not of the fold that is prepared. Remove it, and repeat the folds again")


def _write(
    run: str, tree: Path, numbered: Sequence[tuple[str, str]], found: OutOfFold, doubtful: "DoubtfulLabels"
) -> list[str]:
    """Write the table and, where the kind draws its examples, the picture; returns the names of the listed examples."""
    from saccade import kinds
    from saccade.data.prepared import open_split, read_dataset_info
    from saccade.kinds.origins import read_origins

    names, excerpts = [""] * len(doubtful.rows), [""] * len(doubtful.rows)
    examples: dict[int, np.ndarray] = {}
    for number, (_, fold_dataset) in enumerate(numbered):
        listed = np.flatnonzero(found.folds[doubtful.rows] == number)
        if not len(listed):
            continue
        rows, prepared = doubtful.rows[listed], tree / paths.prepared(fold_dataset)
        origins = read_origins(prepared, found.rows[rows])
        test = open_split(prepared, "test")
        texts = kinds.excerpts(test.examples[found.places[rows]], read_dataset_info(prepared).spec)
        for i, place in enumerate(listed.tolist()):
            names[place], excerpts[place] = origins.name(i), texts[i] if texts else ""
            if place < _DRAWN:
                examples[place] = np.array(test.examples[found.places[rows[i]]])
    path, classes = paths.report(run) / "doubtful_labels.csv", found.spec.classes
    numbers = (doubtful.given_probability, doubtful.suggested_probability, doubtful.score)
    with (
        replacing_file(path) as partial,
        partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        header = ["name", "row", "split", "given", "suggested", "probability_given", "probability_suggested", "score"]
        writer.writerow([*header, *["text"] * any(excerpts)])
        for i, place in enumerate(doubtful.rows.tolist()):
            given, suggested = classes[found.labels[place]], classes[doubtful.suggested[i]]
            shown = (f"{values[i]:.6f}" for values in numbers)
            about = [names[i], int(found.rows[place]), found.splits[place], given, suggested, *shown]
            writer.writerow([*about, *[excerpts[i]] * any(excerpts)])
    picture = path.with_suffix(".png")
    picture.unlink(missing_ok=True)  # of an earlier list
    if examples:
        from saccade.display.style import shorten

        captions = [
            (
                shorten(classes[found.labels[doubtful.rows[i]]], 16),
                f"{shorten(classes[doubtful.suggested[i]], 16)} {doubtful.suggested_probability[i]:.3f}",
                names[i],
            )
            for i in sorted(examples)
        ]
        first = f", the {len(examples)} most doubtful" if len(examples) < len(doubtful.rows) else ""
        title = (
            f"{pluralise(len(doubtful.rows), 'doubtful label')} of the training data{first}\nfirst line: given class; "
            "second line: likelier class and its probability; third line: its file, or its row in the source"
        )
        kinds.draw_examples(picture, np.stack([examples[i] for i in sorted(examples)]), captions, title, found.spec)
    return names


def _in_words(
    params: "Params", run: str, found: OutOfFold, doubtful: "DoubtfulLabels", names: Sequence[str]
) -> list[str]:
    """How many labels are doubtful, how sure that is, and what to do about them."""
    looked = f"{pluralise(len(found.rows), 'label')} of the training and validation split"
    without = f"; {found.num_without:,} more are in no fold's test split" if found.num_without else ""
    trust = f"the folds' networks agree with {100 * doubtful.accuracy:.1f} % of all labels{without}"
    if not len(doubtful.rows):
        return [f"{run}: none of {looked} is doubtful; {trust}"]
    are, sure = "is" if len(doubtful.rows) == 1 else "are", int((doubtful.suggested_probability >= _SURE).sum())
    path = paths.report(run) / "doubtful_labels.csv"
    shown = f"{path} and .png" if path.with_suffix(".png").exists() else str(path)
    lines = [
        f"{run}: {len(doubtful.rows):,} of {looked} {are} doubtful ({doubtful.num_estimated:,} are estimated to be "
        f"wrong), {sure:,} of them with a probability of {_SURE} or more for another class; {trust}"
    ]
    return [*lines, f"look at them, the most doubtful first: {shown}. {_remedy(params, run, names[0])}"]


def _remedy(params: "Params", run: str, first: str) -> str:
    """How a label of this source is corrected or an example left out."""
    from saccade.core import registry
    from saccade.io.path_patterns import escape_pattern, exclude_line

    dataset = params.runs[run].dataset
    source = params.datasets[dataset].source
    arguments = registry.keyword_arguments("datasets", source.name, "read")
    file = re.sub(r" \(frame \d+\)$|, line \d+$", "", first)
    if "exclude" in arguments and file == first and not first.startswith("row "):
        line = exclude_line(escape_pattern(first))
        return f"A file in the wrong class is moved, or left out by `{line}` in datasets.{dataset}.source"
    if {"path", "url"} & registry.keyword_arguments("datasets", source.name, "fetch").keys():
        return "A wrong label is corrected, or the example deleted, in the file that holds it"
    return (
        f"{source.name} is taken as published: what is wrong in it can only be known, or put right in a copy of yours"
    )
