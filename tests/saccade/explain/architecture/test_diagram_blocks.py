"""The blocks of a picture: what a reader would draw."""

from torch import Tensor, nn

from saccade.data.spec import Spec
from saccade.explain.architecture.diagram_blocks import DiagramBlock
from saccade.explain.architecture.summary import describe
from saccade.models import lenet5, resnet18


def spec(shape: tuple[int, int, int], classes: int) -> Spec:
    return Spec("image", shape, tuple(f"class {k}" for k in range(classes)))


def test_blocks_are_what_a_reader_would_draw() -> None:
    assert describe(lambda: lenet5.build(spec((32, 32, 1), 10)), (1, 32, 32)).blocks == (
        DiagramBlock("Conv2d", "5x5", (6, 28, 28)),
        DiagramBlock("MaxPool2d", "2x2 / 2", (6, 14, 14)),
        DiagramBlock("Conv2d", "5x5", (16, 10, 10)),
        DiagramBlock("MaxPool2d", "2x2 / 2", (16, 5, 5)),
        DiagramBlock("Linear", "", (120,)),
        DiagramBlock("Linear", "", (84,)),
        DiagramBlock("Linear", "", (10,)),
    )
    assert describe(lambda: resnet18.build(spec((224, 224, 3), 1000)), (3, 224, 224)).blocks == (
        DiagramBlock("Conv2d", "7x7 / 2", (64, 112, 112)),
        DiagramBlock("MaxPool2d", "3x3 / 2", (64, 56, 56)),
        DiagramBlock("BasicBlock", "", (64, 56, 56), has_branches=True, count=2),
        DiagramBlock("BasicBlock", "", (128, 28, 28), has_branches=True, count=2),
        DiagramBlock("BasicBlock", "", (256, 14, 14), has_branches=True, count=2),
        DiagramBlock("BasicBlock", "", (512, 7, 7), has_branches=True, count=2),
        DiagramBlock("AdaptiveAvgPool2d", "", (512, 1, 1)),
        DiagramBlock("Linear", "", (1000,)),
    )


def test_what_follows_one_another_is_taken_apart_however_it_is_wrapped() -> None:
    class Wrapped(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Tensor) -> Tensor:
            return 2 * self.inner(x)

    class Summed(Wrapped):
        def forward(self, x: Tensor) -> Tensor:
            return x + self.inner(x)

    def build() -> nn.Module:
        stack = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU())
        other = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.ReLU(inplace=True))
        return Wrapped(nn.Sequential(Wrapped(stack), Summed(other), nn.Flatten(), nn.Linear(60, 3)))

    assert describe(build, (2, 5, 6)).blocks == (
        DiagramBlock("Conv2d", "3x3", (2, 5, 6)),
        DiagramBlock("Summed", "", (2, 5, 6), has_branches=True),
        DiagramBlock("Linear", "", (3,)),
    )
