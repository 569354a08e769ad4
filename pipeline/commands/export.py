"""``saccade export RUN``: a trained run as a file that other programs run or load."""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pipeline import paths
from pipeline.commands.asked_network import AskedNetwork, network_of_reference, network_of_run
from pipeline.console import Progress, pluralise, say, warn
from pipeline.model_registry.reference import SCHEME
from pipeline.params.problems import nearest
from pipeline.runs.reported import reported_threshold
from saccade.bundle.bundle import read_config, weights_sha256
from saccade.core.errors import UserError
from saccade.data.prepared import open_split, read_dataset_info
from saccade.export.metadata import RunFacts, metadata_of, reading_values
from saccade.export.onnx_file import Exported, write_onnx
from saccade.export.optional_packages import require_exporter
from saccade.export.plain_weights import write_weights
from saccade.export.quantise import write_quantised
from saccade.predict import predictor as prediction

if TYPE_CHECKING:
    from pipeline.params.load import Params
    from saccade.data.prepared import Split
    from saccade.predict.predictor import Predictor

_ENDINGS = {"onnx": ".onnx", "int8": ".int8.onnx", "safetensors": "-safetensors", "state_dict": "-state_dict"}


@dataclass(frozen=True)
class ExportOptions:
    """What is asked for.

    Attributes:
        format: onnx, safetensors or state_dict.
        out: file to write, or folder of tensors; None: beside the bundle in models/.
        quantise: whether weights of 8 bits are wanted.
    """

    format: Literal["onnx", "safetensors", "state_dict"] = "onnx"
    out: Path | None = None
    quantise: bool = False


def export(params: "Params", run: str, options: ExportOptions) -> None:
    """Write a trained run, or a registered model, as a file, and say what it is.

    Args:
        params: the whole file.
        run: key in ``runs:``, the folder of a bundle in models/, or a registered model such as models:/NAME@champion.
        options: what is asked for.

    Raises:
        UserError: there is no such run or bundle, its weights are others than were trained, or it cannot be exported.
    """
    known = {*params.runs, *(path.parent.name for path in Path("models").glob("*/bundle.json"))}
    if run not in known and not run.startswith(SCHEME):
        raise UserError(f"neither params.yaml nor models/ has a run {run!r}; {nearest(run, sorted(known))}")
    if options.format == "onnx":
        require_exporter()
    if run in params.runs:
        asked = network_of_run(params, run)
    else:
        asked = network_of_reference(run if run.startswith(SCHEME) else str(paths.model(run)), Path())
    bundle = asked.found.bundle
    config = read_config(bundle)  # what is not trained is said before a place for the file is sought
    if config.spec.output == "transcript" and options.format == "onnx":
        raise UserError(
            f"{run} reads lines, which no ONNX file of saccade does yet: `saccade export {run} --format safetensors` "
            "writes its weights, `saccade serve` answers over HTTP"
        )
    target = _target(asked.label, options)
    predictor = prediction.load(bundle)
    metadata = metadata_of(predictor.config, facts_of(asked))
    if options.format != "onnx":
        size = write_weights(predictor.config, predictor.network, target, options.format, metadata)
        say(f"written: {_short(target)}, a folder: {size:,} bytes of tensors, and README.md on how to load them")
    elif options.quantise:
        usual = _usual_target(asked.label, "onnx") if options.out is None else target
        _export_quantised(params, run, predictor, target, metadata, whole_target=usual)
    else:
        exported = write_onnx(predictor.config, predictor.network, target, metadata)
        _say_all(exported)
        say(f"written: {_short(target)}, {exported.num_bytes:,} bytes")


def _export_quantised(
    params: "Params", run: str, predictor: "Predictor", target: Path, metadata: dict[str, str], *, whole_target: Path
) -> None:
    """Export with 32 bits beside the target, then with 8, and keep what is worth it."""
    validation, training = _measured_on(params, run, predictor)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        whole = Path(folder) / "whole.onnx"
        _say_all(write_onnx(predictor.config, predictor.network, whole, metadata))
        with Progress("examples") as progress:
            found = write_quantised(predictor.config, whole, target, validation, training, progress=progress)
        if found.reason:
            target = whole_target
            whole.replace(target)
            say(f"note: {found.reason}")
        else:
            say(
                f"{found.before.name} on {pluralise(len(validation.labels), 'validation example')}: "
                f"{found.before.text()} with 32 bits, {found.after.text()} with 8 ({found.method})"
            )
    before = "" if found.reason else f", {found.num_bytes_before:,} with 32 bits"
    say(f"written: {_short(target)}, {found.num_bytes:,} bytes{before}")


def _measured_on(params: "Params", run: str, predictor: "Predictor") -> "tuple[Split, Split]":
    """The validation and the training split of a run."""
    block = params.runs.get(run)
    if block is None:
        raise UserError(
            f"--quantise measures on the validation split, and params.yaml has no run {run!r} and so no data of it: "
            "leave it out"
        )
    folder = paths.prepared(block.dataset)
    if not (folder / "dataset.json").exists():
        raise UserError(
            f"--quantise measures on the validation split, and {folder} does not exist. Make it with "
            f"`saccade preprocess {block.dataset}`"
        )
    info, spec = read_dataset_info(folder), predictor.spec
    if (spec.shape, spec.classes, spec.targets) != (info.spec.shape, info.spec.classes, info.spec.targets):
        raise UserError(
            f"{folder} holds other examples or classes than {run} was trained on; train it again: "
            f"`saccade repro evaluate@{run}`"
        )
    if not info.counts["validation"]:
        raise UserError(f"--quantise measures on the validation split, and {folder} has none: leave it out")
    return open_split(folder, "validation"), open_split(folder, "train")


def _usual_target(run: str, form: str) -> Path:
    return Path("models") / f"{run}{_ENDINGS[form]}"


def _target(run: str, options: ExportOptions) -> Path:
    """The file, or the folder, that is written."""
    is_file = options.format == "onnx"
    target = options.out or _usual_target(run, "int8" if options.quantise else options.format)
    if is_file and target.is_dir():
        raise UserError(f"--out ({target}) must be a file, but it is a folder: add a name, {target / run}.onnx")
    if not is_file and target.exists() and not (target / "network.txt").is_file():
        raise UserError(
            f"--out ({target}) must be a folder that `saccade export` wrote, or be free: what is there is not replaced"
        )
    if not target.parent.is_dir():
        raise UserError(f"--out ({target}) must lie in a folder that is there: make it with `mkdir -p {target.parent}`")
    return target


def facts_of(asked: AskedNetwork) -> RunFacts:
    """What is known of a run besides its network, from its bundle and its record.

    Args:
        asked: where both lie, and how files are read for it.

    Returns:
        What its files say; of a run without a record, little.

    Raises:
        UserError: the weights are others than were trained.
    """
    bundle, report = asked.found.bundle, asked.found.record
    found, trained = weights_sha256(bundle), asked.found.recorded_run()
    expected = trained.get("weights_sha256", found)
    if found != expected and trained.get("identity") == read_config(bundle).identity:
        raise UserError(
            f"{bundle} holds other weights than were trained ({found[:12]}, {report / 'run.json'} says "
            f"{expected[:12]}): `dvc checkout -f {bundle}` restores them"
        )
    is_of_run = found == expected
    threshold, warning = reported_threshold(asked.label, bundle, report)
    if warning:
        warn(warning)
    return RunFacts(
        run=asked.label,
        bundle=(bundle / "bundle.json").read_text(encoding="utf-8"),
        weights_sha256=found,
        metrics=_read_json(report / "metrics.json") if is_of_run else {},
        reject_threshold=threshold,
        dataset=asked.dataset or str(trained.get("dataset", "")),
        source=asked.source_name,
        arrays=trained.get("data", {}) if is_of_run else {},
        reading=reading_values(asked.source, asked.preprocess, asked.holds) if asked.source_name else {},
    )


def _say_all(exported: Exported) -> None:
    """Say what was proven of a file, and what it cannot do."""
    axes = "batch and time are free" if exported.has_any_length else "batch is free"
    say(f"{exported.parity.sentence()}; {axes}")
    for note in exported.notes:
        say(f"note: {note}")


def _read_json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _short(path: Path) -> Path:
    """A path as it is typed from the root of the tree, where it lies in it."""
    return Path(os.path.relpath(path)) if path.is_absolute() and path.is_relative_to(Path.cwd()) else path
