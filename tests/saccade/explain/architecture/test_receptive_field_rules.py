"""What an element sees, compared with where the gradient of that element is not 0.

Shapes: B batch, C channels, H height, W width, T time steps, F features, D hidden size.
"""

import itertools
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from saccade.core import registry
from saccade.data.spec import Spec
from saccade.explain.architecture import receptive_field
from saccade.explain.architecture.receptive_field import ReceptiveField, Segment
from saccade.explain.architecture.trace import Call, trace
from saccade.nn.layers import DepthPool, ImageRows

Spans = list[tuple[int, int]]  # first position and the one after the last, along each axis of the input


class Function(nn.Module):
    """A function as a network."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def axes_of(x: Tensor) -> tuple[int, ...]:
    return (2, 3) if x.ndim == 4 else (1,)


def followed(network: nn.Module, shape: tuple[int, ...]) -> Call:
    with torch.device("meta"):
        return trace(network, torch.zeros(shape))


def spans_told(field: ReceptiveField, index: tuple[int, ...], sides: list[int]) -> Spans:
    """What one element sees of the input, without the padding."""
    starts = list(field.starts)
    for dimension, position in zip(field.dimensions, index, strict=True):
        for run in reversed(dimension):
            position, at = divmod(position, run.size)
            starts = [start + at * jump for start, jump in zip(starts, run.jumps, strict=True)]
    spans = zip(starts, field.sizes, sides, strict=True)
    return [(max(start, 0), min(start + field, side)) for start, field, side in spans]


def spans_of_gradient(output: Tensor, index: tuple[int, ...], x: Tensor) -> Spans | None:
    """Where the gradient of one element is not 0; None where it is 0 everywhere, such as in a border of zeros."""
    (gradient,) = torch.autograd.grad(output[index], x, retain_graph=True)
    spans = []
    for axis in axes_of(x):
        positions = gradient.abs().sum(dim=[dim for dim in range(x.ndim) if dim != axis]).nonzero()
        if not len(positions):
            return None
        spans.append((int(positions.min()), int(positions.max()) + 1))
    return spans


def inputs(shape: tuple[int, ...]) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)).add(0.5).requires_grad_()


def compare(field: ReceptiveField | None, output: Tensor, x: Tensor, *, exact: bool = True) -> None:
    """Every element of the output against its gradient."""
    assert field is not None
    assert tuple(torch.Size(_sizes(field))) == output.shape
    sides = [x.shape[axis] for axis in axes_of(x)]
    compared = 0
    for index in itertools.product(*map(range, output.shape)):
        true = spans_of_gradient(output, index, x)
        if true is None:
            continue
        compared += 1
        told = spans_told(field, index, sides)
        assert all(t[0] <= g[0] and g[1] <= t[1] for t, g in zip(told, true, strict=True)), (index, told, true)
        assert not exact or told == true, (index, told, true)
    assert compared


def _sizes(field: ReceptiveField) -> list[int]:
    return [torch.Size([run.size for run in dimension]).numel() for dimension in field.dimensions]


# --- operations, one by one -------------------------------------------------------------------------------------------


def positive(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator(device="cpu").manual_seed(seed), device="cpu") + 0.1


WEIGHTS = {
    "conv": positive(4, 2, 3, 2),
    "grouped": positive(4, 1, 3, 3),
    "one_by_one": positive(2, 2, 1, 1),
    "over_time": positive(4, 3, 2),
    "linear": positive(5, 6),
    "over_columns": positive(3, 7, 2),
    "steps": positive(9, 4),
}


def weight(name: str, x: Tensor) -> Tensor:
    return WEIGHTS[name].to(x.device)


def strips(x: Tensor) -> Tensor:
    """(B, C, H, W) to (B, S, C, H, 3), a strip at every second column."""
    return torch.stack([x[:, :, :, left : left + 3] for left in range(0, x.shape[3] - 2, 2)], dim=1)


def written_through_a_view(x: Tensor) -> Tensor:
    out = torch.zeros_like(x)
    out[:, :, 1:] = x[:, :, :-1]
    return out * 2


IMAGE, SERIES = (1, 2, 7, 6), (1, 9, 3)
# Name to input, function, and whether what is told is exact; where it is not, it may only be too large.
OPERATIONS: dict[str, tuple[tuple[int, ...], Callable[[Tensor], Tensor], bool]] = {
    "identity": (IMAGE, lambda x: x + 0, True),
    "convolution": (IMAGE, lambda x: F.conv2d(x, weight("conv", x)), True),
    "convolution, stride and padding": (
        IMAGE,
        lambda x: F.conv2d(x, weight("conv", x), stride=(2, 3), padding=(2, 1)),
        True,
    ),
    "convolution, dilation": (IMAGE, lambda x: F.conv2d(x, weight("conv", x), dilation=(3, 2)), True),
    "convolution, groups": (IMAGE, lambda x: F.conv2d(x, weight("grouped", x), groups=2), True),
    "convolution, same": (IMAGE, lambda x: F.conv2d(x, weight("conv", x), padding="same"), True),
    "transposed convolution": (IMAGE, lambda x: F.conv_transpose2d(x, weight("conv", x).transpose(0, 1)), False),
    "average pooling": (IMAGE, lambda x: F.avg_pool2d(x, (2, 3), stride=(3, 1), padding=(1, 1)), True),
    "average pooling, rounded up": (IMAGE, lambda x: F.avg_pool2d(x, 2, ceil_mode=True), True),
    "average pooling over time": (SERIES, lambda x: F.avg_pool1d(x.transpose(1, 2), 3, stride=2), True),
    "maximum over time": (SERIES, lambda x: F.max_pool1d(x.transpose(1, 2), 3, stride=2), False),
    "maximum": (IMAGE, lambda x: F.max_pool2d(x, 3, stride=2, dilation=2), False),
    "adaptive average": (IMAGE, lambda x: F.adaptive_avg_pool2d(x, (7, 3)), True),
    "adaptive average, uneven": (IMAGE, lambda x: F.adaptive_avg_pool2d(x, (3, 4)), False),
    "average over all": (IMAGE, lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), True),
    "local response": (IMAGE, lambda x: F.local_response_norm(x, 2), True),
    "batch norm": (IMAGE, lambda x: F.batch_norm(x, torch.zeros(2).to(x), torch.ones(2).to(x)), True),
    "layer norm": (IMAGE, lambda x: F.layer_norm(x, (6,)), True),
    "across depth": (IMAGE, lambda x: DepthPool(2)(x), False),
    "flatten": (IMAGE, lambda x: x.flatten(1), True),
    "there and back": (IMAGE, lambda x: x.flatten(1).unflatten(1, (2, 7, 6)), True),
    "rows": (IMAGE, lambda x: ImageRows()(x), True),
    "joined unevenly": (IMAGE, lambda x: x.permute(0, 3, 1, 2).reshape(1, 4, 21), False),
    "cut evenly": (IMAGE, lambda x: x.reshape(1, 2, 7, 3, 2).mean(4), True),
    "transpose": (IMAGE, lambda x: F.avg_pool2d(x.transpose(2, 3), (2, 1)), True),
    "slice": (IMAGE, lambda x: x[:, :, 1:6:2, -4:], True),
    "select": (IMAGE, lambda x: x[:, :, -2], True),
    "unbind": (SERIES, lambda x: x.unbind(1)[4] + x.unbind(1)[6], True),
    "split": (IMAGE, lambda x: x.split([1, 2, 3], dim=3)[2], True),
    "chunks": (IMAGE, lambda x: x.chunk(3, dim=3)[1], True),
    "flip": (SERIES, lambda x: F.avg_pool1d(x.flip(1).transpose(1, 2), 2, stride=3), True),
    "unfold": (IMAGE, lambda x: x.unfold(3, 3, 2), True),
    "unfold, summed": (IMAGE, lambda x: x.unfold(3, 3, 2).sum(-1), True),
    "unfold what was joined": (IMAGE, lambda x: x.flatten(2).unfold(2, 10, 4), False),
    "strips": (IMAGE, strips, True),
    "convolution of strips": (IMAGE, lambda x: F.conv2d(strips(x).flatten(0, 1), weight("conv", x)), True),
    "expand": (IMAGE, lambda x: x.mean(1, keepdim=True).expand(1, 5, 7, 6), True),
    "padding": (IMAGE, lambda x: F.avg_pool2d(F.pad(x, (1, 2, 3, 0)), 3), True),
    "reflection": (IMAGE, lambda x: F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), 3), False),
    "mean": (IMAGE, lambda x: x.mean(dim=(1, 3)), True),
    "mean of all": (IMAGE, lambda x: x.mean(), True),
    "mean, kept": (IMAGE, lambda x: x.mean(dim=3, keepdim=True), True),
    "maximum along": (IMAGE, lambda x: x.max(dim=2).values, False),
    "sum along a joined dimension": (IMAGE, lambda x: x.flatten(2).sum(2), True),
    "softmax": (IMAGE, lambda x: x.softmax(dim=3), True),
    "running sum": (SERIES, lambda x: x.cumsum(dim=1), False),
    "linear": (IMAGE, lambda x: F.linear(x, weight("linear", x)), True),
    "linear, all": (IMAGE, lambda x: x.flatten(1) @ x.new_ones(84, 3), True),
    "linear over time": (SERIES, lambda x: x @ x.new_ones(3, 4), True),
    "product with a weight in front": (SERIES, lambda x: weight("steps", x).T @ x, True),
    "product of two": (SERIES, lambda x: x[:, :4] @ x[:, 5:].transpose(1, 2), False),
    "rows as channels": (IMAGE, lambda x: F.conv1d(x.mean(1), weight("over_columns", x)), True),
    "residual": (IMAGE, lambda x: x + F.conv2d(x, weight("one_by_one", x)), True),
    "sum of two windows": (
        IMAGE,
        lambda x: F.avg_pool2d(x, 3, stride=1, padding=1) + F.avg_pool2d(x, (1, 5), stride=1, padding=(0, 2)),
        True,
    ),
    "gate of the whole": (IMAGE, lambda x: x * x.mean(dim=(2, 3), keepdim=True), True),
    "sum along one axis of two": (IMAGE, lambda x: x + x.mean(dim=3, keepdim=True), True),
    "sum of what moves differently": (
        IMAGE,
        lambda x: F.avg_pool2d(x, 1, stride=2)[:, :, :3, :3] + x[:, :, :3, :3],
        False,
    ),
    "sum of joined dimensions": (IMAGE, lambda x: x.flatten(2) + x.mean(3).repeat_interleave(6, dim=2), False),
    "sum, cut alike": (IMAGE, lambda x: (x.flatten(2) + torch.ones(42).to(x)).unflatten(2, (7, 6)), True),
    "branches of channels": (
        IMAGE,
        lambda x: torch.cat([F.avg_pool2d(x, 3, stride=1, padding=1), x, x.mean(1, keepdim=True)], dim=1),
        False,  # every channel is told to see what the widest branch sees
    ),
    "halves put together": (SERIES, lambda x: torch.cat([x[:, 5:], x[:, :4]], dim=1), False),
    "stack of steps": (SERIES, lambda x: torch.stack([x[:, t] + x[:, t + 1] for t in range(8)], dim=1), True),
    "stack backwards": (SERIES, lambda x: torch.stack([x[:, 8 - t] for t in range(9)], dim=2).sum(2), True),
    "with a border of constants": (SERIES, lambda x: torch.cat([torch.zeros_like(x[:, :2]), x], dim=1), False),
    "written through a view": (IMAGE, written_through_a_view, False),
    "times a constant of its shape": (SERIES, lambda x: x[:, :1] * torch.ones_like(x), True),
    "no rule": (IMAGE, lambda x: x.roll(1, 2), False),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_sees_what_its_gradient_reaches(name: str) -> None:
    shape, function, exact = OPERATIONS[name]
    call = followed(Function(function), shape)
    x = inputs(shape)
    compare(call.receptive_field, function(x), x, exact=exact)


def test_every_channel_of_joined_branches_sees_what_the_widest_sees() -> None:
    call = followed(Function(lambda x: torch.cat([x, F.avg_pool2d(x, 5, stride=1, padding=2)], dim=1)), IMAGE)
    assert call.receptive_field == ReceptiveField(
        ((), (Segment(4, (0, 0)),), (Segment(7, (1, 0)),), (Segment(6, (0, 1)),)), starts=(-2, -2), sizes=(5, 5)
    )


def test_what_is_not_made_of_the_input_sees_nothing() -> None:
    assert followed(Function(lambda x: torch.ones(3, 4)), IMAGE).receptive_field is None


def test_an_operation_without_a_rule_is_told_to_see_everything() -> None:
    field = followed(Function(lambda x: F.avg_pool2d(x, 2).roll(1, 2)), IMAGE).receptive_field
    assert field is not None and field.covers((6, 6)) and not field.covers((7, 6))


def test_covering_asks_for_all_of_the_input_from_every_element() -> None:
    whole = ReceptiveField(((),), (-1, 0), (9, 6))
    assert whole.covers((8, 6)) and not whole.covers((9, 6)) and not whole.covers((8, 7))
    assert not ReceptiveField(((),), (1, 0), (9, 6)).covers((8, 6))
    assert not ReceptiveField(((Segment(2, (1, 0)),),), (-1, 0), (9, 6)).covers((8, 6))


def test_a_dimension_has_one_form() -> None:
    """What a reshape cuts and another joins again is what it was."""
    field = receptive_field.input_field((1, 2, 12, 5), (2, 3))
    cut = receptive_field.reshape(field, (1, 2, 3, 2, 2, 5))
    assert cut.dimensions[2:5] == ((Segment(3, (4, 0)),), (Segment(2, (2, 0)),), (Segment(2, (1, 0)),))
    assert receptive_field.reshape(cut, (1, 2, 12, 5)) == field
    assert receptive_field.reshape(receptive_field.reshape(field, (120,)), (1, 2, 12, 5)) == field


# --- networks ---------------------------------------------------------------------------------------------------------


def with_positive_weights(network: nn.Module) -> nn.Module:
    """The same connections, where no product and no maximum hides one: weights above 0, averages for maxima."""
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.MaxPool2d):
            geometry = (module.kernel_size, module.stride, module.padding, module.ceil_mode)
            network.set_submodule(name, nn.AvgPool2d(*geometry))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(0.01, 0.1)
    return network.eval().requires_grad_(False)


class Branching(nn.Module):
    """Two windows side by side, their sum with a shortcut, then a stride and one more branch of another depth."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv2d(3, 4, (1, 5), padding=(0, 2))
        self.right = nn.Conv2d(3, 4, (3, 1), padding=(1, 0))
        self.join = nn.Conv2d(8, 3, 1)
        self.activation = nn.ReLU()
        self.down = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.deep = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1))
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.last = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.activation(x + self.join(torch.cat([self.left(x), self.right(x)], dim=1)))
        h = self.down(h)
        return self.last(self.deep(h) + self.pool(h))


def every_call_of(real: nn.Module, meta: nn.Module, shape: tuple[int, ...]) -> tuple[Tensor, list[tuple[Call, Tensor]]]:
    """The input, and each call of a layer with what it returned on the CPU."""
    calls = [call for call in followed(meta, shape).all() if call.is_leaf]
    outputs: list[Tensor] = []
    layers = [module for module in real.modules() if not list(module.children())]
    hooks = [layer.register_forward_hook(lambda _, inputs, output: outputs.append(output)) for layer in layers]
    x = inputs(shape)
    real(x)
    for hook in hooks:
        hook.remove()
    return x, list(zip(calls, outputs, strict=True))


def test_a_branching_network_sees_what_its_gradient_reaches() -> None:
    network = with_positive_weights(Branching())
    meta = Branching().to("meta")
    x, calls = every_call_of(network, meta, (1, 3, 13, 11))
    assert [call.name for call, _ in calls] == [
        *("left", "right", "join", "activation", "down", "deep.0", "deep.1", "pool", "last"),
    ]
    fields = {call.name: call.receptive_field.sizes for call, _ in calls if call.receptive_field}
    assert fields["left"] == (1, 5) and fields["join"] == (3, 5) and fields["activation"] == (3, 5)
    assert fields["down"] == (5, 7) and fields["deep.1"] == (13, 15) and fields["pool"] == (9, 11)
    for call, output in calls:
        first_channel = output[:, :1]
        field = call.receptive_field
        assert field is not None
        compare(field.with_dimension(1, ()), first_channel, x)


@pytest.mark.parametrize("name", ["lenet5", "resnet9", "resnet18"])
def test_a_registered_network_sees_what_its_gradient_reaches(name: str) -> None:
    """Along the height of an image so high that the field of a middle position ends inside of it."""
    # Which layers, with the field that hand calculation gives; a gradient through all of them would take minutes.
    shape, arguments, fields = {
        "lenet5": ((1, 1, 34, 32), {}, {"features.0": 5, "features.1": 6, "features.3": 14, "features.5": 16}),
        "resnet9": (
            (1, 3, 104, 16),
            {"width": 2},
            {"features.0.2": 3, "features.3.inner.1.2": 14, "features.4.2": 18, "features.8.inner.1.2": 64},
        ),
        "resnet18": (
            (1, 3, 500, 40),
            {},
            {"maxpool": 11, "layer1.1.relu": 43, "layer2.1.relu": 99, "layer3.1.relu": 211, "layer4.1.relu": 435},
        ),
    }[name]
    spec = Spec("image", (*shape[2:], shape[1]), ("a", "b"))
    model = registry.module("models", name)
    real = with_positive_weights(model.build(spec, **arguments))
    with torch.device("meta"):
        meta = model.build(spec, **arguments)
    x, calls = every_call_of(real, meta, shape)
    last = {call.name: (call, output) for call, output in calls}  # of a layer that is used twice, the second use
    for layer, field in fields.items():
        call, output = last[layer]
        assert call.receptive_field is not None and call.receptive_field.sizes == (field, field)
        middle = (0, 0, output.shape[2] // 2, output.shape[3] // 2)
        told = spans_told(call.receptive_field, middle, list(shape[2:]))
        assert spans_of_gradient(output, middle, x) == told
        assert told[0][1] - told[0][0] == field
