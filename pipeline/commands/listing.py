"""Tables for people: what there is, what was sent."""

import json
from itertools import chain
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.console import pluralise, say
from pipeline.params.load import Params, load_params
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.io.credentials import mask


def show_list(params: Params) -> None:
    """Print datasets, models, tasks, recipes and runs, each with a line on what it is."""
    for folder in ("datasets", "models", "tasks"):
        say(f"{folder} (src/saccade/{folder}):")
        for name in registry.names(folder):
            say(f"  {name:<19} {registry.summary(folder, name)}")
    say("recipes (saccade add NAME):")
    for recipe in sorted(paths.RECIPES.glob("*.yaml"), key=lambda path: path.stem):
        say(f"  {recipe.stem:<19} {_first_comment(recipe)}")
    say("runs (params.yaml):")
    for name, run in params.runs.items():
        say(f"  {name:<19} {run.model.name} on {run.dataset}{_state(name)}")


def _first_comment(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")


def _state(run: str) -> str:
    if metrics := _read(paths.report(run) / "metrics.json"):
        main, value = next(iter(metrics.items()))  # the first is the task's main one
        return f": test {main} {value:.4f}"
    return ": trained" if (paths.report(run) / "run.json").exists() else ": not trained yet"


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def show_purge(runs_folder: Path) -> None:
    """Take out the diffs that earlier versions kept and sent, and say of each what came of it.

    Args:
        runs_folder: ``.saccade/runs``.

    Raises:
        UserError: some are still there.
    """
    from pipeline.tracking.mlflow_store import tracking_uri
    from pipeline.tracking.purge import experiments_of, purge_journals, purge_store

    experiments = sorted(experiments_of(runs_folder) | {_experiment()})
    left = removed = 0
    for found in chain(purge_journals(runs_folder), purge_store(tracking_uri(paths.home()), experiments)):
        say(f"left: {found.what} ({found.left_because})" if found.left_because else f"removed: {found.what}")
        left, removed = left + bool(found.left_because), removed + (not found.left_because)
    if left:
        raise UserError(
            f"{pluralise(left, 'place')} could not be purged, see above; run `saccade sync --purge-diffs` again"
        )
    say(
        f"{pluralise(removed, 'place')} purged"
        if removed
        else "nothing to purge: no record holds a diff of an earlier version"
    )


def _experiment() -> str:
    return load_params(paths.PARAMS).tracking.experiment


def show_sync(runs_folder: Path) -> None:
    """Send pending runs, and say what came of each.

    Args:
        runs_folder: ``.saccade/runs``.

    Raises:
        UserError: some are still pending.
    """
    from pipeline.tracking.mlflow_store import tracking_uri
    from pipeline.tracking.sync import sync

    outcomes = sync(runs_folder, tracking_uri(paths.home()))
    uri = mask(tracking_uri(paths.home()))
    for run, outcome in outcomes:
        say(
            f"{run}: "
            + (f"pending ({outcome.pending_reason})" if outcome.pending_reason else f"sent as {outcome.mlflow_run_id}")
        )
    pending = sum(outcome.pending_reason is not None for _, outcome in outcomes)
    if pending:
        of_all = f"{pending:,} of {pluralise(len(outcomes), 'run')} {'is' if pending == 1 else 'are'}"
        raise UserError(f"{of_all} still pending at {uri}; run `saccade sync` again later")
    say(f"{pluralise(len(outcomes), 'run')} sent to {uri}" if outcomes else f"nothing to send: {uri} has everything")
