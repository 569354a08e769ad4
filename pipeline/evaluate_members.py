"""The members of an ensemble on the test split, one by one: what a single training gives, and how much that varies."""

import shutil
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.console import number_of
from pipeline.journal import Journal
from pipeline.run_store import hold
from pipeline.tracking import stage_lock
from saccade import prediction
from saccade.files import replacing_folder
from saccade.prediction import Predictor

Measure = Callable[[Path, Predictor, int], dict[str, float]]


def evaluate_members(run: str, device: str, trained: Mapping[str, Any], measure: Measure) -> list[dict[str, float]]:
    """Measure each member; what is found is kept in its own store and journal too, where these are on this machine.

    Args:
        run: key in ``runs:``, of an ensemble.
        device: auto, cpu, cuda, cuda:1 or mps.
        trained: what run.json says.
        measure: takes an empty folder, the member's network and its number; gives metric names and values.

    Returns:
        The metrics of each member, in order.
    """
    measured = []
    for number, member in enumerate(trained["members"]):
        predictor = prediction.load(paths.model(run) / "members" / str(number), device=device)
        store = paths.run_store(member["identity"])
        journal = Journal(store)
        with hold(stage_lock(store), f"{member['run']}: another process is at work on it; waiting"):
            with replacing_folder(store / "evaluation") as folder:
                metrics = measure(folder, predictor, number)
            if journal.state().run_uid == member["run_uid"]:
                journal.evaluation(metrics, "evaluation")
            else:  # trained elsewhere, or anew since
                shutil.rmtree(store / "evaluation")
        measured.append(metrics)
    return measured


def summary(measured: Sequence[Mapping[str, float]]) -> dict[str, dict[str, Any]]:
    """Mean and spread of each metric that all members have.

    Args:
        measured: metric name to value, one for each member.

    Returns:
        Metric name to ``mean``, ``std`` (of the sample: the divisor is the number of members less 1; None of a single
        one) and ``values``.
    """
    names = [name for name in measured[0] if all(name in each for each in measured)]
    return {name: _summed_up([each[name] for each in measured]) for name in names}


def _summed_up(values: list[float]) -> dict[str, Any]:
    std = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "std": std, "values": values}


def for_tracking(members: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """``summary`` with flat keys, such as ``accuracy_members_mean``."""
    flat: dict[str, float] = {}
    for name, found in members.items():
        flat |= {f"{name}_members_{what}": found[what] for what in ("mean", "std") if found[what] is not None}
    return flat


def told(found: Mapping[str, Any], metric: str) -> str:
    """Such as "5 members: test accuracy mean 0.9801, standard deviation 0.0030 (0.9762 to 0.9844)"."""
    values = found["values"]
    spread = "" if found["std"] is None else f", standard deviation {found['std']:.4f}"
    return (
        f"{number_of(len(values), 'member')}: test {metric} mean {found['mean']:.4f}{spread} "
        f"({min(values):.4f} to {max(values):.4f})"
    )
