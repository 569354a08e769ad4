"""How a run stands beside the simple models of its dataset: a line where it does worse, and what is likeliest to help.

After ``train`` on the validation split, after ``evaluate`` on the test split, and after ``predict`` as a warning.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline import paths
from pipeline.commands.add_baseline import baseline_of
from pipeline.commands.doctor import find_cases
from pipeline.console import say, warn
from pipeline.params.prepared_datasets import find_dataset_info
from pipeline.runs.evaluations import read_evaluated
from saccade.core.errors import UserError
from saccade.doctor.remedies import against_a_baseline
from saccade.doctor.rules import diagnose
from saccade.evaluate.shortfall import Shortfall, find_shortfall

if TYPE_CHECKING:
    from pipeline.params.load import Params

_LONG_TRAINING_S = 60.0  # of which measuring a baseline is a part; after shorter ones, `evaluate` does it
_MAX_REMEDIES = 2


def say_after_training(params: "Params", run: str) -> None:
    """Compare the accuracy on the validation split with the baselines', where these are known or take a part of what
    the training took; of an ensemble `evaluate` alone says it. Whatever goes wrong, the training is done.

    Args:
        params: the whole file.
        run: key in ``runs:``, trained.
    """
    try:
        found = find_shortfall(_validated(params, run))
        if found:
            say(f"{run}: on the validation split {found}{_likeliest(params, run, found)}")
    except Exception as error:  # noqa: BLE001 - what is kept of a training must not look lost
        say(f"{run}: not compared with its baseline ({error}); `saccade evaluate {run}` tries it again")


def say_after_evaluation(params: "Params", run: str) -> None:
    """Say where the run does worse on the test split than the better of its baselines.

    Args:
        params: the whole file.
        run: key in ``runs:``, evaluated.
    """
    if found := _evaluated(params, run):
        say(f"{run}: on the test split {found}{_likeliest(params, run, found)}")


def warn_after_prediction(params: "Params", run: str) -> None:
    """Warn of a run that did worse in its evaluation than a simple model.

    Args:
        params: the whole file.
        run: key in ``runs:``.
    """
    if found := _evaluated(params, run):
        warn(f"warning: when it was evaluated, {run} was {found}; `saccade compare {run}` shows both")


def _evaluated(params: "Params", run: str) -> Shortfall | None:
    """What metrics.json says; nothing where the run was not evaluated, or with other weights than it has now."""
    from saccade.bundle.bundle import weights_sha256

    evaluated = read_evaluated(run)
    if evaluated and evaluated["weights_sha256"] != weights_sha256(paths.model(run)):
        return None
    info = find_dataset_info(params.runs[run].dataset)
    counts = info.class_counts.get("train", []) if info else []
    paired = (evaluated.get("beside_baseline") or {}).get("verdict")
    return find_shortfall(_read(run, "metrics.json"), counts, paired=paired)


def _validated(params: "Params", run: str) -> dict[str, float]:
    """Accuracies on the validation split with their intervals, named as those of metrics.json are."""
    from pipeline.runs.tables import read_history
    from pipeline.stages.evaluate.baselines import baseline_values, prefix_of
    from saccade.evaluate.intervals import accuracy_interval

    block, trained = params.runs[run], _read(run, "run.json")
    info = find_dataset_info(block.dataset)
    if "members" in trained or info is None:
        return {}
    own = read_history(paths.report(run) / "history.csv")[trained["kept_epoch"] - 1].get("validation_accuracy")
    if own is None:
        return {}
    shares = {"": (own, info.counts["validation"])}
    is_short = trained["train_elapsed_s"] < _LONG_TRAINING_S
    for baseline, values in baseline_values(block.dataset, info, block.evaluate, only_kept=is_short, on_test=False):
        if "validation_accuracy" in values:
            count = values.get("validation_examples", info.counts["validation"])
            shares[prefix_of(baseline)] = (values["validation_accuracy"], count)
    measured: dict[str, float] = {}
    for prefix, (share, count) in shares.items():
        low, high = accuracy_interval(round(share * count), count)
        measured |= {f"{prefix}accuracy": share, f"{prefix}accuracy_low": low, f"{prefix}accuracy_high": high}
    return measured


def _likeliest(params: "Params", run: str, found: Shortfall) -> str:
    """Such as "; likeliest to help: `saccade add --baseline a`, or runs.a.model: ..."; empty where nothing is known."""
    remedies = _remedies(params, run, found)[:_MAX_REMEDIES]
    return f"; likeliest to help: {', or '.join(remedies)}" if remedies else ""


def _remedies(params: "Params", run: str, found: Shortfall) -> list[str]:
    """What the doctor would change, if it finds the training ill; then what helps against a baseline of this sort."""
    try:
        case = find_cases(run)[0]
    except UserError:  # its journal and tables are on another machine
        return []
    pretrained = params.runs[run].model.arguments.get("pretrained")
    settings = {**case.record.settings, "model.pretrained": pretrained}
    better = baseline_of(params, run)
    is_that = better is not None and (
        settings.get("model.name") == better.model["name"]
        and bool(settings.get("train.freeze")) == ("freeze" in better.train)
    )
    command = [f"`saccade add --baseline {run}`"] if better is not None and not is_that else []
    ill = {change.key: change.line(run, settings) for change in diagnose(case.record).changes}
    changes = against_a_baseline(settings, is_balanced=found.metric == "balanced_accuracy")
    others = [change.line(run, settings) for change in changes if change.key not in ill]
    return [*ill.values(), *command, *others]


def _read(run: str, name: str) -> Mapping[str, Any]:
    path = paths.report(run) / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
