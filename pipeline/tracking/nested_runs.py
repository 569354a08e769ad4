"""The MLflow runs of an ensemble: each member's is shown below the ensemble's.

A member can be part of several ensembles, of 3 and later of 5, and MLflow knows one parent a run: it is that of the
largest, of equal ones the newest. A smaller one stays as it is, with its measures and its model, and a tag that says
where its members went. Nothing depends on the order in which they were sent.
"""

from collections.abc import Callable, Iterable
from typing import Any

PARENT_TAG = "mlflow.parentRunId"  # MLflow's own: the UI nests by it
SIZE_TAG = "saccade.members"  # of an ensemble: how many there are
GROWN_TAG = "saccade.grown_into"  # of an ensemble whose members are shown below a larger one: that one's id


def nest_members(client: Any, parent: Any, size: int, run_uids: Iterable[str], find: Callable[[str], Any]) -> None:
    """Show the members' MLflow runs below the ensemble's, those that are there.

    Args:
        client: an ``MlflowClient``.
        parent: the ensemble's MLflow run.
        size: number of members that it has, or is to have when all are trained.
        run_uids: ``run_uid`` of each member that is trained.
        find: function from a ``run_uid`` to its MLflow run, None where there is none.
    """
    parent_id = parent.info.run_id
    if parent.data.tags.get(SIZE_TAG) != str(size):
        client.set_tag(parent_id, SIZE_TAG, str(size))
    for run_uid in run_uids:
        child = find(run_uid)
        if child is None:
            continue  # it will be sent later, and we are asked again then
        other = _other_parent(client, child, parent_id)
        if other is not None and _rank(other, other.data.tags.get(SIZE_TAG, 0)) > _rank(parent, size):
            client.set_tag(parent_id, GROWN_TAG, other.info.run_id)
        elif child.data.tags.get(PARENT_TAG) != parent_id:
            client.set_tag(child.info.run_id, PARENT_TAG, parent_id)
            if other is not None:
                client.set_tag(other.info.run_id, GROWN_TAG, parent_id)


def _rank(run: Any, size: int | str) -> tuple[int, int]:
    return int(size), run.info.start_time


def _other_parent(client: Any, child: Any, parent_id: str) -> Any:
    """The MLflow run below which a member is shown; None where there is none, or it is ours, or was deleted."""
    from mlflow.exceptions import MlflowException

    other_id = child.data.tags.get(PARENT_TAG)
    if other_id in (None, parent_id):
        return None
    try:
        other = client.get_run(other_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
    return other if other.info.lifecycle_stage == "active" else None
