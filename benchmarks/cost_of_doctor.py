"""What it costs that training measures its layers: epochs with layer statistics and epochs without, in turn.

    python benchmarks/cost_of_doctor.py

Trainings of ``saccade.train.loop.fit``, validation included, in which every other epoch is measured: LeNet-5 on digits
(the stage's own sizes), the row LSTM on 28x28, ResNet-9 on 32x32x3. On the CPU the time is the processor's, of one
thread, so that other work on the machine counts less, and the clock's beside it; on a GPU it is the clock's. Of whole
trainings that are measured throughout, the share of the time that passes inside of the measuring: the steadier figure,
which holds the gradient over time, too.
"""

import contextlib
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import torch
from figures import report, tell
from torch import nn
from workbench import parser_of

from saccade.batching.arrays import LabelledArrays
from saccade.batching.batches import Batches
from saccade.bundle.inputs import ImageInput
from saccade.core import devices, registry
from saccade.data.spec import Spec
from saccade.optim import optimizers
from saccade.optim.losses import cross_entropy
from saccade.optim.objective import Objective
from saccade.train import layer_statistics
from saccade.train.loop import FitSettings, fit
from saccade.train.runtime import Runtime
from saccade.train.state import EpochRecord, TrainingState

MOST = 1.02


@dataclass(frozen=True)
class Case:
    """One training.

    Attributes:
        model: name of its file.
        arguments: of ``build``.
        side: of the images, pixels.
        channels: of the images.
        examples: to train on.
        validation: to validate on.
        batch_size: examples an update.
        epochs: how many.
    """

    model: str
    arguments: dict[str, Any]
    side: int
    channels: int
    examples: int
    validation: int
    batch_size: int
    epochs: int


CASES = {
    "LeNet-5 on digits, batch 64": Case("lenet5", {}, 32, 1, 1259, 269, 64, 24),
    "row LSTM 28 -> 128, batch 128": Case("lstm", {"hidden_size": 128}, 28, 1, 6000, 600, 128, 4),
    "ResNet-9 on 32x32x3, batch 64": Case("resnet9", {"width": 16}, 32, 3, 1280, 128, 64, 2),
}


class Blind:
    """Measures nothing."""

    def __init__(self, sums: torch.Tensor) -> None:
        self.sums = sums

    def begin_epoch(self) -> None:
        """Nothing to forget."""

    def begin_update(self, number: int) -> None:
        """Nothing before the update."""

    def end_update(self, before: None, gradient_norms: Any) -> None:
        """Nothing after it."""

    def measure_dead_relus(self, network: nn.Module) -> contextlib.AbstractContextManager[None]:
        """Nothing around the validation."""
        return contextlib.nullcontext()

    def measure_over_time(self, *_: Any) -> None:
        """Nothing after it."""

    def read(self) -> list[dict[str, Any]]:
        """No rows."""
        return []


class Alternating:
    """Measures in the epochs 1, 4, 5, 8, 9, ... and not in the others: each pair has both, in either order.

    Args:
        statistics: those of a training state.
    """

    def __init__(self, statistics: Any) -> None:
        self._both, self.epoch = (Blind(statistics.sums), statistics), 1

    @property
    def is_on(self) -> bool:
        """Whether this epoch is measured."""
        return self.epoch % 4 in (0, 1)

    def begin_epoch(self) -> None:
        """The next one."""
        self.epoch += 1
        self._both[1].begin_epoch()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._both[self.is_on], name)


class Timed:
    """Measures as ``statistics`` does, and for how long; the network's own work inside its blocks does not count.

    Args:
        statistics: those of a training state.
        clock: in seconds; waits for the device.
    """

    def __init__(self, statistics: Any, clock: Callable[[], float]) -> None:
        self._statistics, self._clock = statistics, clock
        self.spent_s = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._statistics, name)
        if not callable(found):
            return found
        return self._around if name == "measure_dead_relus" else lambda *values: self._timed(found, *values)

    def _timed(self, function: Callable[..., Any], *values: Any) -> Any:
        started_at = self._clock()
        result = function(*values)
        self.spent_s += self._clock() - started_at
        return result

    @contextlib.contextmanager
    def _around(self, network: nn.Module) -> Iterator[None]:
        block, note = self._statistics.measure_dead_relus(network), layer_statistics._ReluWatch._note
        layer_statistics._ReluWatch._note = lambda watch, output: self._timed(note, watch, output)  # type: ignore[method-assign]
        self._timed(block.__enter__)
        yield
        self._timed(block.__exit__, None, None, None)
        layer_statistics._ReluWatch._note = note  # type: ignore[method-assign]


def main() -> None:
    """Parse the command line, measure, print."""
    options = parser_of(__doc__, pairs=12).parse_args()
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        for title, case in CASES.items():
            measure(f"{title}, {device}", smaller(case) if options.quick else case, torch.device(device), options)


def smaller(case: Case) -> Case:
    """Just enough to see that it runs."""
    return replace(case, examples=2 * case.batch_size, validation=8, epochs=1)


def measure(title: str, case: Case, device: torch.device, options: Any) -> None:
    """With, without, without, with, ...; then print the figures."""
    pairs = 1 if options.quick else options.pairs
    state, clock = begun(case, device)
    state.layer_statistics = alternating = Alternating(state.layer_statistics)  # type: ignore[assignment]
    times: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    before = clock(), time.perf_counter()
    for record in trained(state, case, device, epochs=2 * pairs + 2):
        now = clock(), time.perf_counter()
        if record.epoch > 2:  # the first ones warm up
            times[record.epoch % 4 in (0, 1)].append((now[0] - before[0], now[1] - before[1]))
        before = clock(), time.perf_counter()
    assert alternating.epoch == 2 * pairs + 3
    for at, name in enumerate((title, f"{title}, by the clock")[: 2 if device.type == "cpu" else 1]):
        with_statistics, without = ([taken[at] for taken in times[is_on]] for is_on in (True, False))
        target = ("at most", MOST) if at == 0 else None
        report(f"{name}: an epoch", "s", with_statistics, without, peer="without the measuring", target=target)
    shares = [share_inside(case, device) for _ in range(1 if options.quick else 3)]
    tell(f"  {title}: {shares} inside")
    middle = [statistics.median(shares)]
    report(f"{title}: share spent inside", "", middle, target=("at most", MOST - 1), note="median of 3 trainings")


def share_inside(case: Case, device: torch.device) -> float:
    """Of the time of a training, how much passes in the measuring."""
    state, clock = begun(case, device)
    state.layer_statistics = timed = Timed(state.layer_statistics, clock)  # type: ignore[assignment]
    started_at = clock()
    for _ in trained(state, case, device, epochs=case.epochs):
        pass
    return timed.spent_s / (clock() - started_at)


def begun(case: Case, device: torch.device) -> tuple[TrainingState, Callable[[], float]]:
    """The state before the first update, and the clock of the device."""
    torch.set_num_threads(1)
    devices.set_deterministic(True)
    torch.manual_seed(0)
    spec = Spec("image", (case.side, case.side, case.channels), tuple("0123456789"))
    model = registry.module("models", case.model).build(spec, **case.arguments)
    network = devices.to_device(nn.Sequential(ImageInput([0.5] * case.channels, [0.25] * case.channels), model), device)

    def clock() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
            return time.perf_counter()
        return time.process_time()

    return TrainingState(network, optimizers.build("adam", network, lr=0.001)), clock


def trained(state: TrainingState, case: Case, device: torch.device, *, epochs: int) -> Iterator[EpochRecord]:
    """Train, epoch by epoch."""
    return fit(
        state,
        Batches(examples(case, case.examples), case.batch_size, seed=0, device=device),
        examples(case, case.validation),
        Objective(cross_entropy),
        lambda step: 0.001,
        FitSettings(epochs),
        Runtime(device, devices.resolve_precision("auto", device)),
    )


def examples(case: Case, count: int) -> LabelledArrays:
    """Noise, with labels in turn."""
    random = torch.Generator().manual_seed(0)
    shape = (1, count, case.side, case.side, case.channels)
    return LabelledArrays(torch.randint(0, 256, shape, generator=random, dtype=torch.uint8), torch.arange(count) % 10)


if __name__ == "__main__":
    main()
