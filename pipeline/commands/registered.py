"""``saccade registered``: the versions of registered models, their aliases and what they reached."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from pipeline.console import say
from pipeline.model_registry.reference import SCHEME
from pipeline.model_registry.versions import COMMIT_TAG, DIRTY_TAG, METRIC_TAG, RUN_TAG, Registry, Version
from saccade.core.errors import UserError

_HEAD = ("model", "version", "aliases", "run", "metric", "test", "commit", "registered")
_COMMIT_DIGITS = 8


def show_registered(name: str, *, as_json: bool) -> None:
    """Print a line for each version, the latest first.

    Args:
        name: name of a registered model; empty: of all.
        as_json: print one JSON object a line, with all tags.

    Raises:
        UserError: there is no such model, or the registry does not answer.
    """
    registry = Registry.open()
    names = registry.names()
    if name and name not in names:
        raise UserError(f"{registry.shown} has no registered model {name!r}; it has {', '.join(names) or 'none yet'}")
    versions = [version for each in ([name] if name else names) for version in registry.versions(each)]
    if as_json:
        for version in versions:
            values = {"name": version.name, "version": version.number, "aliases": version.aliases}
            say(json.dumps(values | {"registered": _time(version), "tags": dict(version.tags)}))
        return
    if not versions:
        say(f"nothing is registered at {registry.shown}: `saccade register RUN --alias champion`")
        return
    rows = [_HEAD, *(_row(version) for version in versions)]
    widths = [max(len(row[c]) for row in rows) for c in range(len(_HEAD))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    say(f"use one: saccade predict {SCHEME}NAME@ALIAS PATH..., or {SCHEME}NAME/VERSION")


def _row(version: Version) -> Sequence[str]:
    tags = version.tags
    metric = tags.get(METRIC_TAG, "-")
    commit = tags.get(COMMIT_TAG, "-")[:_COMMIT_DIGITS] + (" (dirty)" if tags.get(DIRTY_TAG) == "true" else "")
    return (
        version.name,
        str(version.number),
        ", ".join(version.aliases) or "-",
        tags.get(RUN_TAG, "-"),
        metric,
        tags.get(f"test_{metric}", "-"),
        commit,
        _time(version),
    )


def _time(version: Version) -> str:
    return datetime.fromtimestamp(version.created_ms / 1000, UTC).isoformat(sep=" ", timespec="minutes")[:16] + " UTC"
