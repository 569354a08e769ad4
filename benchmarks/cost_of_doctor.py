"""What it costs that training measures its layers: with the vital signs and without, in turn.

    python benchmarks/cost_of_doctor.py

Whole trainings of ``saccade.training.fit``, validation included, as the recipes have them: LeNet-5 on digits (the
stage's own sizes), the row LSTM on 28x28, ResNet-9 on 32x32x3. On the CPU the time is the processor's, of one thread,
so that other work on the machine counts less, and the clock's beside it; on a GPU it is the clock's. Besides time with
by time without, the share of the time with that passes inside of the measuring, which is the steadier figure.
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

from saccade import devices, optimizers, registry, vital_signs
from saccade.inputs import ImageInput
from saccade.losses import cross_entropy
from saccade.spec import Spec
from saccade.training import LabelledArrays, TrainingState, fit

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

    def of_update(self, number: int) -> contextlib.AbstractContextManager[None]:
        """Nothing around the update."""
        return contextlib.nullcontext()

    def of_activations(self, network: nn.Module) -> contextlib.AbstractContextManager[None]:
        """Nothing around the validation."""
        return contextlib.nullcontext()

    def measure_over_time(self, *_: Any) -> None:
        """Nothing after it."""

    def read(self) -> list[dict[str, Any]]:
        """No rows."""
        return []


class Timed:
    """Measures as ``signs`` does, and how long that takes; the network's own work inside of its blocks does not count.

    Args:
        signs: of a training state.
        clock: in seconds; waits for the device.
    """

    def __init__(self, signs: Any, clock: Callable[[], float]) -> None:
        self._signs, self._clock = signs, clock
        self.spent_s = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._signs, name)
        if not callable(found):
            return found
        return self._around if name in ("of_update", "of_activations") else lambda *values: self._timed(found, *values)

    def _timed(self, function: Callable[..., Any], *values: Any) -> Any:
        started_at = self._clock()
        result = function(*values)
        self.spent_s += self._clock() - started_at
        return result

    @contextlib.contextmanager
    def _around(self, subject: Any) -> Iterator[None]:
        method = self._signs.of_update if isinstance(subject, int) else self._signs.of_activations
        block, note = method(subject), vital_signs._ReluWatch._note
        vital_signs._ReluWatch._note = lambda watch, output: self._timed(note, watch, output)  # type: ignore[method-assign]
        self._timed(block.__enter__)
        yield
        self._timed(block.__exit__, None, None, None)
        vital_signs._ReluWatch._note = note  # type: ignore[method-assign]


def main() -> None:
    """Parse the command line, measure, print."""
    options = parser_of(__doc__, pairs=5).parse_args()
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        for title, case in CASES.items():
            measure(f"{title}, {device}", smaller(case) if options.quick else case, torch.device(device), options)


def smaller(case: Case) -> Case:
    """Just enough to see that it runs."""
    return replace(case, examples=2 * case.batch_size, validation=8, epochs=1)


def measure(title: str, case: Case, device: torch.device, options: Any) -> None:
    """With, without, with, ...; then print both figures."""
    with_signs: list[tuple[float, float]] = []
    without: list[tuple[float, float]] = []
    inside: list[float] = []
    for number in range(1 if options.quick else options.pairs):
        order = (True, False) if number % 2 else (False, True)
        taken = {watched: train(case, device, watched=watched) for watched in order}
        with_signs.append(taken[True][:2])
        without.append(taken[False][:2])
        whole_s, _, inside_s = train(case, device, watched=True, timed=True)
        inside.append(inside_s / whole_s)
        tell(f"  {title}: {taken[True][0]:.3f} s with, {taken[False][0]:.3f} s without; {inside[-1]:.2%} inside")
    peer = "without the measuring"
    for at, name in enumerate((title, f"{title}, by the clock")[: 2 if device.type == "cpu" else 1]):
        target = ("at most", MOST) if at == 0 else None
        report(name, "s", [s[at] for s in with_signs], [s[at] for s in without], peer=peer, target=target)
    share = [statistics.median(inside)]
    report(f"{title}: share spent inside", "", share, target=("at most", MOST - 1), note="median")


def train(case: Case, device: torch.device, *, watched: bool, timed: bool = False) -> tuple[float, float, float]:
    """One training: its time, the same by the clock, and how much passed in the measuring, when that is timed."""
    torch.set_num_threads(1)
    devices.set_deterministic(True)
    torch.manual_seed(0)
    spec = Spec("image", (case.side, case.side, case.channels), tuple("0123456789"))
    model = registry.module("models", case.model).build(spec, **case.arguments)
    network = devices.place(nn.Sequential(ImageInput([0.5] * case.channels, [0.25] * case.channels), model), device)
    state = TrainingState(network, optimizers.build("adam", network, lr=0.001))

    def clock() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
            return time.perf_counter()
        return time.process_time()

    signs: Any = state.signs if watched else Blind(state.signs.sums)
    state.signs = Timed(signs, clock) if timed else signs  # type: ignore[assignment]
    started_at, clock_started_at = clock(), time.perf_counter()
    for _ in fit(
        state,
        examples(case, case.examples),
        examples(case, case.validation),
        loss=cross_entropy,
        schedule=lambda step: 1.0,
        lr=0.001,
        epochs=case.epochs,
        batch_size=case.batch_size,
        clip_norm=None,
        device=device,
        precision=devices.resolve_precision("auto", device),
        seed=0,
    ):
        pass
    spent_s = state.signs.spent_s if isinstance(state.signs, Timed) else 0.0
    return clock() - started_at, time.perf_counter() - clock_started_at, spent_s


def examples(case: Case, count: int) -> LabelledArrays:
    """Noise, with labels in turn."""
    random = torch.Generator().manual_seed(0)
    shape = (1, count, case.side, case.side, case.channels)
    return LabelledArrays(torch.randint(0, 256, shape, generator=random, dtype=torch.uint8), torch.arange(count) % 10)


if __name__ == "__main__":
    main()
