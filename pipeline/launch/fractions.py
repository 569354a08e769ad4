"""``saccade repeat RUN --fractions 0.25 0.5 1.0``: a run trained on shares of its training data: should I collect more?

Validation and test split are the same for all shares, and a smaller share is part of the larger ones, class by class
(``split.train_fraction``). The whole share is the run itself, and is not trained again.
"""

import contextlib
import csv
import math
import shutil
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline import paths
from pipeline.console import say
from saccade.core.errors import UserError
from saccade.core.files import replacing_file, write_json

if TYPE_CHECKING:
    from pipeline.launch.processes import AfterTraining
    from pipeline.launch.repeat_table import Repeated
    from pipeline.params.load import Params
    from saccade.evaluate.about_data.label_cost import Gain

_MISSING = float("nan")


@dataclass(frozen=True)
class Share:
    """What a run got with a share of its training data.

    Attributes:
        share: share of the training split, in (0, 1].
        examples: number of training examples.
        trainings: what was measured, one for each seed.
        is_right: share of the trainings that answered each test example rightly, float (N,); None where answers are
            not right or wrong.
    """

    share: float
    examples: int
    trainings: "Sequence[Repeated]"
    is_right: np.ndarray | None

    def values(self, metric: str) -> list[float]:
        """A metric of each training; NaN where it has none."""
        return [each.metrics.get(metric, _MISSING) for each in self.trainings]

    def mean(self, metric: str) -> float:
        """Mean of a metric over the trainings."""
        return statistics.fmean(self.values(metric))

    def std(self, metric: str) -> float:
        """Standard deviation of a metric over the trainings; NaN of a single one."""
        return statistics.stdev(self.values(metric)) if len(self.trainings) > 1 else _MISSING


def repeat_fractions(
    params: "Params", name: str, shares: Sequence[float], seeds: int, *, after_training: "AfterTraining"
) -> None:
    """Train and evaluate a run on shares of its training data; a table, a picture and a sentence.

    They are kept in reports/<run>/fractions.csv, .png and .json.

    Args:
        params: the whole file.
        name: key in ``runs:``.
        shares: shares of the training split, each in (0, 1], two at least.
        seeds: number of trainings of each share, from 1.
        after_training: callback that is called at the end of each training.

    Raises:
        UserError: shares would be wrong for these data, data are missing, or a training fails.
    """
    dataset = params.runs[name].dataset
    shares = sorted(set(shares))
    _refuse_where_shares_are_wrong(params, name, shares)
    if not paths.raw(dataset).is_dir():
        raise UserError(f"{paths.raw(dataset)} does not exist. Make it with `saccade fetch {dataset}`.")
    from filelock import FileLock

    from pipeline.launch.separate_tree import key_of_data, make_tree
    from pipeline.params.load import load_params
    from pipeline.runs.run_store import wait_for_lock

    whole = params.datasets[dataset].split.train_fraction
    variants = {_suffix(share): {"train_fraction": share * whole} for share in shares}
    for suffix in variants:
        for section, taken, one in (("runs", params.runs, name), ("datasets", params.datasets, dataset)):
            if f"{one}-{suffix}" in taken:
                raise UserError(
                    f"{section} of params.yaml must not hold {one}-{suffix}, as a share of {one} is called: rename it"
                )
    tree = paths.folds(f"{dataset}-shares-{key_of_data(params, dataset, sorted(variants))}")
    tree.parent.mkdir(parents=True, exist_ok=True)
    with wait_for_lock(FileLock(f"{tree}.lock"), f"{dataset}: another process works on its shares; waiting for it"):
        make_tree(tree, name, dataset, variants)
        with contextlib.chdir(tree):
            of_shares = load_params(paths.PARAMS)
            found = []
            for share in shares:
                say(f"{100 * share:g} % of the training data")
                found.append(_measured(of_shares, f"{name}-{_suffix(share)}", share, seeds, after_training))
            _require_one_test_split([f"{dataset}-{suffix}" for suffix in variants])
        _report(name, found)
        shutil.rmtree(tree)  # an output that can be made again; the trainings are kept


def _suffix(share: float) -> str:
    return f"share{100 * share:g}".replace(".", "_")


def _refuse_where_shares_are_wrong(params: "Params", name: str, shares: Sequence[float]) -> None:
    from pipeline.schema.preprocess import form_of_source
    from saccade.core import registry

    run = params.runs[name]
    if len(shares) < 2 or not all(0 < share <= 1 for share in shares):
        given = ", ".join(f"{share:g}" for share in shares)
        raise UserError(f"--fractions ({given}) must be two shares in (0, 1] at least, such as 0.25 0.5 1.0")
    source = params.datasets[run.dataset].source
    form = form_of_source(source.name, source.arguments)
    if "train_fraction" not in registry.constant_or((), "kinds", form, "SPLIT"):
        raise UserError(
            f"--fractions must be left out: {run.dataset} is cut in its own order, and a share of it would be another "
            "stretch of time or text. Give the source less of it, and compare"
        )
    if run.train.init_from is not None:
        raise UserError(
            f"--fractions must be left out with train.init_from ({run.train.init_from}), which may have learnt from "
            "what a share leaves out. Take a run without it"
        )


def _measured(params: "Params", name: str, share: float, seeds: int, after_training: "AfterTraining") -> Share:
    """Train and measure one share with each seed, in the tree."""
    from pipeline.launch.seeds import measure_seeds
    from pipeline.launch.separate_tree import measure_in_tree
    from saccade.data.prepared import read_dataset_info

    trainings = [measure_in_tree(params, name, share, after_training)]
    if seeds > 1:
        others, _ = measure_seeds(params, name, seeds, after_training=after_training)
        trainings = [*trainings, *others[1:]] if params.runs[name].train.ensemble == 1 else others
    examples = read_dataset_info(paths.prepared(params.runs[name].dataset)).counts["train"]
    is_right = [_right_answers(paths.run_store(each.about["identity"]) / "evaluation") for each in trainings]
    known = [each for each in is_right if each is not None]
    return Share(share, examples, trainings, np.mean(known, axis=0) if len(known) == len(trainings) else None)


def _right_answers(folder: Path) -> np.ndarray | None:
    """Whether each answer of a predictions.csv is right, float (N,) of 0 and 1; None where it does not say so."""
    path = folder / "predictions.csv"
    if not path.exists():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if not {"actual", "predicted"} <= set(reader.fieldnames or ()):
            return None
        return np.array([row["actual"] == row["predicted"] for row in reader], dtype=np.float64)


def _require_one_test_split(datasets: Sequence[str]) -> None:
    from saccade.data.prepared import open_split

    first, *others = (open_split(paths.prepared(dataset), "test").rows for dataset in datasets)
    if not all(np.array_equal(first, rows) for rows in others):
        raise UserError(
            f"the shares of {datasets[0].rpartition('-')[0]} must have one test split, but their rows differ: they "
            "cannot be compared"
        )


def _report(name: str, found: Sequence[Share]) -> None:
    """Show the table, and keep it beside the run's reports with a picture and a sentence."""
    from saccade.display.label_cost import draw_label_cost
    from saccade.evaluate.about_data.label_cost import gain_in_words
    from saccade.evaluate.shortfall import ERRORS

    metric = next(iter(found[0].trainings[0].metrics))  # the first is the task's main one
    is_error = metric in ERRORS
    gain = _gain(found, metric, is_error)
    seeds = len(found[0].trainings)
    low, high = ([statistics.fmean(each.values(f"{metric}_{end}")) for each in found] for end in ("low", "high"))
    columns = ("share", "examples", "trainings", metric, "low", "high", "std")
    numbers = [
        (each.share, each.examples, seeds, each.mean(metric), low[i], high[i], each.std(metric))
        for i, each in enumerate(found)
    ]
    rows = [["" if math.isnan(number) else f"{number:.6g}" for number in row] for row in numbers]
    path = paths.report(name) / "fractions.csv"
    with replacing_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    sentence = gain_in_words(gain, metric, is_error=is_error, trainings=seeds)
    about = {"run": name, "by": "share of the training split", "metric": metric, "sentence": sentence}
    trainings = [
        {"share": each.share, "examples": each.examples, "metrics": dict(one.metrics), **one.about}
        for each in found
        for one in each.trainings
    ]
    write_json(path.with_suffix(".json"), {**about, "gain": asdict(gain), "trainings": trainings})
    draw_label_cost(
        [each.examples for each in found],
        [each.mean(metric) for each in found],
        low,
        high,
        path.with_suffix(".png"),
        metric=metric,
        curve=gain.curve,
        is_error=is_error,
        sentence=sentence,
    )
    _print_table(columns, rows)
    say(f"{name}: {sentence}; see {path.with_suffix('.png')}")


def _gain(found: Sequence[Share], metric: str, is_error: bool) -> "Gain":
    from saccade.evaluate.about_data.label_cost import draws_of_answers, draws_of_intervals, expected_gain

    values_F = np.array([each.mean(metric) for each in found])
    is_right = [each.is_right for each in found if each.is_right is not None]
    spread_F = np.array([each.std(metric) for each in found]) / math.sqrt(len(found[0].trainings))
    if metric == "accuracy" and len(is_right) == len(found):
        draws_DF: np.ndarray | None = draws_of_answers(np.stack(is_right), spread_F)
    else:
        low_F, high_F = (
            np.array([statistics.fmean(each.values(f"{metric}_{end}")) for each in found]) for end in ("low", "high")
        )
        draws_DF = draws_of_intervals(values_F, low_F, high_F, spread_F)
    return expected_gain([each.examples for each in found], values_F, draws_DF, is_error=is_error)


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
