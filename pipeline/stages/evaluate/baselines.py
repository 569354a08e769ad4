"""What a simple model gets on the test split. What takes a while is computed once for the same arrays and code."""

import hashlib
import json
from importlib import metadata
from typing import Any

from pipeline import paths
from pipeline.console import say
from saccade import kinds
from saccade.core.files import sha256_of_file, write_json
from saccade.data.prepared import Description, open_split
from saccade.data.spec import SPLITS
from saccade.evaluate.intervals import accuracy_interval


def measure_baseline(dataset: str, info: Description) -> dict[str, float]:
    """Metrics of the simple model of a dataset's kind.

    Args:
        dataset: key in ``datasets:``.
        info: of its prepared arrays.

    Returns:
        Metric name to value on the test split; nothing where there is none to compare with.
    """
    found = kinds.baseline(info)
    if found is None:
        return {}
    values = _kept(dataset, info, found) if found.code else _measured(dataset, found)
    metrics = {name: values[name] for name in found.metrics if name in values}
    if "accuracy" in metrics:
        count = info.counts["test"]
        low, high = accuracy_interval(round(metrics["accuracy"] * count), count)
        metrics |= {"accuracy_low": low, "accuracy_high": high}
    return metrics


def _measured(dataset: str, found: kinds.Baseline) -> dict[str, Any]:
    train, validation, test = (open_split(paths.prepared(dataset), split) for split in SPLITS)
    return found.measure(train, validation, test)


def _kept(dataset: str, info: Description, found: kinds.Baseline) -> dict[str, Any]:
    digests = sorted(info.digests(*SPLITS).values())
    versions = [*map(sha256_of_file, found.code), metadata.version("scikit-learn")]
    key = hashlib.sha256("/".join([*digests, *versions]).encode()).hexdigest()[:24]
    kept = paths.baseline_store() / f"{key}.json"
    if not kept.exists():
        say(f"  {dataset}: measuring the baseline, once ({found.method})")
        write_json(kept, _measured(dataset, found))
    values: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return values
