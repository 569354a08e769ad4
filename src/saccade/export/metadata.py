"""What an exported file says of its run: the text by key that ONNX calls metadata."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from saccade.bundle.config import NetworkConfig
from saccade.core import registry
from saccade.tables.table_format import TableFormat

FORMAT = "1"  # of the keys; readers refuse others

READING_KEYS = (
    *(each.name for each in fields(TableFormat)),
    *("frames", "label_column", "series_column", "series_columns", "split_column", "steps_axis", "value_columns"),
    *("day_first", "time_column", "time_format", "time_zone"),
)
"""Arguments of a source by which new files are read as its own were; others, such as paths, stay at home."""


@dataclass(frozen=True)
class RunFacts:
    """What is known of a run besides its network.

    Attributes:
        run: its name.
        bundle: text of bundle.json.
        weights_sha256: SHA-256 that names the weights.
        metrics: contents of metrics.json; empty where the run was not evaluated.
        reject_threshold: confidence below which the run is unsure; None where none was measured.
        dataset: key of its dataset; empty where it is not known.
        source: name of the source of the dataset; empty where it is not known.
        arrays: SHA-256 of each array that it was trained on.
        reading: how files of the dataset are read, from ``reading_values``; empty where it is not known.
    """

    run: str
    bundle: str
    weights_sha256: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    reject_threshold: float | None = None
    dataset: str = ""
    source: str = ""
    arrays: Mapping[str, str] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)


def reading_values(source: Mapping[str, Any], preprocess: Mapping[str, Any], holds: str) -> dict[str, Any]:
    """How files of a dataset are read, so that new ones can be read in the same way elsewhere.

    Args:
        source: arguments of its source.
        preprocess: ``preprocess:`` of the dataset.
        holds: what a file of the source holds, where that is several examples; empty: one.

    Returns:
        Plain values, no path of this machine among them.
    """
    kept = {key: value for key, value in source.items() if key in READING_KEYS and value is not None}
    options = {key: value for key, value in preprocess.items() if key != "holidays"}  # a file, and in the spec
    return {"source": kept, "preprocess": options, "holds": holds}


def metadata_of(config: NetworkConfig, facts: RunFacts) -> dict[str, str]:
    """The text by key that a file carries.

    Args:
        config: config of the network.
        facts: what is known of the run.

    Returns:
        Keys that begin with ``saccade.``; values that are lists or objects are JSON.
    """
    data: dict[str, Any] = {"dataset": facts.dataset, "source": facts.source, "arrays": dict(facts.arrays)}
    if licence := registry.licence_of_source(facts.source):
        data["licence"] = licence
    found = {
        "saccade.format": FORMAT,
        "saccade.run": facts.run,
        "saccade.bundle": facts.bundle,
        "saccade.classes": _json(list(config.spec.classes)),
        "saccade.identity": config.identity,
        "saccade.weights_sha256": facts.weights_sha256,
        "saccade.metrics": _json(dict(facts.metrics)),
        "saccade.data": _json(data),
    }
    if config.spec.vocabulary:
        found["saccade.vocabulary"] = _json(list(config.spec.vocabulary))
    if facts.reading:
        found["saccade.reading"] = _json(dict(facts.reading))
    if facts.reject_threshold is not None:
        found["saccade.reject_threshold"] = repr(facts.reject_threshold)
    return found


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
