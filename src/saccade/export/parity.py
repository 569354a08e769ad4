"""Whether an exported file answers as the network does, in torch and in onnxruntime side by side.

Shapes: N examples, K classes, O numbers to predict.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from saccade.bundle.bundle import NetworkConfig
from saccade.bundle.outputs import per_target
from saccade.core.errors import UserError
from saccade.export.answering import output_name
from saccade.export.example_shapes import Examples
from saccade.export.optional_packages import onnxruntime

TOLERANCE = 1e-5  # of probabilities; of numbers, in units of their standard deviation and of themselves
ROUNDING_RATIO = 2.0  # of the file's distance from 64 bits to that of torch's 32 bits
MAX_ROUNDING = 1e-4  # distance of the file from 64 bits, whatever torch's own is


@dataclass(frozen=True)
class Compared:
    """One batch that was answered twice.

    Attributes:
        name: what was tried with it.
        shape: shape of the batch.
        difference: the largest difference of two answers: of probabilities as they are; of numbers over the sum of
            their standard deviation and their own size.
    """

    name: str
    shape: tuple[int, ...]
    difference: float


class OnnxSession:
    """An exported file in onnxruntime, on one thread of the CPU.

    Args:
        model: path of the file, or its bytes.
    """

    def __init__(self, model: "str | bytes") -> None:
        options = onnxruntime().SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors; a warning tells what its optimiser did
        self._session = onnxruntime().InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def answers_of(self, stored: np.ndarray) -> np.ndarray:
        """The output for a batch of stored examples."""
        answers: np.ndarray = self._session.run(None, {"examples": stored})[0]
        return answers


@dataclass(frozen=True)
class Rounding:
    """How far answers with 32 bits lie from those of the same network with 64, over all batches.

    Attributes:
        file: largest difference of the file, measured as in ``Compared``.
        torch: largest difference of torch's own 32 bits.
    """

    file: float
    torch: float

    @property
    def explains(self) -> bool:
        """Whether the file rounds no worse than torch does, up to ``ROUNDING_RATIO``."""
        return self.file <= ROUNDING_RATIO * self.torch and self.file < MAX_ROUNDING


@dataclass(frozen=True)
class Parity:
    """Whether a file answers as its network does in torch.

    Attributes:
        compared: every batch that both were asked about.
        rounding: distances of both from 64 bits; None where they agree within ``TOLERANCE``, and it was not asked.
    """

    compared: list[Compared]
    rounding: Rounding | None = None

    @property
    def worst(self) -> Compared:
        """The batch whose answers differ most."""
        return max(self.compared, key=lambda each: each.difference)

    def sentence(self) -> str:
        """What was found, in one line."""
        worst, count = self.worst, len(self.compared)
        largest = f"largest difference {worst.difference:.1e} ({worst.name})"
        if self.rounding is None:
            return f"onnxruntime answers as torch does in {count} batches: {largest}"
        return (
            f"onnxruntime answers as torch does in {count} batches up to the rounding of 32 bits: {largest}; from 64 "
            f"bits the file is {self.rounding.file:.1e} off, torch {self.rounding.torch:.1e}"
        )

    def record(self) -> dict[str, Any]:
        """What was found, as plain values of two digits."""
        found: dict[str, Any] = {
            "batches": [list(each.shape) for each in self.compared],
            "difference": _two_digits(self.worst.difference),
        }
        if self.rounding is not None:
            found["from_64_bits"] = {name: _two_digits(value) for name, value in asdict(self.rounding).items()}
        return found


def _two_digits(value: float) -> float:
    return float(f"{value:.1e}")


def compare(config: NetworkConfig, network: nn.Module, session: OnnxSession, batches: Sequence[Examples]) -> Parity:
    """Ask both about batches; where they differ by more than ``TOLERANCE``, ask the network with 64 bits, too.

    Args:
        config: config of the network.
        network: the ``AnsweringNetwork`` in torch, in evaluation mode, on the CPU.
        session: exported file.
        batches: what both are asked.

    Returns:
        What was found of each batch, in their order.
    """
    file, torch_32 = [[ask(each.stored) for each in batches] for ask in (session.answers_of, _answers_of(network))]
    for found, expected in zip(file, torch_32, strict=True):
        if found.shape != expected.shape:
            raise UserError(f"the exported file answers {found.shape} where torch answers {expected.shape}")

    def differences(answers: list[np.ndarray], exact: list[np.ndarray]) -> list[float]:
        return [_difference(config, *pair) for pair in zip(answers, exact, strict=True)]

    compared = [
        Compared(each.name, each.stored.shape, difference)
        for each, difference in zip(batches, differences(file, torch_32), strict=True)
    ]
    if max(each.difference for each in compared) <= TOLERANCE:
        return Parity(compared)
    exact = list(
        map(_answers_of(copy.deepcopy(network).double(), in_double_precision), (one.stored for one in batches))
    )
    return Parity(compared, Rounding(max(differences(file, exact)), max(differences(torch_32, exact))))


@contextmanager
def in_double_precision() -> Iterator[None]:
    """What a network makes in its forward has 64 bits, as its weights do: ``float()``, and new tensors."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with _FloatIsDouble():
            yield
    finally:
        torch.set_default_dtype(usual)


class _FloatIsDouble(TorchFunctionMode):
    """``Tensor.float`` gives 64 bits."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return (torch.Tensor.double if func is torch.Tensor.float else func)(*args, **(kwargs or {}))


def _answers_of(network: nn.Module, mode: Callable[[], Any] = nullcontext) -> Callable[[np.ndarray], np.ndarray]:
    def answers_of(stored: np.ndarray) -> np.ndarray:
        with torch.no_grad(), mode():
            answers: np.ndarray = network(torch.from_numpy(stored)).numpy()
        return answers

    return answers_of


def _difference(config: NetworkConfig, found: np.ndarray, expected: np.ndarray) -> float:
    off = np.abs(found.astype(np.float64) - expected)
    if output_name(config) == "values":
        off = off / (_deviations(config, expected) + np.abs(expected))
    return float(np.nan_to_num(off, nan=np.inf).max())


def _deviations(config: NetworkConfig, expected_NO: np.ndarray) -> np.ndarray:
    """How far the numbers that are answered usually lie apart, above 0."""
    if config.target_std:
        return np.array(config.target_std)
    if config.spec.horizon:
        return np.array(per_target(config.spec, config.std))
    return np.maximum(expected_NO.std(axis=0), np.abs(expected_NO).max() + 1e-6)


def require_parity(parity: Parity) -> None:
    """Refuse a file that does not answer as the network.

    It does where they agree within ``TOLERANCE``. Deep networks may differ by more from rounding alone, and then the
    network with 64 bits decides: the file may lie ``ROUNDING_RATIO`` times as far from it as torch's own 32 bits.

    Args:
        parity: what was found.

    Raises:
        UserError: it answers otherwise.
    """
    worst, rounding = parity.worst, parity.rounding
    if rounding is None or rounding.explains:
        return
    shape = "x".join(map(str, worst.shape))
    raise UserError(
        f"the ONNX file answers otherwise than torch: {worst.name} ({shape}) is off by {worst.difference:.2g}, and "
        f"{TOLERANCE:g} is allowed; rounding does not explain it, for from 64 bits the file is {rounding.file:.2g} off "
        f"and torch {rounding.torch:.2g}; nothing was written. `--format safetensors` takes the weights alone"
    )
