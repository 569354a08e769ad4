"""The commit that a run can be made of again, and what keeps a tree from naming one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.privacy.git_state import changed_code
from pipeline.runs.identity import code_items, listed_code
from pipeline.runs.journal import GIT_DIFF_TAG
from saccade.core.errors import UserError

_STAGES = ("train", "evaluate")
_MAX_NAMED = 5  # changed files


@dataclass(frozen=True)
class CodeState:
    """Whether a commit holds all that made a run.

    Attributes:
        commit: 40 hexadecimal digits; empty where there is none.
        problem: what keeps the commit from holding it, one line with a remedy; empty where it holds all.
    """

    commit: str
    problem: str = ""


def code_state(run: str, trained: Mapping[str, Any], model: str, task: str) -> CodeState:
    """Look whether git holds what a run was made of: code of its stages, params.yaml and dvc.yaml.

    A run that was trained before its changes were committed is held by the commit of now, where that has the code that
    was trained.

    Args:
        run: key in ``runs:``.
        trained: content of run.json.
        model: name of the run's model.
        task: name of the run's task.

    Returns:
        The commit, and what is wrong.
    """
    tags = trained.get("record", {}).get("tags", {})
    recorded = str(tags.get("mlflow.source.git.commit", ""))
    items = code_items(model, task)
    try:
        head, changed = changed_code(_STAGES, items)
    except UserError as error:
        return CodeState(recorded, f"{error}, so that none says what {run} was made of: `git init` and commit")
    if changed:
        more = f" and {len(changed) - _MAX_NAMED} more" if len(changed) > _MAX_NAMED else ""
        return CodeState(
            recorded,
            f"{', '.join(changed[:_MAX_NAMED])}{more} {'has' if len(changed) == 1 else 'have'} changes that no commit "
            f"holds: commit them, so that the commit says what {run} was made of",
        )
    was_clean = tags.get(GIT_DIFF_TAG) == "none" and tags.get("saccade.git_kept_out", "0") == "0"
    if recorded and was_clean:
        return CodeState(recorded)
    if _has_code(trained.get("code"), items):
        return CodeState(head)
    if not recorded:
        return CodeState("", f"{run} was trained without a commit: train it again in this repository")
    changes = tags.get(GIT_DIFF_TAG, "changes")
    return CodeState(
        recorded,
        f"{run} was trained with uncommitted changes ({changes} of its code), which no commit is known to hold: "
        f"`dvc repro evaluate@{run}` makes it of the code as committed",
    )


def _has_code(recorded: Mapping[str, str] | None, items: Mapping[str, str]) -> bool:
    """Whether the tree holds the code that a run was trained with, as far as it was recorded."""
    try:
        now = listed_code("train", items)
    except FileNotFoundError:  # such as of a model that is gone
        return False
    return bool(recorded) and all(now.get(path) == digest for path, digest in (recorded or {}).items())


def refusal(state: CodeState) -> str:
    """What is said where a tree is not clean."""
    return f"{state.problem}. Or register it all the same with --allow-dirty"
