"""A small network, a few pictures, and trainings of them: what the tests of the loop share.

Shapes: B batch, N examples, V stored views, H height, W width, C channels, K classes.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import torch
from flat_fit import fit
from torch import Tensor, nn

from saccade.batching.arrays import LabelledArrays
from saccade.bundle.inputs import ImageInput
from saccade.core import registry
from saccade.data.spec import Spec
from saccade.optim import optimizers
from saccade.optim.losses import cross_entropy
from saccade.optim.optimizers import Optimizer
from saccade.train.state import EpochRecord, TrainingState

CPU = torch.device("cpu")
N, K, H, W = 22, 3, 18, 16
TIMES = ("examples_per_s", "elapsed_s")


class SmallNet(nn.Module):
    """A convolution, a norm with running statistics, dropout: all that can go wrong between two epochs."""

    def __init__(self, channels: int = 2, dropout: float = 0.2) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3, stride=2)
        self.norm = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(4 * 8 * 7, K)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.output(self.dropout(torch.relu(self.norm(self.conv(x_BCHW))).flatten(1)))


def examples(views: int = 1, count: int = N, seed: int = 0, channels: int = 2) -> LabelledArrays:
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, K, (count,), generator=random)
    images = torch.randint(0, 200, (views, count, H, W, channels), generator=random)
    images[:, torch.arange(count), labels * 5] += 55  # a bright row tells the class
    return LabelledArrays(images.to(torch.uint8), labels)


def small_network(seed: int = 0, **options: Any) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(ImageInput([0.4, 0.45], [0.2, 0.25]), SmallNet(**options))


def registered_network(name: str, seed: int = 0, **options: Any) -> nn.Sequential:
    spec = Spec("image", (H, W, 2), ("cat", "dog", "owl"))
    torch.manual_seed(seed)
    return nn.Sequential(ImageInput([0.4, 0.45], [0.2, 0.25]), registry.module("models", name).build(spec, **options))


def sgd(network: nn.Module) -> Optimizer:
    return optimizers.build("sgd", network, lr=0.1, momentum=0.9, weight_decay=0.01)


def running(state: TrainingState, train: LabelledArrays, **options: Any) -> Iterator[EpochRecord]:
    """``fit`` with small defaults."""
    defaults = {
        "loss": cross_entropy, "schedule": lambda step: 1.0, "lr": 0.1, "epochs": 1, "batch_size": 8, "clip_norm": None,
        "device": CPU, "precision": "float32", "seed": 4,
    }  # fmt: skip
    validation = options.pop("validation", None) or examples(count=9, seed=9)
    return fit(state, train, validation, **(defaults | options))


def trained(network: nn.Module, train: LabelledArrays, **options: Any) -> TrainingState:
    state = TrainingState(network, options.pop("optimizer", sgd)(network))
    for _ in running(state, train, **options):
        pass
    return state


def assert_equal_bits(first: nn.Module, second: nn.Module) -> None:
    for (key, value), other in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        assert torch.equal(value, other), key


def without_times(history: list[EpochRecord]) -> list[dict[str, float]]:
    return [{key: value for key, value in asdict(record).items() if key not in TIMES} for record in history]
