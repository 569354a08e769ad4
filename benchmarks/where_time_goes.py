"""Where the time of an update goes: torch's profiler over saccade's own loop, summed up by kind of work.

    python benchmarks/where_time_goes.py

Prints a table: LeNet-5 and the row LSTM on 28x28 (batch 128), ResNet-18 on 32x32x3 (batch 64), float32 on the CPU with
all threads; 20 updates each, after as many that are not counted; with ``--quick`` 2, to see that it runs.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import torch
from torch import nn
from torch.profiler import profile

from saccade.batching.arrays import LabelledArrays
from saccade.batching.batches import Batches
from saccade.bundle.inputs import ImageInput
from saccade.core import devices, registry
from saccade.data.spec import Spec
from saccade.optim import optimizers
from saccade.optim.losses import cross_entropy
from saccade.optim.objective import Objective
from saccade.train.loop import FitSettings, fit
from saccade.train.state import TrainingState

CPU = torch.device("cpu")
UPDATES = 20
CASES: dict[str, tuple[dict[str, Any], int, int, int]] = {  # model arguments, side, channels, batch size
    "lenet5": ({"padding": 2}, 28, 1, 128),
    "lstm": ({"hidden_size": 128}, 28, 1, 128),
    "resnet18": ({"stem": "small"}, 32, 3, 64),
}
KINDS = {  # the first whose words stand in an operation's name
    "convolution": ("convolution",),
    "pooling": ("pool",),
    "recurrent": ("rnn", "lstm"),
    "norm": ("batch_norm",),
    "linear": ("addmm", "aten::mm"),
    "activation": ("threshold", "clamp_min", "relu"),
    "data to input": ("index_select", "addcmul", "aten::to", "_to_copy"),
    "optimiser": ("sqrt", "lerp_", "mul_", "div_", "addcdiv", "addcmul_", "vector_norm"),
}


def main() -> None:
    """Parse the command line, profile each, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="tiny settings: does it run? The figures mean nothing")
    updates = 2 if parser.parse_args().quick else UPDATES
    print("| share of the CPU time | " + " | ".join(CASES) + " |\n|---|" + "---|" * len(CASES))
    columns = [shares(name, updates) for name in CASES]
    for kind in [*KINDS, "everything else"]:
        print(f"| {kind} | " + " | ".join(f"{column.get(kind, 0):.0%}" for column in columns) + " |")


def shares(name: str, updates: int) -> dict[str, float]:
    """Kind of work to its share of the time."""
    arguments, side, channels, batch_size = CASES[name]
    devices.set_deterministic(True)
    spec = Spec("image", (side, side, channels), tuple("0123456789"))
    model = registry.module("models", name).build(spec, **arguments)
    network = devices.to_device(nn.Sequential(ImageInput([0.5] * channels, [0.25] * channels), model), CPU)
    count = updates * batch_size
    images = torch.randint(0, 256, (1, count, side, side, channels), dtype=torch.uint8)
    labels = torch.arange(count) % 10
    records = fit(
        TrainingState(network, optimizers.build("adam", network, lr=0.001)),
        Batches(LabelledArrays(images, labels), batch_size, seed=0),
        LabelledArrays(images[:, :1], labels[:1]),
        Objective(cross_entropy),
        lambda step: 0.001,
        FitSettings(epochs=2),
    )
    next(records)
    with profile() as profiler:
        next(records)
    sums: dict[str, float] = {}
    for event in profiler.key_averages():
        kind = next((kind for kind, words in KINDS.items() if any(word in event.key for word in words)), None)
        sums[kind or "everything else"] = sums.get(kind or "everything else", 0) + event.self_cpu_time_total
    return {kind: value / sum(sums.values()) for kind, value in sums.items()}


if __name__ == "__main__":
    main()
