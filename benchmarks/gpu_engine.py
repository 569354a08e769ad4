"""On CUDA, in bfloat16: examples a second of saccade's own training loop against a bare one.

    python benchmarks/gpu_engine.py

Needs torch, numpy and the library under src/, nothing else: it calls ``saccade.train.loop.fit`` on generated images in
memory. Each measurement is a process of its own, the sides take turns. Ours: the mean of ``examples_per_s`` over the
epochs, once with the default ``deterministic: true`` and once with ``false``. Bare: bare_loop.py, images in channels
last. The first epoch of both, in which cuDNN chooses its kernels, is not counted. Says so and ends where torch sees no
CUDA device.
"""

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from figures import report, report_skipped, tell

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

LEAST_OF_BARE = 0.95
SIDES = ("ours", "ours-not-deterministic", "bare")


@dataclass(frozen=True)
class Case:
    """One model and its data.

    Attributes:
        model: a file of saccade/models.
        arguments: of its ``build``.
        side: of the images, pixels.
        channels: of the images.
        batch_size: examples an update.
        steps: updates an epoch.
        epochs: that count.
    """

    model: str
    arguments: dict[str, Any]
    side: int
    channels: int
    batch_size: int
    steps: int = 400
    epochs: int = 5


CASES = {
    "LeNet-5, 28x28, batch 128": Case("lenet5", {"padding": 2}, 28, 1, 128),
    "LeNet-5, 28x28, batch 1024": Case("lenet5", {"padding": 2}, 28, 1, 1024),
    "ResNet-18, 32x32x3, batch 512": Case("resnet18", {"stem": "small"}, 32, 3, 512, steps=100),
    "row LSTM 28 -> 128, batch 128": Case("lstm", {"hidden_size": 128}, 28, 1, 128),
    "row LSTM 28 -> 128, batch 1024": Case("lstm", {"hidden_size": 128}, 28, 1, 1024),
}


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3, help="measurements of each side (default: 3)")
    parser.add_argument("--quick", action="store_true", help="tiny settings: does it run? The figures mean nothing")
    parser.add_argument("--device", default="cuda", help="cpu tries the script where there is no CUDA device")
    parser.add_argument("--work", type=Path, help="not used; every benchmark takes it")
    parser.add_argument("--measure", nargs=2, metavar=("SIDE", "CASE"), help="measure once and print examples a second")
    options = parser.parse_args()
    if options.measure:
        side, title = options.measure
        print(json.dumps(measure(side, sized(title, options.quick), options.device)))
    elif options.device == "cuda" and not has_cuda():
        report_skipped("everything", "torch sees no CUDA device")
    else:
        for title, case in CASES.items():
            if (ROOT / "src" / "saccade" / "models" / f"{case.model}.py").exists():
                compare(title, options)
            else:
                report_skipped(title, f"there is no model {case.model}")


def has_cuda() -> bool:
    """Whether torch sees a CUDA device."""
    import torch

    return torch.cuda.is_available()


def sized(title: str, quick: bool) -> Case:
    """The case, or just enough of it to see that it runs."""
    return replace(CASES[title], batch_size=16, steps=2, epochs=1) if quick else CASES[title]


def compare(title: str, options: argparse.Namespace) -> None:
    """The sides in turn; then print."""
    rates: dict[str, list[float]] = {side: [] for side in SIDES}
    for _ in range(1 if options.quick else options.pairs):
        for side, values in rates.items():
            answer = ask(side, title, options)
            if isinstance(answer, str):
                report_skipped(title, answer)
                return
            values.append(answer)
            tell(f"  {title}, {side}: {answer:,.0f} examples/s")
    for side in SIDES[:2]:
        setting = "deterministic" if side == "ours" else "deterministic: false"
        report(
            f"{title}, {setting}",
            "examples/s",
            rates[side],
            rates["bare"],
            peer="a bare loop",
            target=("at least", LEAST_OF_BARE),
        )


def ask(side: str, title: str, options: argparse.Namespace) -> float | str:
    """Measure in a process of its own: examples a second, or which module the model lacks there.

    Raises:
        SystemExit: it failed for another reason.
    """
    quick = ["--quick"] if options.quick else []
    command = [sys.executable, __file__, "--device", options.device, *quick, "--measure", side, title]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    if (reason := done.stderr.splitlines()[-1]).startswith("ModuleNotFoundError"):
        return reason
    raise SystemExit(f"{title}, {side} failed:\n{done.stderr}")


def measure(side: str, case: Case, device_name: str) -> float:
    """Examples a second of one side, the first epoch not counted."""
    import torch
    from bare_loop import train_bare

    device, examples = torch.device(device_name), case.batch_size * case.steps
    if side == "bare":
        sizes = {"side": case.side, "channels": case.channels, "examples": examples, "epochs": case.epochs + 1}
        settings = {"batch_size": case.batch_size, "device": device, "precision": "bfloat16"}
        rates = train_bare(case.model, case.arguments, **sizes, **settings)
    else:
        rates = train_ours(case, device, examples, deterministic=side == "ours")
    return statistics.mean(rates[1:])


def train_ours(case: Case, device: Any, examples: int, *, deterministic: bool) -> list[float]:
    """Examples a second of each epoch of ``saccade.train.loop.fit``."""
    import torch
    from torch import nn

    from saccade.batching.arrays import LabelledArrays
    from saccade.batching.batches import Batches
    from saccade.bundle.inputs import ImageInput
    from saccade.core import devices, registry
    from saccade.data.spec import Spec
    from saccade.optim import optimizers
    from saccade.optim.losses import LOSSES
    from saccade.optim.objective import Objective
    from saccade.train.loop import FitSettings, fit
    from saccade.train.runtime import Runtime
    from saccade.train.state import TrainingState

    devices.set_deterministic(deterministic)
    spec = Spec("image", (case.side, case.side, case.channels), tuple("0123456789"))
    model = registry.module("models", case.model).build(spec, **case.arguments)
    network = devices.to_device(nn.Sequential(ImageInput([0.5] * case.channels, [0.25] * case.channels), model), device)
    images = torch.randint(0, 256, (1, examples, *spec.shape), dtype=torch.uint8)
    labels, few = torch.arange(examples) % len(spec.classes), case.batch_size
    records = fit(
        TrainingState(network, optimizers.build("adam", network, lr=0.001)),
        Batches(LabelledArrays(images, labels), case.batch_size, seed=0, device=device),
        LabelledArrays(images[:, :few], labels[:few]),
        Objective(LOSSES["cross_entropy"]),
        lambda step: 0.001,
        FitSettings(case.epochs + 1),
        Runtime(device, "bfloat16"),
    )
    return [record.examples_per_s for record in records]


if __name__ == "__main__":
    main()
