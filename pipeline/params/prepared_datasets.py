"""What params.yaml asks of datasets, held against those that are prepared already."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline import paths
from pipeline.params.problems import Problem
from saccade.core.errors import UserError

if TYPE_CHECKING:
    from pipeline.params.load import Params
    from saccade.data.prepared import DatasetInfo


def find_dataset_info(dataset: str) -> "DatasetInfo | None":
    """What preprocess found in a dataset.

    Args:
        dataset: key in ``datasets:``.

    Returns:
        None where it is not prepared, or damaged: the stage that reads it says so.
    """
    folder = paths.prepared(dataset)
    if not (folder / "dataset.json").exists():
        return None
    from saccade.data.prepared import read_dataset_info

    try:
        return read_dataset_info(folder)
    except UserError:
        return None


def two_class_problems(params: "Params") -> Iterator[Problem]:
    """Runs with one output for two classes, on datasets that have more.

    Args:
        params: the whole file.

    Yields:
        A problem for each.
    """
    for name, run in params.runs.items():
        if run.train.loss != "binary_cross_entropy":
            continue
        description = find_dataset_info(run.dataset)
        try:
            if description is not None:
                description.spec.require_two_classes()
        except UserError as error:
            yield Problem(("runs", name, "train", "loss"), str(error))
