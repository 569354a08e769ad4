"""What the tests of weights from elsewhere share: networks, weights made on the spot, and a file that would do harm."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from saccade.data.spec import Spec
from saccade.models import lenet5

THEIRS: dict[str, Callable[[], nn.Module]] = {
    "resnet18": partial(torchvision.models.resnet18, num_classes=1000),
    "resnet50": partial(torchvision.models.resnet50, num_classes=1000),
    "googlenet": partial(torchvision.models.GoogLeNet, num_classes=1000, init_weights=True),
}


def spec(height: int, width: int, channels: int = 3, classes: int = 7) -> Spec:
    return Spec("image", (height, width, channels), tuple(f"class {k}" for k in range(classes)))


def images(batch: int, channels: int, height: int, width: int, seed: int = 1) -> Tensor:
    return torch.randn(batch, channels, height, width, generator=torch.Generator().manual_seed(seed))


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def assert_same(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert list(first) == list(second)
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def small_weights() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return weights_of(lenet5.build(spec(20, 18)))


class Malicious:
    """Touches a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.target,))
