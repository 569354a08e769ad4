"""Whether an exported file answers as the network does, in torch and in onnxruntime side by side.

Shapes: N examples, K classes, O numbers to predict.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from saccade.bundle.bundle import NetworkConfig
from saccade.bundle.outputs import per_target
from saccade.core.errors import UserError
from saccade.export.answering import output_name
from saccade.export.example_shapes import Examples
from saccade.export.optional_packages import onnxruntime

TOLERANCE = 1e-5  # of probabilities; of numbers, in units of their standard deviation and of themselves


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


def compare(
    config: NetworkConfig, network: nn.Module, session: OnnxSession, batches: Sequence[Examples]
) -> list[Compared]:
    """Ask both about batches.

    Args:
        config: config of the network.
        network: the ``AnsweringNetwork`` in torch, in evaluation mode, on the CPU.
        session: exported file.
        batches: what both are asked.

    Returns:
        One comparison a batch, in their order.
    """
    return [
        Compared(each.name, each.stored.shape, _difference(config, network, session, each.stored)) for each in batches
    ]


@torch.no_grad()
def _difference(config: NetworkConfig, network: nn.Module, session: OnnxSession, stored: np.ndarray) -> float:
    expected = network(torch.from_numpy(stored)).numpy()
    found = session.answers_of(stored)
    if found.shape != expected.shape:
        raise UserError(f"the exported file answers {found.shape} where torch answers {expected.shape}")
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


def require_parity(compared: Sequence[Compared]) -> Compared:
    """Refuse a file that does not answer as the network.

    Args:
        compared: all batches.

    Returns:
        The batch with the largest difference.

    Raises:
        UserError: it is above ``TOLERANCE``.
    """
    worst = max(compared, key=lambda each: each.difference)
    if not worst.difference <= TOLERANCE:
        shape = "x".join(map(str, worst.shape))
        raise UserError(
            f"the ONNX file answers otherwise than torch: {worst.name} ({shape}) is off by {worst.difference:.2g}, and "
            f"{TOLERANCE:g} is allowed; nothing was written. `--format safetensors` takes the weights alone"
        )
    return worst
