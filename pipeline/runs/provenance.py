"""Where a run comes from: commit, uncommitted changes, versions, the DVC stage and experiment."""

import getpass
import os
import platform
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.runs.journal import DatasetRecord, Journal

_LARGEST_NEW_FILE = 100_000  # bytes; code is smaller
_DVC = {"DVC_STAGE": "dvc.stage", "DVC_EXP_NAME": "dvc.exp_name", "DVC_EXP_BASELINE_REV": "dvc.exp_baseline_rev"}


def git_state() -> tuple[str | None, str]:
    """The commit and the difference of the tree from it, new files included, less what DVC itself rewrites in dvc.lock.

    Returns:
        (None, "") outside a git repository or without git.
    """
    try:
        commit = _git("rev-parse", "HEAD")
        diff = _git("diff", "HEAD", "--", ".", ":(exclude)dvc.lock")
        untracked = _git("ls-files", "--others", "--exclude-standard", "-z").split("\0")
        return commit.strip(), diff + "".join(
            _new_file(Path(name)) for name in untracked if name not in ("", "dvc.lock")
        )
    except (subprocess.CalledProcessError, FileNotFoundError):
        return None, ""


def _new_file(path: Path) -> str:
    """A file that git does not know, as a difference; of a large or binary one only the name and size."""
    size = path.stat().st_size
    if size > _LARGEST_NEW_FILE or b"\0" in (content := path.read_bytes()):
        return f"new file {path} ({size} bytes)\n"
    lines = content.decode("utf-8", errors="replace").splitlines()
    return f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{len(lines)} @@\n" + "".join(f"+{line}\n" for line in lines)


def _git(*arguments: str) -> str:
    home = paths.home()
    where = home if Path.cwd().is_relative_to(home / ".saccade") else None  # a tree of links to the code
    command = ["git", *arguments]
    return subprocess.run(command, cwd=where, capture_output=True, text=True, errors="replace", check=True).stdout


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
    """Write the first event of a run's journal: who it is and where it comes from."""
    commit, diff = git_state()
    journal.start(
        run_uid=uuid.uuid4().hex,
        run=run,
        experiment=experiment,
        identity=identity,
        params=params,
        tags=tags(environment, commit, diff),
        datasets=datasets,
        folder_name=folder_name,
        texts={"params.yaml": paths.PARAMS.read_text(encoding="utf-8")} | ({"git.diff": diff} if diff else {}),
    )


def tags(environment: Mapping[str, Any], commit: str | None, diff: str) -> dict[str, str]:
    """Tags of an MLflow run."""
    found = {f"saccade.{key}": str(value) for key, value in environment.items()}
    found |= {tag: os.environ[name] for name, tag in _DVC.items() if os.environ.get(name)}
    found |= {
        "mlflow.source.name": "pipeline/stages/train/stage.py",
        "mlflow.source.type": "LOCAL",
        "saccade.host": platform.node(),
    }
    if commit:
        found |= {"mlflow.source.git.commit": commit, "saccade.git_dirty": str(bool(diff)).lower()}
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
