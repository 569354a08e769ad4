"""What simple models get on the test split. What takes a while is computed once for the same arrays and code."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from typing import Any

import numpy as np

from pipeline import paths
from pipeline.console import Progress, say
from pipeline.schema.evaluate import EvaluateBlock
from saccade import kinds
from saccade.core.errors import UserError
from saccade.core.files import replacing_file, sha256_of_file, write_json
from saccade.data.prepared import DatasetInfo, open_split
from saccade.data.spec import SPLITS
from saccade.evaluate.intervals import accuracy_interval
from saccade.evaluate.metric_intervals.shares import Dependence, wilson

_WITHOUT_TEST = ("train", "validation")  # what may be read before ``evaluate``
_FEATURES_FROM_SIDE = 32  # pixels; auto: what is grey and no larger is seldom a photograph, and made in no time


def measure_baselines(
    dataset: str, info: DatasetInfo, block: EvaluateBlock, effective_examples: float | None = None
) -> dict[str, Any]:
    """Metrics of the simple models of a dataset's kind.

    Args:
        dataset: key in ``datasets:``.
        info: of its prepared arrays.
        block: ``evaluate:``.
        effective_examples: number of independent examples that tell as much as the test split, where groups make them
            alike: as the network's answers have it, for those of the baseline are not kept. None: there are no groups.

    Returns:
        Metric name to value on the test split, such as ``baseline_accuracy`` and ``baseline_features_accuracy``, with
        the ends of 95 % intervals where what they need is known; nothing where there is none to compare with.
    """
    return metrics_of(list(baseline_values(dataset, info, block)), info, effective_examples)


def metrics_of(
    measured: Sequence[tuple[kinds.Baseline, Mapping[str, Any]]],
    info: DatasetInfo,
    effective_examples: float | None = None,
) -> dict[str, Any]:
    """Metrics of simple models that were measured on the test split, under the names that metrics.json gives them.

    Args:
        measured: simple models, each with what its ``measure`` gave.
        info: of the prepared arrays.
        effective_examples: as of ``measure_baselines``.

    Returns:
        Metric name to value.
    """
    metrics: dict[str, Any] = {}
    for found, values in measured:
        if "accuracy" in found.metrics and "accuracy" in values:
            count = values.get("test_examples", info.counts["test"])
            if effective_examples is None:
                low, high = accuracy_interval(round(values["accuracy"] * count), count)
            else:
                low, high = wilson(values["accuracy"], effective_examples, Dependence().quantile)
            values = {**values, "accuracy_low": low, "accuracy_high": high}
        ends = ("", "_low", "_high", "_interval_reason")
        named = (f"{metric}{end}" for metric in found.metrics for end in ends)
        own = {name: values[name] for name in named if name in values}
        metrics |= {f"{prefix_of(found)}{name}": value for name, value in own.items()}
    return metrics


def outcomes_of(measured: Sequence[tuple[kinds.Baseline, Mapping[str, Any]]], count: int) -> dict[str, np.ndarray]:
    """What simple models got on each test example, where they tell it.

    Args:
        measured: simple models, each with what its ``measure`` gave.
        count: number of test examples.

    Returns:
        Metric name, such as ``baseline_accuracy``, to float64 (N,); NaN where a model did not look.
    """
    columns = {}
    for found, values in measured:
        for name, outcomes in values.get("outcomes", {}).items():
            column_N = np.full(count, np.nan)
            column_N[values.get("outcome_places", slice(None))] = outcomes
            columns[f"{prefix_of(found)}{name}"] = column_N
    return columns


def prefix_of(baseline: kinds.Baseline) -> str:
    """What the names of its metrics begin with: ``baseline_``, or such as ``baseline_features_``."""
    return f"baseline_{baseline.name}_" if baseline.name else "baseline_"


def baseline_values(
    dataset: str, info: DatasetInfo, block: EvaluateBlock, *, only_kept: bool = False, on_test: bool = True
) -> Iterator[tuple[kinds.Baseline, dict[str, Any]]]:
    """All that is known of the simple models of a dataset's kind; measured where it is not known yet.

    Args:
        dataset: key in ``datasets:``.
        info: of its prepared arrays.
        block: ``evaluate:``.
        only_kept: leave out what would have to be measured.
        on_test: whether the test split may be read; without it, only the metrics on validation are to be used.

    Yields:
        Each with what its ``measure`` gave. One that needs weights which are not there is left out, and a line says so.
    """
    with Progress("images") as progress:
        features = None
        if _asks_for_features(info, block):
            # Imported here because torch takes a second, and forecasts and texts need no network for it
            from saccade.predict.frozen_features import frozen_features

            features = frozen_features(info, device=block.device, progress=progress)
        for found in kinds.baselines(info, features):
            values = _known_or_measured(dataset, info, found, only_kept, on_test)
            if values is not None:
                yield found, values


def _asks_for_features(info: DatasetInfo, block: EvaluateBlock) -> bool:
    if info.spec.layout != "image":
        return False
    if block.features_baseline != "auto":
        return block.features_baseline
    height, width, channels = info.spec.shape
    return channels > 1 or max(height, width) > _FEATURES_FROM_SIDE


def _known_or_measured(
    dataset: str, info: DatasetInfo, found: kinds.Baseline, only_kept: bool, on_test: bool
) -> dict[str, Any] | None:
    if not found.code:
        return None if only_kept else _measured(dataset, found, on_test)
    kept = paths.baseline_store() / f"{_key(info, found, SPLITS)}.json"
    if not on_test and not kept.exists():
        kept = paths.baseline_store() / f"{_key(info, found, _WITHOUT_TEST)}.json"
    if not kept.exists():
        if only_kept:
            return None
        try:
            found.check()
        except UserError as error:
            _say_once(f"  {dataset}: the baseline on {found.name} is not measured: {error}")
            return None
        say(f"  {dataset}: measuring the baseline, once ({found.method})")
        measured = _measured(dataset, found, on_test)
        write_json(kept, measured)
        counts = {split: info.counts[split] for split in (SPLITS if on_test else _WITHOUT_TEST)}
        seen = {split: measured.get(f"{split}_examples", count) for split, count in counts.items()}
        fewer = [f"{split} {seen[split]:,} of {count:,}" for split, count in counts.items() if seen[split] < count]
        if fewer:
            say(f"  {dataset}: measured on fewer {info.spec.plural}, classes in proportion: {', '.join(fewer)}")
    values: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return values


def _say_once(line: str) -> None:
    """Print a line in the first run that has it to say; it is true of all others until something is done about it."""
    said = paths.baseline_store() / f"{hashlib.sha256(line.encode()).hexdigest()[:24]}.said"
    if not said.exists():
        say(line)
        with replacing_file(said) as partial:
            partial.write_text(f"{line}\n", encoding="utf-8")


def _measured(dataset: str, found: kinds.Baseline, on_test: bool) -> dict[str, Any]:
    """What ``measure`` gives; where the test split must not be read, the validation split stands in its place."""
    train, validation = (open_split(paths.prepared(dataset), split) for split in _WITHOUT_TEST)
    return found.measure(train, validation, open_split(paths.prepared(dataset), "test") if on_test else validation)


def _key(info: DatasetInfo, found: kinds.Baseline, splits: Sequence[str]) -> str:
    """Names what a baseline was measured on, and by which code."""
    digests = sorted(info.digests(*splits).values())
    versions = [*map(sha256_of_file, found.code), metadata.version("scikit-learn"), found.decided_by]
    return hashlib.sha256("/".join([*digests, *versions]).encode()).hexdigest()[:24]
