"""How fast a trained network answers, and how large it is: what evaluation/speed.csv holds.

Seconds are those of this machine at this moment: from examples as they are stored to answers on the host, the median of
several calls after a first one that warms up. They are no metrics, for no second run gives the same ones.
"""

import csv
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from saccade.data.prepared import Split
from saccade.explain.architecture.memory import blank_batch
from saccade.explain.architecture.trace import count_macs
from saccade.predict.predictor import Predictor

BATCH_SIZES = (1, 64)
_LONG_S = 5.0  # of one call; a batch that would take longer is left out
_BUDGET_S = 0.2  # of the calls of a batch size together
_CALLS = (3, 50)  # at least and at most


@dataclass(frozen=True)
class Speed:
    """A network at one batch size.

    Attributes:
        batch_size: number of examples at once.
        seconds_an_example: median of the calls, divided by the batch size; None where it was not measured.
        calls: number of calls that were measured.
        device: device of the network, such as cpu or cuda.
        threads: number of threads that torch computes with on the CPU.
        parameters: number of numbers that the network has learnt, of all members of an ensemble.
        multiply_adds: multiply-adds of one example; of a text, one that fills the length of the prepared ones.
        megabytes: size of the weights, in 10^6 bytes.
        note: reason why a batch size was not measured.
    """

    batch_size: int
    seconds_an_example: float | None
    calls: int
    device: str
    threads: int
    parameters: int
    multiply_adds: int
    megabytes: float
    note: str = ""


def measure_speed(predictor: Predictor, examples: Split) -> list[Speed]:
    """Time a network on stored examples, alone and 64 at once.

    Args:
        predictor: the network.
        examples: at least one; fewer than 64 are taken again and again.

    Returns:
        One for each of ``BATCH_SIZES``.
    """
    model = predictor.network[1]
    weights = list(model.state_dict().values())
    about: dict[str, Any] = {
        "device": predictor.device.type,
        "threads": torch.get_num_threads(),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "multiply_adds": multiply_adds(predictor),
        "megabytes": sum(tensor.numel() * tensor.element_size() for tensor in weights) / 1e6,
    }
    found: list[Speed] = []
    for batch_size in BATCH_SIZES:
        expected = batch_size * (found[0].seconds_an_example or 0.0) if found else 0.0
        if expected > _LONG_S or (found and found[0].seconds_an_example is None):
            note = f"a batch would take about {expected:.2g} s" if expected else "one example takes too long"
            found.append(Speed(batch_size, None, 0, **about, note=note))
            continue
        rows = np.resize(np.arange(len(examples.rows)), batch_size)
        batch = Split(*(np.array(array[rows]) for array in (examples.examples, examples.labels, examples.rows)))
        seconds = _time(lambda batch=batch: predictor.answer_split(batch, len(batch.rows)))  # type: ignore[misc]
        median = statistics.median(seconds) / batch_size
        found.append(Speed(batch_size, median, len(seconds), **about))
    return found


def _time(call: Callable[[], object]) -> list[float]:
    """Seconds of each call after the first; answers lie on the host, so that a GPU has ended."""
    begun = time.perf_counter()
    call()
    first, seconds = time.perf_counter() - begun, list[float]()
    if first > _LONG_S:
        return [first]  # a long one is not much longer for being the first
    while len(seconds) < _CALLS[0] or (sum(seconds) < _BUDGET_S and len(seconds) < _CALLS[1]):
        begun = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begun)
    return seconds


def multiply_adds(predictor: Predictor) -> int:
    """Multiply-adds of one example, as ``saccade describe`` counts them.

    Args:
        predictor: the network.

    Returns:
        Number of them, over all members of an ensemble.
    """
    spec = predictor.spec
    shape = (spec.shape[2], *spec.shape[:2]) if spec.layout == "image" else spec.shape
    with torch.random.fork_rng(devices=[]):
        on_cpu = predictor.device.type == "cpu"
        network = predictor.network if on_cpu else predictor.config.build_network()  # cuDNN's LSTM is not taken apart
    x = torch.zeros(1, *shape) if spec.layout == "vector" else blank_batch(1, shape)  # one side: no tokens
    return count_macs(network[1].eval(), x)


def write_speed(path: Path, found: list[Speed]) -> None:
    """Write speed.csv, a line a batch size."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Speed)], lineterminator="\n")
        writer.writeheader()
        for each in found:
            numbers = {"seconds_an_example": each.seconds_an_example, "megabytes": each.megabytes}
            shown = {name: "" if value is None else f"{value:.4g}" for name, value in numbers.items()}
            writer.writerow(asdict(each) | shown)


def read_speed(path: Path) -> list[Speed]:
    """The lines of a speed.csv; nothing where there is none, as in reports of earlier versions."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Speed(
                batch_size=int(row["batch_size"]),
                seconds_an_example=float(row["seconds_an_example"]) if row["seconds_an_example"] else None,
                calls=int(row["calls"]),
                device=row["device"],
                threads=int(row["threads"]),
                parameters=int(row["parameters"]),
                multiply_adds=int(row["multiply_adds"]),
                megabytes=float(row["megabytes"]),
                note=row["note"],
            )
            for row in csv.DictReader(file)
        ]
