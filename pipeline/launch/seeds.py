"""``saccade repeat RUN --seeds N``: one run with several seeds, for mean and spread of what a single one gives.

Training number i is member i of ``train.ensemble``: the run with seed + i, under the same identity. So nothing is
trained twice, and a repeat that was stopped goes on.
"""

import json
from typing import TYPE_CHECKING

from pipeline import paths
from pipeline.launch.processes import AfterTraining, train_in_processes
from pipeline.tracking.mlflow_store import tracking_uri
from pipeline.tracking.uploader import MlflowUploader

if TYPE_CHECKING:
    from pipeline.launch.repeat_table import Repeated
    from pipeline.params.load import Params


def repeat_seeds(params: "Params", name: str, count: int, *, after_training: AfterTraining) -> None:
    """Train and evaluate a run with ``count`` seeds; a table, and reports/<run>/repeat.json and .csv.

    Args:
        params: the whole file.
        name: key in ``runs:``; of an ensemble, single trainings are repeated.
        count: number of seeds, from the run's own on.
        after_training: callback that is called at the end of each training.

    Raises:
        UserError: data are missing, or a training fails.
    """
    repeated, pending = measure_seeds(params, name, count, after_training=after_training)
    from pipeline.launch.repeat_table import show_and_keep

    show_and_keep(name, "seed", repeated, paths.report(name) / "repeat", pending)


def measure_seeds(
    params: "Params", name: str, count: int, *, after_training: AfterTraining
) -> "tuple[list[Repeated], str | None]":
    """Train and evaluate a run with ``count`` seeds.

    Args:
        params: the whole file.
        name: key in ``runs:``.
        count: number of seeds.
        after_training: callback that is called at the end of each training.

    Returns:
        What was measured of each, and why not all of it is in MLflow; None if it is.

    Raises:
        UserError: data are missing, or a training fails.
    """
    for number in range(count):
        train_in_processes(params, name, number, fresh=False, after_training=after_training)

    from pipeline.launch.ensemble import stores_of_members
    from pipeline.launch.repeat_table import Repeated
    from pipeline.runs.tables import read_history
    from pipeline.stages.evaluate.members import evaluate_member
    from pipeline.stages.train.run import TrainingRun
    from saccade.data.prepared import open_split

    run, block = TrainingRun.of(params, name), params.runs[name].evaluate
    test, repeated, pending = open_split(paths.prepared(run.dataset), "test"), [], None
    for number, store in enumerate(stores_of_members(run, count)[1]):
        trained = json.loads((store.results / "run.json").read_text(encoding="utf-8"))
        history = read_history(store.results / "history.csv")
        with MlflowUploader(tracking_uri(paths.home()), store.folder) as uploader:
            metrics = evaluate_member(trained, store.folder / "bundle", history, test, block, run.dataset)
            outcome = uploader.finish()
        pending = pending or outcome.pending_reason
        about = {key: trained[key] for key in ("identity", "weights_sha256", "run_uid")}
        about["mlflow_run_id"] = outcome.mlflow_run_id
        repeated.append(Repeated(run.seed + number, metrics, about))
    return repeated, pending
