"""Several trainings of one run on the test split, one by one: what a single one gives, and how much that varies."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline import paths
from pipeline.runs.journal import Journal
from pipeline.runs.run_store import wait_for_lock
from pipeline.schema.evaluate import EvaluateBlock
from pipeline.stages.evaluate.in_words import numbers_of
from pipeline.stages.evaluate.measure import measure
from pipeline.tracking.status import stage_lock
from saccade import kinds
from saccade.core.files import replacing_folder
from saccade.core.messages import pluralise
from saccade.data.prepared import Split, read_dataset_info
from saccade.predict import predictor as prediction


def evaluate_members(
    run: str,
    trained: Mapping[str, Any],
    history: Sequence[Mapping[str, float]],
    test: Split,
    block: EvaluateBlock,
    dataset: str,
) -> list[dict[str, float]]:
    """Measure each member of an ensemble.

    Args:
        run: key in ``runs:``.
        trained: what run.json says.
        history: a row an epoch and member.
        test: the test split.
        block: ``evaluate:``.
        dataset: key in ``datasets:``.

    Returns:
        The metrics of each member, in order.
    """
    return [
        evaluate_member(
            member,
            paths.model(run) / "members" / str(number),
            [row for row in history if row["member"] == number],
            test,
            block,
            dataset,
        )
        for number, member in enumerate(trained["members"])
    ]


def evaluate_member(
    member: Mapping[str, Any],
    bundle: Path,
    history: Sequence[Mapping[str, float]],
    test: Split,
    block: EvaluateBlock,
    dataset: str,
) -> dict[str, float]:
    """Measure one training; what is found is kept in its store and journal, where these are on this machine.

    Args:
        member: what its run.json says: ``run``, ``run_uid`` and ``identity`` at least.
        bundle: its network.
        history: a row an epoch.
        test: the test split.
        block: ``evaluate:``.
        dataset: key in ``datasets:``.

    Returns:
        Metric name to value.
    """
    predictor, store = prediction.load(bundle, device=block.device), paths.run_store(member["identity"])
    shown, journal = kinds.beside_answers(read_dataset_info(paths.prepared(dataset))), Journal(store)
    if journal.state().run_uid != member["run_uid"]:  # trained on another machine, or anew since
        with TemporaryDirectory() as scratch:
            return numbers_of(
                measure(
                    Path(scratch),
                    history,
                    predictor,
                    test,
                    block,
                    run=member["run"],
                    trained_on=dataset,
                    shown_beside=shown,
                )
            )
    with wait_for_lock(stage_lock(store), f"{member['run']}: another process is at work on it; waiting"):
        with replacing_folder(store / "evaluation") as folder:
            metrics = numbers_of(
                measure(
                    folder, history, predictor, test, block, run=member["run"], trained_on=dataset, shown_beside=shown
                )
            )
        journal.evaluation(metrics, "evaluation")
    return metrics


def summary(measured: Sequence[Mapping[str, float]]) -> dict[str, dict[str, Any]]:
    """Mean and spread of each metric that all members have.

    Args:
        measured: metric name to value, one for each member.

    Returns:
        Metric name to ``mean``, ``std`` (of the sample: the divisor is the number of members less 1; None of a single
        one) and ``values``.
    """
    ends = ("_low", "_high")  # of intervals: the spread over the members is shown instead
    names = [name for name in measured[0] if all(name in each for each in measured) and not name.endswith(ends)]
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
        f"{pluralise(len(values), 'member')}: test {metric} mean {found['mean']:.4f}{spread} "
        f"({min(values):.4f} to {max(values):.4f})"
    )
