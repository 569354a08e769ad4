"""``saccade export RUN``: a trained run as a file that other programs run or load."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import paths
from pipeline.console import say, warn
from pipeline.params.problems import nearest
from pipeline.runs.reported import reported_threshold
from saccade.bundle.bundle import read_config, weights_sha256
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.export.metadata import RunFacts, metadata_of, reading_values
from saccade.export.onnx_file import Exported, write_onnx
from saccade.predict import predictor as prediction

if TYPE_CHECKING:
    from pipeline.params.load import Params

_ENDINGS = {"onnx": ".onnx", "safetensors": ".safetensors", "state_dict": ".pt"}


@dataclass(frozen=True)
class ExportOptions:
    """What is asked for.

    Attributes:
        format: onnx, safetensors or state_dict.
        out: file to write; None: beside the bundle in models/.
        quantise: whether weights of 8 bits are wanted.
    """

    format: str = "onnx"
    out: Path | None = None
    quantise: bool = False


def export(params: "Params", run: str, options: ExportOptions) -> None:
    """Write a trained run as a file, and say what it is.

    Args:
        params: the whole file.
        run: key in ``runs:``, or the folder of a bundle in models/.
        options: what is asked for.

    Raises:
        UserError: there is no such run or bundle, its weights are others than were trained, or it cannot be exported.
    """
    known = {*params.runs, *(path.parent.name for path in Path("models").glob("*/bundle.json"))}
    if run not in known:
        raise UserError(f"neither params.yaml nor models/ has a run {run!r}; {nearest(run, sorted(known))}")
    target = _target(run, options)
    bundle = paths.model(run)
    predictor = prediction.load(bundle)
    facts = facts_of(params, run)
    exported = write_onnx(predictor.config, predictor.network, target, metadata_of(predictor.config, facts))
    for line in summary_lines(exported):
        say(line)
    say(f"written: {_short(target)}, {exported.num_bytes:,} bytes")


def _target(run: str, options: ExportOptions) -> Path:
    """Where the file goes."""
    target = options.out or Path("models") / f"{run}{_ENDINGS[options.format]}"
    if target.is_dir():
        raise UserError(f"--out ({target}) must be a file, but it is a folder: add a name, {target / run}.onnx")
    if not target.parent.is_dir():
        raise UserError(f"--out ({target}) must lie in a folder that is there: make it with `mkdir {target.parent}`")
    return target


def facts_of(params: "Params", run: str) -> RunFacts:
    """What is known of a run besides its network, from its bundle and its report.

    Args:
        params: the whole file.
        run: key in ``runs:``, or the folder of a bundle in models/.

    Returns:
        What its files say; of a run without a report, little.

    Raises:
        UserError: the weights are others than were trained.
    """
    bundle, report = paths.model(run), paths.report(run)
    found, trained = weights_sha256(bundle), _read_json(report / "run.json")
    expected = trained.get("weights_sha256", found)
    if found != expected and trained.get("identity") == read_config(bundle).identity:
        raise UserError(
            f"{bundle} holds other weights than were trained ({found[:12]}, {report / 'run.json'} says "
            f"{expected[:12]}): `dvc checkout -f {bundle}` restores them"
        )
    is_of_run = found == expected
    threshold, warning = reported_threshold(run)
    if warning:
        warn(warning)
    block = params.runs.get(run)
    dataset = block.dataset if block else str(trained.get("dataset", ""))
    source, reading = "", {}
    if dataset in params.datasets:
        made_of = params.datasets[dataset]
        source = made_of.source.name
        holds = registry.constant_or("", "datasets", source, "NEW_EXAMPLES")
        reading = reading_values(made_of.source.arguments, made_of.preprocess.options, holds)
    return RunFacts(
        run=run,
        bundle=(bundle / "bundle.json").read_text(encoding="utf-8"),
        weights_sha256=found,
        metrics=_read_json(report / "metrics.json") if is_of_run else {},
        reject_threshold=threshold,
        dataset=dataset,
        source=source,
        arrays=trained.get("data", {}) if is_of_run else {},
        reading=reading,
    )


def summary_lines(exported: Exported) -> list[str]:
    """What was proven of a file, and what it cannot do, in lines.

    Args:
        exported: what was written.

    Returns:
        Lines for people.
    """
    worst = exported.worst
    axes = "batch and time" if exported.has_any_length else "batch"
    lines = [
        f"onnxruntime answers as torch does in {len(exported.compared)} batches: largest difference "
        f"{worst.difference:.1e} ({worst.name}); free axes: {axes}"
    ]
    return lines + [f"note: {note}" for note in exported.notes]


def _read_json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _short(path: Path) -> Path:
    """A path as it is typed from the root of the tree, where it lies in it."""
    return Path(os.path.relpath(path)) if path.is_absolute() and path.is_relative_to(Path.cwd()) else path
