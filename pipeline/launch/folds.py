"""``saccade repeat RUN --folds K``: a run trained K times, each K-th of its examples once the test split.

With ``split.order: time`` the folds are those of a rolling origin: each learns from what lies before its test alone.

The ordinary stages run, in a tree of their own with a dataset and a run for each fold (``split: {folds: K, fold: k}``).
So means, deviations and vocabularies are those of each fold's own training split.
"""

import contextlib
import shutil
from typing import TYPE_CHECKING

from pipeline import paths
from pipeline.console import say
from saccade.core.errors import UserError

if TYPE_CHECKING:
    from pipeline.launch.processes import AfterTraining
    from pipeline.params.load import Params


def repeat_folds(params: "Params", name: str, folds: int, *, after_training: "AfterTraining") -> None:
    """Train and evaluate a run on each fold of its dataset; a table, and reports/<run>/folds.json and .csv.

    Args:
        params: the whole file.
        name: key in ``runs:``.
        folds: number of folds, from 2.
        after_training: callback that is called at the end of each training.

    Raises:
        UserError: folds would be wrong for these data, data are missing, or a training fails.
    """
    dataset = params.runs[name].dataset
    _refuse_where_folds_are_wrong(params, name)
    _refuse_names_that_are_taken(params, name, folds)
    if not paths.raw(dataset).is_dir():
        raise UserError(f"{paths.raw(dataset)} does not exist. Make it with `saccade fetch {dataset}`.")
    from filelock import FileLock

    from pipeline.launch.doubtful_labels import report_doubtful_labels
    from pipeline.launch.repeat_table import show_and_keep
    from pipeline.launch.separate_tree import key_of_data, make_tree, measure_in_tree
    from pipeline.params.load import load_params
    from pipeline.runs.run_store import wait_for_lock

    tree = paths.folds(f"{dataset}-{folds}-{key_of_data(params, dataset, folds)}")
    tree.parent.mkdir(parents=True, exist_ok=True)
    with wait_for_lock(FileLock(f"{tree}.lock"), f"{dataset}: another process works on its folds; waiting for it"):
        make_tree(tree, name, dataset, {f"fold{fold}": {"folds": folds, "fold": fold} for fold in range(1, folds + 1)})
        repeated = []
        with contextlib.chdir(tree):
            of_folds = load_params(paths.PARAMS)
            for fold in range(1, folds + 1):
                say(f"fold {fold} of {folds}")
                repeated.append(measure_in_tree(of_folds, _numbered(name, fold), fold, after_training))
        show_and_keep(name, "fold", repeated, paths.report(name) / "folds", None)
        numbered = [(_numbered(name, fold), _numbered(dataset, fold)) for fold in range(1, folds + 1)]
        report_doubtful_labels(params, name, tree, numbered)
        shutil.rmtree(tree)  # an output that can be made again; the trainings are kept


def _refuse_where_folds_are_wrong(params: "Params", name: str) -> None:
    from saccade.core import registry

    run, split = params.runs[name], params.datasets[params.runs[name].dataset].split
    instead = f"`saccade repeat {name} --seeds 5` says how much a training varies"
    if registry.constant("tasks", run.task.name, "LABELS") == "next tokens":
        raise UserError(
            f"--folds must be left out: {run.dataset} is cut in its own order, and all but one fold would learn from "
            f"what comes after their test. {instead}"
        )
    if split.test == "given":
        raise UserError(
            f"--folds must be left out with split.test (given) of {run.dataset}: the published test split would be "
            "learnt from. Set split.test to a share such as 0.15 if nobody compares these results with published ones"
        )
    if run.train.init_from is not None:
        raise UserError(
            f"--folds must be left out with train.init_from ({run.train.init_from}), which may have learnt from what a "
            "fold holds for its test. Take a run without it"
        )


def _refuse_names_that_are_taken(params: "Params", name: str, folds: int) -> None:
    """Reports of a fold would take the place of another run's or dataset's."""
    for section, taken, one in (("runs", params.runs, name), ("datasets", params.datasets, params.runs[name].dataset)):
        for fold in range(1, folds + 1):
            if (found := _numbered(one, fold)) in taken:
                raise UserError(
                    f"{section} of params.yaml must not hold {found}, as a fold of {one} is called: rename it"
                )


def _numbered(name: str, fold: int) -> str:
    return f"{name}-fold{fold}"
