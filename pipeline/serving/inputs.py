"""What a request holds, brought to what the network takes by the code that reads it for ``saccade predict``.

Nothing in a request is opened as a path, fetched as an address or unpickled.

Shapes: N inputs, H height, W width, C channels, T tokens or steps, F features.
"""

import base64
import binascii
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.serving.limits import Limits, RefusedError, shown
from pipeline.serving.request_body import Body, parse_files, parse_json
from pipeline.serving.served import Served
from saccade import kinds
from saccade.core.errors import UserError
from saccade.kinds.image.new_examples import Seen, read_image
from saccade.kinds.series.arrays import padded
from saccade.kinds.tokens.text.encode import read_texts

_PACKED = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"PK\x03\x04", "zip"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet"),
    (b"PAR1", "Parquet"),
)
_EXAMPLES = {
    "images": '{"images": ["<base64 of a file>"]}',
    "texts": '{"texts": ["..."]}',
    "series": '{"series": [[[0.1], [0.2]]]}, an input a list of steps, a step a list of numbers',
    "arrays": '{"arrays": [[...]]}',
    "files": "a form of files (curl -F image=@photo.jpg)",
}


@dataclass
class Given:
    """The inputs of a request.

    Attributes:
        stored: as in data/prepared, (N, ...).
        notes: lines on what was cut or scaled.
    """

    stored: np.ndarray
    notes: list[str] = field(default_factory=list)


def read_inputs(served: Served, body: Body, limits: Limits) -> Given:
    """Read all inputs of a request; where one is wrong, none is answered.

    Args:
        served: network that is asked.
        body: body of the request.
        limits: what it may cost.

    Returns:
        The inputs.

    Raises:
        RefusedError: something is wrong with it.
    """
    if body.is_form:
        if "files" not in served.inputs():
            raise RefusedError(415, f"{served.run} {served.does()}: send {_ways(served)}, not a form of files")
        files = parse_files(body, limits)
        names = [f"file {place + 1}" for place in range(len(files))]
        return (
            _read_images(served, names, files, limits)
            if served.spec.layout == "image"
            else _read_tables(served, names, files, limits)
        )
    key, inputs = _one_list(served, parse_json(body.content), limits)
    names = [f"{key}[{place}]" for place in range(len(inputs))]
    if key == "images":
        return _read_images(served, names, [_from_base64(*pair) for pair in zip(names, inputs, strict=True)], limits)
    if key == "texts":
        return _read_texts(served, names, inputs, limits)
    if key == "series":
        return _read_series(served, names, inputs, limits)
    return _read_arrays(served, inputs)


def _ways(served: Served) -> str:
    return " or ".join(_EXAMPLES[key] for key in served.inputs())


def _one_list(served: Served, found: dict[str, Any], limits: Limits) -> tuple[str, list[Any]]:
    """The only key of the object, and its list."""
    allowed = [key for key in served.inputs() if key != "files"]
    if len(found) != 1 or next(iter(found)) not in allowed:
        given = ", ".join(shown(key) for key in list(found)[:5]) or "none"
        raise RefusedError(
            400, f"the keys of the body ({given}) must be one of {', '.join(allowed)}: {served.run} {served.does()}"
        )
    key, inputs = next(iter(found.items()))
    if not isinstance(inputs, list) or not inputs:
        raise RefusedError(400, f"{key} ({shown(inputs)}) must be a list of at least one input: {_EXAMPLES[key]}")
    if len(inputs) > limits.inputs:
        raise RefusedError(
            413, f"{key} ({len(inputs):,} inputs) must hold at most {limits.inputs:,}: send the rest in another request"
        )
    return key, inputs


def _from_base64(name: str, text: Any) -> bytes:
    if not isinstance(text, str):
        raise RefusedError(400, f"{name} ({shown(text)}) must be text: a file's bytes in base64")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(
            400,
            f"{name} ({shown(text)}) must be a file's bytes in base64 and nothing else: no path or address is opened",
        ) from None


def _read_images(served: Served, names: Sequence[str], files: Sequence[bytes], limits: Limits) -> Given:
    seen = Seen()
    images = []
    for name, content in zip(names, files, strict=True):
        if not content:
            raise RefusedError(422, f"{name} must be a picture, but is empty")
        read = partial(read_image, served.spec, content, name=name, seen=seen, max_pixels=limits.pixels)
        images.append(_refusing(read, name))
    return Given(np.stack(images), seen.lines())


def _read_texts(served: Served, names: Sequence[str], texts: Sequence[Any], limits: Limits) -> Given:
    spec = served.spec
    for name, text in zip(names, texts, strict=True):
        if not isinstance(text, str):
            raise RefusedError(400, f"{name} ({shown(text)}) must be text: {served.run} {served.does()}")
        if len(text) > limits.characters:
            raise RefusedError(
                413, f"{name} ({len(text):,} characters) must have at most {limits.characters:,}: cut it"
            )
        try:
            text.encode()
        except UnicodeEncodeError:
            line = f"{name} holds half of a surrogate pair (\\ud800 to \\udfff): send whole letters"
            raise RefusedError(400, line) from None
    read = _refusing(lambda: read_texts(texts, spec), "")
    notes = []
    if read.cut:
        notes.append(f"read up to {spec.shape[0]:,} {spec.unit}: {', '.join(names[row] for row in read.cut)}")
    if unknown := sum(read.unknown):
        notes.append(f"{unknown:,} of {read.total:,} {spec.unit} are not in the vocabulary, and were read as unknown")
    return Given(read.tokens, notes)


def _read_series(served: Served, names: Sequence[str], series: Sequence[Any], limits: Limits) -> Given:
    longest, num_features = served.spec.shape
    is_cut = served.spec.is_padded or served.preprocess.get("length") is not None
    rows, cut = [], []
    for name, steps in zip(names, series, strict=True):
        values_TF = _numbers(name, steps, 2, "a list of steps, each a list of numbers")
        T = len(values_TF)
        if limits.steps < T:
            raise RefusedError(413, f"{name} ({T:,} steps) must have at most {limits.steps:,}: cut it")
        if values_TF.shape[1] != num_features:
            features = f" ({', '.join(map(shown, served.spec.features))})" if served.spec.features else ""
            raise RefusedError(
                422, f"{name} ({values_TF.shape[1]:,} numbers a step) must have {num_features:,}{features}"
            )
        if (longest > T and not served.spec.is_padded) or (longest < T and not is_cut):
            raise RefusedError(422, f"{name} ({T:,} steps) must have {longest:,}, as all had in training")
        if longest < T:
            cut.append(name)
        rows.append(padded(values_TF[:longest], longest))
    notes = [f"read up to step {longest:,}, as in training: {', '.join(cut)}"] if cut else []
    return Given(np.stack(rows), notes)


def _read_arrays(served: Served, inputs: Sequence[Any]) -> Given:
    spec = served.spec
    array = _numbers("arrays", inputs, 1 + len(spec.shape), f"numbers of the shape (N, {_sides(spec.shape)})")
    if array.shape[1:] != spec.shape:
        raise RefusedError(
            422, f"arrays (shape {_sides(array.shape)}) must have the shape (N, {_sides(spec.shape)}), as in training"
        )
    return Given(_refusing(lambda: kinds.from_array(spec, array), "arrays"))


def _sides(shape: Sequence[int]) -> str:
    return ", ".join(map(str, shape))


def _numbers(name: str, nested: Any, ndim: int, what: str) -> np.ndarray:
    """Nested lists of numbers as finite float32."""
    try:
        array = np.array(nested)
    except (ValueError, OverflowError, TypeError):
        raise RefusedError(400, f"{name} must be {what}, all of one length") from None
    if array.ndim != ndim or array.dtype.kind not in "iuf" or not array.size:
        raise RefusedError(400, f"{name} ({shown(nested)}) must be {what}")
    with np.errstate(over="ignore"):
        found = array.astype(np.float32)
    if not np.isfinite(found).all():
        raise RefusedError(422, f"{name} holds a number beyond 3.4e38, which float32 cannot: check its unit")
    return found


def _read_tables(served: Served, names: Sequence[str], files: Sequence[bytes], limits: Limits) -> Given:
    """Series as files, read as those of the dataset were; what they are called does not matter."""
    for name, content in zip(names, files, strict=True):
        packed = next((what for start, what in _PACKED if content.startswith(start)), None)
        if packed is not None:
            raise RefusedError(415, f"{name} is {packed}: send the table as plain text, such as CSV")
        if content.count(b"\n") > limits.steps:
            raise RefusedError(413, f"{name} must have at most {limits.steps:,} lines: cut it")
    with tempfile.TemporaryDirectory(prefix="saccade-serve-") as folder:
        paths = [f"file-{place + 1}.csv" for place in range(len(files))]
        for path, content in zip(paths, files, strict=True):
            (Path(folder) / path).write_bytes(content)
        reading = kinds.Reading(
            served.run,
            served.spec,
            paths,
            here=Path(folder),
            source=served.source,
            preprocess=served.preprocess,
            holds=served.holds,
        )
        found = _refusing(lambda: _read_all(reading), "")
    if len(found.stored) > limits.inputs:
        raise RefusedError(413, f"the files hold {len(found.stored):,} series, and at most {limits.inputs:,} are read")
    return found


def _read_all(reading: kinds.Reading) -> Given:
    examples = kinds.read_new(reading)
    arrays = []
    for batch in examples.batches:
        for one in batch:
            if isinstance(one.array, UserError):
                raise UserError(f"{one.name} {one.array}")
            arrays.append(one.array)
    return Given(np.stack(arrays).astype(np.float32), examples.warnings)


def _refusing(read: Callable[[], Any], name: str) -> Any:
    """What ``read`` returns; what is wrong with an input is refused, its name first."""
    try:
        return read()
    except (UserError, ValueError) as error:
        line = " ".join(str(error).split())
        raise RefusedError(422, f"{name} {line}".strip()) from error
