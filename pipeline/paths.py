"""Paths of the project. Commands run in the root of the tree (``enter_tree``), so paths are relative and short."""

import os
from pathlib import Path

from saccade.core.errors import UserError

PARAMS = Path("params.yaml")
PIPELINE = Path("dvc.yaml")
RECIPES = Path("recipes")


def enter_tree() -> None:
    """Change to the nearest folder, here or above, that holds a dvc.yaml and a pipeline/.

    Raises:
        UserError: there is none, or its path is no UTF-8.
    """
    try:
        here = Path.cwd()
    except FileNotFoundError:
        raise UserError("the current folder was deleted; change to one that is there") from None
    for folder in (here, *here.parents):
        if (folder / PIPELINE).is_file() and (folder / "pipeline" / "__main__.py").is_file():
            _refuse_path_that_dvc_refuses(folder)
            os.chdir(folder)
            return
    raise UserError(f"{here} is not inside a saccade project: no folder above it holds a dvc.yaml and a pipeline/")


def _refuse_path_that_dvc_refuses(folder: Path) -> None:
    try:
        os.fsencode(folder).decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(
            f"the project's path ({os.fsencode(folder)!r}) must be UTF-8: DVC and MLflow can name no other. Rename or "
            "move the folder"
        ) from None


def home() -> Path:
    """The root that outlives the command: the tree, or the original one where a temporary copy of it is run."""
    here = Path.cwd().resolve()
    if here.parent.name == "folds" and here.parent.parent.name == ".saccade":  # of `saccade repeat --folds`
        return here.parents[2]
    experiments = Path(os.environ.get("DVC_ROOT") or here).resolve() / ".dvc" / "tmp" / "exps"
    if not here.is_relative_to(experiments):
        return here
    copy, *inside = here.relative_to(experiments).parts  # tmpXXXX, or standalone/tmpXXXX; then where the project lies
    return experiments.parents[2].joinpath(*(inside[1:] if copy == "standalone" else inside))


def raw(dataset: str) -> Path:
    """Folder of the bytes as published."""
    return Path("data/raw") / dataset


def prepared(dataset: str) -> Path:
    """Folder of the arrays of the three splits."""
    return Path("data/prepared") / dataset


def augmented(dataset: str) -> Path:
    """Folder of the stored views of the training split."""
    return Path("data/augmented") / dataset


def dataset_report(dataset: str) -> Path:
    """Folder of the report on a dataset, which preprocess writes."""
    return Path("reports/datasets") / dataset


def views_report(dataset: str) -> Path:
    """Folder of views.png, which augment draws; the dot keeps it apart from the names of datasets."""
    return Path("reports/datasets") / f"{dataset}.views"


def views_address(dataset: str) -> str:
    """Address of views.png, as the report of the dataset refers to it."""
    return f"../{views_report(dataset).name}/views.png"


def model(run: str) -> Path:
    """Folder of the bundle."""
    return Path("models") / run


def report(run: str) -> Path:
    """Folder of history.csv, run.json, metrics.json and evaluation/."""
    return Path("reports") / run


def report_on(run: str, dataset: str) -> Path:
    """Folder of the results of a run on a dataset that is not its own; DVC does not track it."""
    return report(run) / "on" / dataset


def run_store(identity: str) -> Path:
    """Folder of the journal, checkpoint and results of one training, which DVC never deletes."""
    return home() / ".saccade" / "runs" / identity


def registered(digest: str) -> Path:
    """Folder of what was fetched of a registered model, under the digest of its bytes."""
    return home() / ".saccade" / "registered" / digest


def folds(name: str) -> Path:
    """Folder of a separate tree in which the folds of a dataset are prepared, and a run is trained on each."""
    return home() / ".saccade" / "folds" / name


def baseline_store() -> Path:
    """Folder of the results of the baselines, a file for each set of arrays."""
    return home() / ".saccade" / "baselines"


def embeddings_store() -> Path:
    """Where what frozen layers make of images is kept."""
    return home() / ".saccade" / "embeddings"
