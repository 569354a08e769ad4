"""Where a run comes from: commit, uncommitted changes, versions, the DVC stage and experiment."""

import getpass
import os
import platform
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline import paths
from pipeline.console import pluralise, warn
from pipeline.params.credentials import secret_problems
from pipeline.params.problems import ParamsError
from pipeline.privacy.git_state import GitState, git_state
from pipeline.runs.journal import GIT_DIFF_TAG, DatasetRecord, Journal
from saccade.core.errors import UserError

WHO_VARIABLE = "SACCADE_TAGS"  # which of _WHO the tags of a run tell; without it none, for others read them

_DVC = {"DVC_STAGE": "dvc.stage", "DVC_EXP_NAME": "dvc.exp_name", "DVC_EXP_BASELINE_REV": "dvc.exp_baseline_rev"}
_WHO = ("user", "host")


def start_journal(
    journal: Journal,
    run: str,
    experiment: str,
    identity: str,
    params: Mapping[str, Any],
    environment: Mapping[str, Any],
    datasets: Sequence[DatasetRecord],
    folder_name: str | None,
) -> None:
    """Write the first event of a run's journal: who it is and where it comes from.

    Args:
        journal: still empty.
        run: key in ``runs:``.
        experiment: in MLflow.
        identity: of the run.
        params: every resolved parameter, flat keys.
        environment: what the bits depend on, and what else is told.
        datasets: what the run reads.
        folder_name: of the dataset's report, beside the journal.

    Raises:
        ParamsError: a line of params.yaml, all of which is recorded, looks like a secret.
    """
    settings = paths.PARAMS.read_text(encoding="utf-8")
    if problems := list(secret_problems(settings)):
        raise ParamsError(paths.PARAMS, problems)
    state = git_state("train", {f"item.{key}": value for key, value in params.items()})
    for line in state.warnings:
        warn(f"warning: {line}")
    journal.start(
        run_uid=uuid.uuid4().hex,
        run=run,
        experiment=experiment,
        identity=identity,
        params=params,
        tags=tags(environment, state),
        datasets=datasets,
        folder_name=folder_name,
        texts={"params.yaml": settings} | ({"git.diff": state.diff} if state.diff else {}),
    )


def tags(environment: Mapping[str, Any], state: GitState) -> dict[str, str]:
    """Tags of an MLflow run.

    Args:
        environment: what the bits depend on, and what else is told; each becomes ``saccade.<key>``.
        state: of the tree.

    Returns:
        Name to text.

    Raises:
        UserError: ``SACCADE_TAGS`` names something else than user and host.
    """
    found = {f"saccade.{key}": str(value) for key, value in environment.items()}
    found |= {tag: os.environ[name] for name, tag in _DVC.items() if os.environ.get(name)}
    found |= {
        "mlflow.source.name": "pipeline/stages/train/stage.py",
        "mlflow.source.type": "LOCAL",
        GIT_DIFF_TAG: "none",
    }
    if state.commit:
        is_dirty = "unknown" if state.is_dirty is None else str(state.is_dirty).lower()
        found |= {"mlflow.source.git.commit": state.commit, "saccade.git_dirty": is_dirty}
        if state.diff:
            found[GIT_DIFF_TAG] = pluralise(state.changed_files, "file")
        if state.other_changes:
            found["saccade.git_other_changes"] = str(state.other_changes)
        if state.kept_out:
            found["saccade.git_kept_out"] = str(state.kept_out)
    return found | _who()


def _who() -> dict[str, str]:
    """The user's and the machine's name, as far as the user wants them told."""
    asked = os.environ.get(WHO_VARIABLE, "").replace(",", " ").split()
    if unknown := [word for word in asked if word not in _WHO]:
        raise UserError(f"{WHO_VARIABLE} ({' '.join(unknown)}) must be user, host, or both; unset it to tell neither")
    found = {}
    if "host" in asked:
        found["saccade.host"] = platform.node()
    if "user" in asked:
        try:
            found["mlflow.user"] = getpass.getuser()
        except (OSError, KeyError):  # no such user id, in some containers
            found["mlflow.user"] = "unknown"
    return found


def flatten(block: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings to dotted keys; lists stay values.

    >>> flatten({"train": {"optimizer": {"lr": 0.1}}, "seed": 0})
    {'train.optimizer.lr': 0.1, 'seed': 0}
    """
    if not isinstance(block, Mapping):
        return {prefix: block}
    flat: dict[str, Any] = {}
    for key, value in block.items():
        flat |= flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return flat
