"""``reports/<run>/report.html``: what the application knows of a run, handed to the library that writes the page."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import saccade
from pipeline import paths
from pipeline.schema.defaults import settings_off_default
from pipeline.schema.evaluate import EvaluateBlock
from pipeline.stages.evaluate.in_words import verdict_on_baseline
from saccade.data.prepared import DatasetInfo
from saccade.run_page.page import write_run_page
from saccade.run_page.record import Setting, Surroundings


def write_page(
    run: str, trained: Mapping[str, Any], metrics: Mapping[str, Any], info: DatasetInfo, block: EvaluateBlock, task: str
) -> Path:
    """Write the page of a run that was evaluated just now.

    Args:
        run: key in ``runs:``.
        trained: what run.json says.
        metrics: what metrics.json says.
        info: of the prepared dataset.
        block: ``evaluate:``.
        task: name of the task.

    Returns:
        The page.
    """
    dataset = trained["dataset"]
    checked = paths.dataset_report(dataset) / "findings.json"
    has_page = (paths.dataset_report(dataset) / "report.html").exists()
    classes = info.spec.classes
    around = Surroundings(
        task=task,
        counts=info.counts,
        class_counts=dict(zip(classes, info.class_counts.get("train", ()), strict=False)),
        test_class_counts=dict(zip(classes, info.class_counts.get("test", ()), strict=False)),
        findings=json.loads(checked.read_text(encoding="utf-8")) if checked.exists() else (),
        dataset_page=f"../datasets/{dataset}/report.html" if has_page else "",
        settings=_settings(trained, block),
        version=saccade.__version__,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        verdict=verdict_on_baseline(metrics, next(iter(metrics))),
    )
    return write_run_page(paths.report(run), around)


def _settings(trained: Mapping[str, Any], block: EvaluateBlock) -> list[Setting] | None:
    """Values off their defaults; None of a run that recorded none, as earlier versions did."""
    params = trained.get("record", {}).get("params")
    if not params:
        return None
    evaluated = {f"evaluate.{key}": value for key, value in block.model_dump().items()}
    return [Setting(*setting) for setting in settings_off_default({**params, **evaluated})]
