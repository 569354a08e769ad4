"""An exported network in a file: opened with onnxruntime alone, its metadata read, what cannot be used refused."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from saccade.bundle.config import FORMATS, NetworkConfig, from_values
from saccade.core import registry
from saccade.core.cpu import usable_cores
from saccade.core.errors import UserError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FORMAT = "1"  # of the metadata that this saccade reads
_EXPORT = "`saccade export RUN`"
_INPUT = "examples"
_ELEMENTS = {
    "image": "tensor(uint8)",
    "tokens": "tensor(int32)",
    "series": "tensor(float)",
    "vector": "tensor(float)",
}
_OTHER_THINGS = {  # first bytes of what is called .onnx by mistake
    b"PK\x03\x04": "an archive, such as torch and Keras save",
    b"<": "a page, such as a server sends in place of a file",
    b"version https://git-lfs": "a pointer of Git LFS: `git lfs pull` fetches the file itself",
    b"\x1f\x8b": "compressed: unpack it with gunzip",
    b"\x89HDF": "HDF5, such as Keras saves",
    b"{": "JSON",
}


@dataclass(frozen=True)
class OnnxFile:
    """An exported network, ready to be run.

    Attributes:
        path: the file.
        session: what runs it.
        config: what the network was built from; its weights, normalisation and temperature are in the file.
        run: name of the run that it was exported from.
        weights_sha256: SHA-256 that names the weights of that run's bundle.
        metrics: metrics of its evaluation; empty where there was none.
        unsure_below: confidence below which an answer is unsure; None where none was measured.
        data: what it was trained on: name, digests, licence where known.
        source: arguments of the dataset's source that say how files are read, such as columns; empty where not known.
        preprocess: ``preprocess:`` of the dataset; empty where it is not known.
        holds: what a file of the source holds, where that is several examples; empty: one.
    """

    path: Path
    session: "InferenceSession"
    config: NetworkConfig
    run: str
    weights_sha256: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    unsure_below: float | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    holds: str = ""

    @property
    def steps(self) -> int | None:
        """The number of time steps that every example must have; None where it is free, or there is no time."""
        if self.config.spec.layout not in ("tokens", "series"):
            return None
        dimension = self.session.get_inputs()[0].shape[1]
        return dimension if isinstance(dimension, int) else None


def open_onnx(path: str | Path) -> OnnxFile:
    """Open a file that ``saccade export`` wrote.

    Args:
        path: the file.

    Returns:
        What runs it, and what it says of itself.

    Raises:
        UserError: onnxruntime is missing; there is no such file; it is no ONNX file, or a damaged one; another program
            wrote it; or a newer saccade did.
    """
    path = Path(path)
    session = _session(path)
    meta = session.get_modelmeta()
    found = meta.custom_metadata_map
    if "saccade.format" not in found:
        maker = meta.producer_name or "a program that does not say its name"
        raise UserError(
            f"{path} was written by {maker}, not by {_EXPORT}: it does not say which examples it takes and what its "
            "answers mean. Export a run, or ask it with onnxruntime itself"
        )
    if found["saccade.format"] != FORMAT:
        raise UserError(
            f"{path} has saccade.format ({found['saccade.format']}), and this saccade reads {FORMAT}: take a newer "
            f"saccade, or export it anew with {_EXPORT} of this one"
        )
    try:
        return _described(path, session, found)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UserError(
            f"{path} is damaged: its metadata do not fit ({reason}). Export it anew with {_EXPORT}"
        ) from error


def _described(path: Path, session: "InferenceSession", found: Mapping[str, str]) -> OnnxFile:
    bundle = json.loads(found["saccade.bundle"])
    number = bundle.pop("format")
    if number not in FORMATS:
        raise UserError(
            f"{path} holds a network of format {number}, and this saccade reads {', '.join(map(str, FORMATS))}: take "
            f"a newer saccade, or export it anew with {_EXPORT} of this one"
        )
    config = from_values(bundle)
    _require_known(path, "kind of data", config.spec.kind, "kinds")
    _require_known(path, "task", config.task, "tasks")
    threshold = found.get("saccade.reject_threshold")
    reading = _read_object(found, "saccade.reading")
    file = OnnxFile(
        path,
        session,
        config,
        run=found.get("saccade.run", path.stem),
        weights_sha256=found.get("saccade.weights_sha256", ""),
        metrics=_read_object(found, "saccade.metrics"),
        unsure_below=None if threshold is None else float(threshold),
        data=_read_object(found, "saccade.data"),
        source=dict(reading.get("source", {})),
        preprocess=dict(reading.get("preprocess", {})),
        holds=str(reading.get("holds", "")),
    )
    _check_graph(file)
    return file


def _require_known(path: Path, what: str, name: str, folder: Literal["kinds", "tasks"]) -> None:
    """Refuse what somebody has added to another saccade: a file names it and does not bring it."""
    known = registry.names(folder)
    if name not in known:
        raise UserError(
            f"{path} is of the {what} {name!r}, which this saccade does not have: it has {', '.join(known)}. Ask it "
            f"where it was exported, or copy src/saccade/{folder}/{name} from there"
        )


def _read_object(found: Mapping[str, str], key: str) -> Mapping[str, Any]:
    value = json.loads(found.get(key, "{}"))
    if not isinstance(value, dict):
        raise ValueError(f"{key} must be an object")
    return value


def _check_graph(file: OnnxFile) -> None:
    """Compare what the network takes and gives with what the metadata say."""
    spec, session = file.config.spec, file.session
    (given,), (answer, *_) = session.get_inputs(), session.get_outputs()
    inside = given.shape[1:] if spec.layout in ("image", "vector") else given.shape[2:]
    expected = list(spec.shape) if spec.layout in ("image", "vector") else list(spec.shape[1:])
    if given.name != _INPUT or given.type != _ELEMENTS[spec.layout] or list(inside) != expected:
        raise ValueError(
            f"the network takes {given.name} {given.type} {given.shape}, and {spec.plural} of shape {spec.shape} are "
            f"{_ELEMENTS[spec.layout]}"
        )
    name = "values" if not spec.classes and spec.output == "per_example" else "probabilities"
    if answer.name != name or answer.shape[-1] != spec.num_outputs:
        raise ValueError(f"the network gives {answer.name} {answer.shape}, and {name} of {spec.num_outputs} are said")


def _session(path: Path) -> "InferenceSession":
    if not path.is_file():
        what = "but is a folder" if path.is_dir() else "but there is none"
        raise UserError(f"{path} must be a file that {_EXPORT} wrote, {what}")
    try:
        import onnxruntime
    except ImportError:
        raise UserError(
            f"{path} takes onnxruntime to run, which is not installed: pip install onnxruntime (or 'saccade[onnx]', "
            "which brings what exports, too)"
        ) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what it would print is in the exception
    options.intra_op_num_threads = usable_cores()  # its own count takes no notice of those it may not use
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no class of their own
        raise UserError(_why_not(path, " ".join(str(error).split()))) from error


def _why_not(path: Path, reason: str) -> str:
    """What is wrong with a file that onnxruntime does not open, and what to do."""
    size = path.stat().st_size
    if size == 0:
        return f"{path} is empty. Export it anew with {_EXPORT}, or copy it again"
    with path.open("rb") as file:
        beginning = file.read(64)
    for signature, what in _OTHER_THINGS.items():
        if beginning.lstrip(b"\xef\xbb\xbf \r\n").startswith(signature):
            return f"{path} is no ONNX file, but {what}. Give one that {_EXPORT} wrote"
    if "xternal" in reason:
        named = re.search(r'does not exist: "?([^"]+)', reason)
        name = Path(named[1]).name if named else "a second file"
        return f"{path} keeps its weights in {name}, which must lie beside it, and does not: copy both"
    if "opset" in reason.lower() or "IR_VERSION" in reason or "IR version" in reason:
        return (
            f"{path} is of a newer ONNX than this onnxruntime runs: `pip install --upgrade onnxruntime` "
            f"({reason[-160:]})"
        )
    if not beginning.startswith(b"\x08"):  # every ONNX file begins with the version of its form
        return f"{path} is no ONNX file. Give one that {_EXPORT} wrote"
    if expected := _expected_size(path):
        return f"{path} was cut off: it has {size:,} bytes and must have {expected:,} at least. Copy it again"
    return f"{path} is damaged, or holds what this onnxruntime does not run ({reason[-160:]}). Copy or export it again"


def _expected_size(path: Path) -> int:
    """Bytes that a file must have at least by the lengths in it, where it has fewer; else 0.

    An ONNX file is a protocol buffer: fields one behind the other, each a number, or a length and so many bytes.
    """
    size = path.stat().st_size
    with path.open("rb") as file:

        def varint() -> int:
            value = shift = 0
            while byte := file.read(1):
                value |= (byte[0] & 0x7F) << shift
                shift += 7
                if byte[0] < 0x80 or shift > 63:
                    break
            return value

        while file.tell() < size:
            match varint() & 7:
                case 0:
                    varint()
                case 1:
                    file.seek(8, 1)
                case 2:
                    file.seek(varint(), 1)
                case 5:
                    file.seek(4, 1)
                case _:
                    return 0  # no field begins so: it is damaged in another way
        return file.tell() if file.tell() > size else 0
