"""An ONNX file of a quarter the size: weights of 8 bits, where the answers on the validation split stay as good.

Shapes: N examples.
"""

import json
import logging
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from saccade.bundle.bundle import NetworkConfig
from saccade.core.errors import UserError
from saccade.core.files import replacing_file
from saccade.core.progress import Progress, no_progress
from saccade.data.prepared import Split
from saccade.export.onnx_file import PARITY_KEY
from saccade.export.optional_packages import onnx
from saccade.export.parity import OnnxSession
from saccade.export.scores import Score, score_of

MAX_FALL = 0.005  # of a share that is right: half a point
MAX_RISE = 0.01  # of an error, as a share of it
_WORTH_IT = 0.9  # of the size; what saves less is left alone
_LARGE_CONVOLUTIONS = 2**16  # weights of all of them
_CALIBRATED_ON = 128  # examples of the training split


@dataclass(frozen=True)
class Quantised:
    """What became of a file.

    Attributes:
        method: dynamic, static, or none where it was left alone.
        num_bytes: size of the file with 8 bits; where it was left alone, of that with 32.
        num_bytes_before: size of the file with 32 bits.
        before: score of the file with 32 bits on the validation split.
        after: score with 8 bits; where it was left alone, the same as before.
        reason: why it was left alone; empty where it was not.
    """

    method: str
    num_bytes: int
    num_bytes_before: int
    before: Score
    after: Score
    reason: str = ""


def write_quantised(
    config: NetworkConfig,
    source: Path,
    target: Path,
    validation: Split,
    training: Split,
    *,
    progress: Progress = no_progress,
) -> Quantised:
    """Write a file with 8 bits in place of 32, if that saves anything and costs nearly nothing.

    What flows between layers is rounded as it comes ("dynamic"), or by its range in examples of the training split
    ("static"). Of both, the one that suits the network is tried first, and the other where that costs too much.

    Args:
        config: config of the network.
        source: the ONNX file with 32 bits.
        target: file to write.
        validation: split on which both are measured.
        training: split whose first examples calibrate.
        progress: called as the work goes on.

    Returns:
        What became of it; where it was left alone, nothing is written.

    Raises:
        UserError: 8 bits cost more than half a point of accuracy, or raise the error by more than 1 %.
    """
    before = score_of(config, OnnxSession(str(source)).answers_of, validation, progress=progress)
    size = source.stat().st_size
    model = onnx().load(str(source))
    metadata = {each.key: each.value for each in model.metadata_props if each.key != PARITY_KEY}  # of 32 bits
    scores: list[Score] = []
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        made = Path(folder) / "made.onnx"
        for method in methods_for(model):
            with _quiet():
                (_static if method == "static" else _dynamic)(source, made, training)
            if made.stat().st_size > _WORTH_IT * size:
                saved = max(0.0, 1 - made.stat().st_size / size)
                reason = f"8 bits would save {saved:.0%} of it, for recurrent layers keep 32: the file is left as it is"
                return Quantised("none", size, size, before, before, reason)
            after = score_of(config, OnnxSession(str(made)).answers_of, validation, progress=progress)
            scores.append(after)
            if is_as_good(before, after):
                how = {"method": method, "score": before.name, "before": before.value, "after": after.value}
                _put_in_place(made, target, {**metadata, "saccade.quantised": json.dumps(how)})
                return Quantised(method, target.stat().st_size, size, before, after)
    best = (max if before.larger_is_better else min)(scores, key=lambda score: score.value)
    allowed = "half a point" if before.larger_is_better else f"{MAX_RISE:.0%}"
    raise UserError(
        f"weights of 8 bits cost too much: {before.name} on the validation split goes from {before.text()} to "
        f"{best.text()}, and {allowed} is allowed; nothing was written. Leave --quantise out"
    )


def methods_for(model: Any) -> tuple[str, str]:
    """In which order the two ways are tried.

    In onnxruntime on one thread, ResNet-9 took 0.21 of the time of 32 bits with measured ranges, and 1.5 of it without;
    LeNet-5, whose convolutions have 2,550 weights, 2.3 and 1.3.

    Args:
        model: ONNX model with 32 bits.

    Returns:
        static first where most of the work is in large convolutions, else dynamic first.
    """
    sizes = {each.name: math.prod(each.dims) for each in model.graph.initializer}
    weights = sum(sizes.get(node.input[1], 0) for node in model.graph.node if node.op_type == "Conv")
    return ("static", "dynamic") if weights >= _LARGE_CONVOLUTIONS else ("dynamic", "static")


def is_as_good(before: Score, after: Score) -> bool:
    """Whether what is lost is within what is allowed.

    Args:
        before: score with 32 bits.
        after: score with 8 bits.

    Returns:
        True if accuracy falls by less than half a point, or the error rises by less than 1 %.
    """
    if before.larger_is_better:
        return before.value - after.value < MAX_FALL
    return after.value <= before.value * (1 + MAX_RISE)


def _put_in_place(made: Path, target: Path, metadata: dict[str, str]) -> None:
    model = onnx().load(str(made))
    model.ClearField("metadata_props")
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx().checker.check_model(model)
    with replacing_file(target) as partial:
        partial.write_bytes(model.SerializeToString(deterministic=True))


def _dynamic(source: Path, made: Path, training: Split) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # unsigned: onnxruntime's convolutions over integers take no signed weights
    quantize_dynamic(source, made, weight_type=QuantType.QUInt8)


def _static(source: Path, made: Path, training: Split) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Calibration(CalibrationDataReader):
        """The first examples of the training split, one after the other."""

        def __init__(self) -> None:
            self._rows: Iterator[int] = iter(range(min(_CALIBRATED_ON, len(training.labels))))

        def get_next(self) -> dict[str, np.ndarray] | None:
            row = next(self._rows, None)
            return None if row is None else {"examples": np.array(training.examples[row : row + 1])}

    quantize_static(
        source,
        made,
        Calibration(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """onnxruntime's advice on how to prepare a model is left out."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)
