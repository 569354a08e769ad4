"""What is known of a run that may be registered: its record, its metrics, what it got on each test example.

It is read from the run's reports, and from the files that a version keeps of them.
"""

import functools
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.runs.evaluations import FORMAT, read_evaluated
from saccade.bundle.bundle import NetworkConfig, read_config, weights_sha256
from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file, write_json
from saccade.evaluate.outcomes import FILE_NAME, Outcomes, read_outcomes
from saccade.io.credentials import mask

RECORD = "record"
"""Folder of a version, beside MLflow's files, that holds the run's reports."""

_OUTCOMES = Path("evaluation") / FILE_NAME
_KEPT = ("metrics.json", "evaluated.json", "run.json")


@dataclass(frozen=True)
class Evidence:
    """What is known of a run that was evaluated.

    Attributes:
        trained: content of run.json.
        measured: content of metrics.json, the main metric first.
        evaluated: content of evaluated.json, less its format.
        folder: folder of these files.
    """

    trained: Mapping[str, Any]
    measured: Mapping[str, Any]
    evaluated: Mapping[str, Any]
    folder: Path

    @property
    def run(self) -> str:
        """Key in ``runs:``, when it was evaluated."""
        return str(self.evaluated.get("run", self.trained["run"]))

    @property
    def metric(self) -> str:
        """The task's main metric."""
        return next(iter(self.measured))

    @property
    def test_set(self) -> tuple[str | None, str | None]:
        """Digests of the test examples and of their labels; None where one is not known."""
        data = self.evaluated.get("data", {})
        return data.get("test.npy"), data.get("test_labels.npy")

    @functools.cached_property
    def outcomes(self) -> Outcomes | None:
        """What it got on each test example; None where that was not kept."""
        path = self.folder / _OUTCOMES
        return read_outcomes(path) if path.exists() else None


def evidence_of_run(run: str) -> tuple[Evidence, NetworkConfig]:
    """Read the reports of a run, and refuse them where they are not those of its weights.

    Args:
        run: key in ``runs:``.

    Returns:
        What is known, and the network's config.

    Raises:
        UserError: the run is not trained, or not evaluated as it is.
    """
    report, model = paths.report(run), paths.model(run)
    evaluate = f"`saccade evaluate {run}` measures it"
    for needed in (model / "bundle.json", report / "run.json"):
        if not needed.exists():
            raise UserError(f"{run} must be trained to be registered, but {needed} is not there: `saccade train {run}`")
    config, weights = read_config(model), weights_sha256(model)
    trained = _read(report / "run.json")
    if weights != trained["weights_sha256"]:
        raise UserError(f"{model} and {report / 'run.json'} are of two trainings. Publish one: `saccade train {run}`.")
    if not (report / "metrics.json").exists():
        raise UserError(
            f"{run} must be evaluated to be registered, but {report / 'metrics.json'} is not there: {evaluate}"
        )
    evaluated = read_evaluated(run)
    if not evaluated:
        raise UserError(
            f"{run} must be evaluated to be registered, but {report / 'evaluated.json'}, which says of which weights "
            f"the metrics are, is not there: {evaluate}"
        )
    if evaluated["weights_sha256"] != weights:
        raise UserError(
            f"the evaluation of {run} is of other weights ({evaluated['weights_sha256'][:12]}, not {weights[:12]}): "
            f"{evaluate} as it is"
        )
    for folder, files in ((report, evaluated["files"]), (model, evaluated.get("bundle", {}))):
        for name in (name for name in files if name in ("metrics.json", _OUTCOMES.as_posix()) or folder == model):
            if not (folder / name).exists() or sha256_of_file(folder / name) != files[name]:
                raise UserError(f"{folder / name} is not as it was when {run} was evaluated: {evaluate} anew")
    return Evidence(trained, _read(report / "metrics.json"), evaluated, report), config


def bundle_sha256(bundle: Path) -> str:
    """What names a network beside its weights: SHA-256 of its bundle.json, and of those of its members.

    Args:
        bundle: folder of a bundle.

    Returns:
        64 hexadecimal digits.
    """
    files = sorted(bundle.rglob("bundle.json"))
    whole = "".join(f"{sha256_of_file(path)}  {path.relative_to(bundle).as_posix()}\n" for path in files)
    return hashlib.sha256(whole.encode()).hexdigest()


def evidence_in(folder: Path) -> Evidence | None:
    """Read what a version keeps of its run; None where it keeps none.

    Args:
        folder: the folder ``RECORD`` of a version.

    Returns:
        What is known.

    Raises:
        UserError: a file is damaged.
    """
    if not all((folder / name).exists() for name in _KEPT):
        return None
    try:
        trained, measured, evaluated = (_read(folder / name) for name in ("run.json", "metrics.json", "evaluated.json"))
        if evaluated.pop("format", None) != FORMAT or not measured:
            return None
    except (ValueError, AttributeError) as error:
        raise UserError(f"the record of the registered version is damaged ({error})") from error
    return Evidence(trained, measured, evaluated, folder)


def write_record(folder: Path, evidence: Evidence) -> None:
    """Write the files that a version keeps, without credentials in addresses.

    Args:
        folder: folder to write into, empty.
        evidence: what is known of the run.
    """
    for name in _KEPT:
        text = (evidence.folder / name).read_text(encoding="utf-8")
        write_json(folder / name, json.loads(mask(text)))
    if (evidence.folder / _OUTCOMES).exists():
        (folder / _OUTCOMES).parent.mkdir()
        shutil.copyfile(evidence.folder / _OUTCOMES, folder / _OUTCOMES)


def _read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values
