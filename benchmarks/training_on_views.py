"""Training on stored views against training on the originals alone: examples a second of ``saccade.train.loop.fit``.

    python benchmarks/training_on_views.py

Both read memory-mapped files: ``stored_views.write_views`` has made four views of generated images, and epoch e
reads view (e - 1) mod 4; the originals are the images themselves, read in every epoch. Two networks of the same first
weights train in one process, an epoch of the one, an epoch of the other, whichever is first changing from pair to pair;
what slows the machine for a while slows both. The first pair is not counted. Processor time, of this process, is much
the same on a machine that does other work as well.
"""

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from figures import report, tell
from torch import nn
from workbench import parser_of

from saccade.augment.policies import resolve_transforms
from saccade.augment.stored_views import write_views
from saccade.batching.arrays import LabelledArrays
from saccade.batching.batches import Batches
from saccade.bundle.inputs import ImageInput
from saccade.core import devices, registry
from saccade.data.arrays import open_array, write_array
from saccade.data.spec import Spec
from saccade.optim import optimizers
from saccade.optim.losses import LOSSES
from saccade.optim.objective import Objective
from saccade.train.loop import FitSettings, fit
from saccade.train.state import EpochRecord, TrainingState

VIEWS, BATCH = 4, 128
LEAST_OF_ORIGINALS = 0.97


@dataclass(frozen=True)
class Case:
    """One model and its data.

    Attributes:
        model: a file of saccade/models.
        arguments: of its ``build``.
        side: of the images, pixels.
        channels: of the images.
        policy: of the views.
        examples: in an epoch.
    """

    model: str
    arguments: dict[str, Any]
    side: int
    channels: int
    policy: str
    examples: int


CASES = {
    "LeNet-5, 28x28": Case("lenet5", {"padding": 2}, 28, 1, "digits", 60_000),
    "ResNet-9 of width 16, 32x32x3": Case("resnet9", {"width": 16}, 32, 3, "cifar-standard", 4_096),
}


def main() -> None:
    """Parse the command line, measure, print."""
    options = parser_of(__doc__, pairs=8).parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    for title, case in CASES.items():
        with TemporaryDirectory(dir=options.work) as scratch:
            case = replace(case, examples=2 * BATCH) if options.quick else case
            compare(title, case, Path(scratch), 1 if options.quick else options.pairs)


def compare(title: str, case: Case, folder: Path, pairs: int) -> None:
    """Write the files; then an epoch on the views, an epoch on the originals, in turn."""
    shape = (case.examples, case.side, case.side, case.channels)
    write_array(folder / "images.npy", np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    transforms = resolve_transforms(case.policy, height=case.side, width=case.side)
    write_views(folder, folder / "images.npy", views=VIEWS, transforms=transforms, seed=0)
    trainings = {
        "views": epochs_on(open_array(folder / "train.npy"), case, pairs + 1),
        "originals": epochs_on(open_array(folder / "images.npy")[None], case, pairs + 1),
    }
    rates: dict[str, list[float]] = {side: [] for side in trainings}
    micros: dict[str, list[float]] = {side: [] for side in trainings}
    for pair in range(pairs + 1):
        for side in sorted(trainings, reverse=pair % 2 == 0):
            before_s = time.process_time()
            rates[side].append(next(trainings[side]).examples_per_s)
            micros[side].append((time.process_time() - before_s) / case.examples * 1e6)
        tell(f"  {title}: views {rates['views'][-1]:.0f}, originals {rates['originals'][-1]:.0f} examples/s")
    ours, theirs = (rates[side][1:] for side in ("views", "originals"))
    limit = ("at least", LEAST_OF_ORIGINALS)
    report(f"{title}, {VIEWS} stored views", "examples/s", ours, theirs, peer="the originals alone", target=limit)
    ours, theirs = (micros[side][1:] for side in ("views", "originals"))
    note = f"median {statistics.median(ours):.1f} µs"
    report(f"{title}, processor time an example", "µs", ours, theirs, peer="the originals alone", note=note)


def epochs_on(views: np.ndarray, case: Case, epochs: int) -> Iterator[EpochRecord]:
    """Train on the CPU; each record is measured when it is asked for."""
    torch.manual_seed(0)
    spec = Spec("image", (case.side, case.side, case.channels), tuple("0123456789"))
    model = registry.module("models", case.model).build(spec, **case.arguments)
    mean = [0.5] * case.channels
    network = devices.to_device(nn.Sequential(ImageInput(mean, mean), model), torch.device("cpu"))
    labels = torch.arange(case.examples) % len(spec.classes)
    stored = torch.from_numpy(views)
    return fit(
        TrainingState(network, optimizers.build("adam", network, lr=0.001)),
        Batches(LabelledArrays(stored, labels), BATCH, seed=0),
        LabelledArrays(stored[:1, :BATCH].clone(), labels[:BATCH]),
        Objective(LOSSES["cross_entropy"]),
        lambda step: 0.001,
        FitSettings(epochs),
    )


if __name__ == "__main__":
    main()
