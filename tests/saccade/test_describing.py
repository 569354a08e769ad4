"""What is told of a network, compared with torch's own counts and with real forward passes.

Shapes: B batch, C channels, H height, W width, T time steps, F features, D hidden size, K classes.
"""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from saccade import registry
from saccade.describing import Block, Description, describe, kept_for_backward, output_formula
from saccade.errors import UserError
from saccade.models import lenet5
from saccade.spec import Spec

LARGE = {"alexnet", "vgg16", "resnet50", "googlenet"}  # run with values only in make test-all
SIDES = {"alexnet": (70, 80)}  # height and width, where a model cannot take the default
DEFAULT_SIDES = (36, 40)
EVERY_MODEL = registry.names("models")


def spec_of(name: str, classes: int = 7) -> Spec:
    names = tuple(f"class {k}" for k in range(classes))
    if "image" in registry.constant("models", name, "ACCEPTS"):
        return Spec("image", (*SIDES.get(name, DEFAULT_SIDES), 3), names)
    return Spec("series", (30, 3), names)


def shape_of(spec: Spec) -> tuple[int, ...]:
    return (spec.shape[2], *spec.shape[:2]) if spec.kind == "image" else spec.shape


def described(name: str, spec: Spec, **arguments: object) -> Description:
    return describe(lambda: registry.module("models", name).build(spec, **arguments), shape_of(spec))


def typical(name: str) -> Description:
    shape, classes = (registry.constant("models", name, f"TYPICAL_{what}") for what in ("SHAPE", "CLASSES"))
    spec = Spec("image" if len(shape) == 3 else "series", shape, tuple(map(str, range(classes))))
    return described(name, spec)


# --- every model, against torch ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in EVERY_MODEL]
)
def test_what_is_told_is_what_a_real_forward_pass_shows(name: str) -> None:
    spec = spec_of(name)
    description = described(name, spec)
    network = registry.module("models", name).build(spec).eval()
    shapes: list[tuple[str, str, tuple[int, ...]]] = []

    def look(layer_name: str, layer: nn.Module, output: object) -> None:
        first = output[0] if isinstance(output, tuple) else output
        assert isinstance(first, Tensor)
        shapes.append((layer_name, type(layer).__name__, tuple(first.shape[1:])))

    for layer_name, layer in network.named_modules():
        if not list(layer.children()):
            layer.register_forward_hook(lambda layer, _, output, name=layer_name: look(name, layer, output))
    with torch.no_grad():
        network(torch.randn(1, *shape_of(spec)))
    leaves = {layer_name for layer_name, _, _ in shapes}
    told = [(layer.name, layer.kind, layer.output_shape) for layer in description.layers if layer.name in leaves]
    assert told == shapes


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_the_parameters_are_those_of_the_network(name: str) -> None:
    spec = spec_of(name)
    description = described(name, spec)
    with torch.device("meta"):
        network = registry.module("models", name).build(spec)
    total = sum(parameter.numel() for parameter in network.parameters())
    assert description.parameters + description.training_only_parameters == total
    assert sum(layer.parameters for layer in description.layers) == description.parameters == description.trainable
    assert description.memory.weights == 4 * total + sum(buffer.nbytes for buffer in network.buffers())
    modules = dict(network.named_modules())
    for layer in description.layers:
        held = modules.get(layer.name, network).parameters(recurse=False)
        assert layer.parameters == sum(parameter.numel() for parameter in held), layer.name


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_the_multiply_adds_are_half_of_torchs_flops(name: str) -> None:
    spec = spec_of(name)
    description = described(name, spec)
    counter = FlopCounterMode(display=False)
    with torch.device("meta"), torch.no_grad():  # there, an LSTM is its products
        network = registry.module("models", name).build(spec).eval()
        with counter:
            network(torch.zeros(1, *shape_of(spec)))
    assert counter.get_total_flops() == 2 * description.macs > 0
    assert sum(layer.macs for layer in description.layers) == description.macs


@pytest.mark.parametrize(
    ("name", "parameters", "heads"),
    [
        ("lenet5", 61_706, 0),
        ("alexnet", 60_965_224, 0),
        ("vgg16", 138_357_544, 0),
        ("resnet18", 11_689_512, 0),
        ("resnet50", 25_557_032, 0),
        ("googlenet", 6_624_904, 6_379_984),
    ],
)
def test_the_networks_of_the_course_have_their_counts(name: str, parameters: int, heads: int) -> None:
    description = typical(name)
    assert (description.parameters, description.training_only_parameters) == (parameters, heads)


@pytest.mark.parametrize(
    ("name", "layer", "field"),
    [
        ("alexnet", "pool5", (195, 195)),
        ("vgg16", "features.30", (212, 212)),
        ("resnet18", "layer4.1.bn2", (435, 435)),
    ],
)
def test_receptive_fields_are_those_that_are_published(name: str, layer: str, field: tuple[int, int]) -> None:
    fields = {one.name: one.receptive_field for one in typical(name).layers}
    assert fields[layer] == field
    assert list(fields.values())[-1] is None  # the classifier sees all of the input


def test_lenet5_line_by_line() -> None:
    lines = [
        (layer.name, layer.kind, layer.output_shape, layer.parameters, layer.macs, layer.receptive_field, layer.formula)
        for layer in typical("lenet5").layers
        if layer.kind not in ("ReLU", "Dropout")
    ]
    assert lines == [
        ("features.0", "Conv2d", (6, 28, 28), 156, 117_600, (5, 5), "(32 - 5 + 2*0)/1 + 1 = 28"),
        ("features.1", "MaxPool2d", (6, 14, 14), 0, 0, (6, 6), "(28 - 2 + 2*0)/2 + 1 = 14"),
        ("features.3", "Conv2d", (16, 10, 10), 2_416, 240_000, (14, 14), "(14 - 5 + 2*0)/1 + 1 = 10"),
        ("features.4", "MaxPool2d", (16, 5, 5), 0, 0, (16, 16), "(10 - 2 + 2*0)/2 + 1 = 5"),
        ("classifier.0", "Linear", (120,), 48_120, 48_000, None, ""),
        ("classifier.3", "Linear", (84,), 10_164, 10_080, None, ""),
        ("classifier.6", "Linear", (10,), 850, 840, None, ""),
    ]


@pytest.mark.parametrize(("kind", "gates"), [("RNN", 1), ("GRU", 3), ("LSTM", 4)])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_recurrent_layer_multiplies_its_gates_at_every_step(kind: str, gates: int, bidirectional: bool) -> None:
    T, num_features, D, num_layers = 11, 5, 6, 2

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.recurrent = getattr(nn, kind)(
                num_features, D, num_layers, batch_first=True, bidirectional=bidirectional
            )

        def forward(self, x_BTF: Tensor) -> Tensor:
            return self.recurrent(x_BTF)[0][:, -1]

    (layer,) = describe(Last, (T, num_features)).layers
    directions = 1 + bidirectional
    first, second = num_features * D + D * D, directions * D * D + D * D
    assert layer.macs == T * gates * directions * (first + second)
    assert layer.parameters == gates * directions * (first + second + 2 * num_layers * D)
    assert (layer.kind, layer.output_shape, layer.receptive_field) == (kind, (T, directions * D), None)


def test_steps_have_receptive_fields_too() -> None:
    def build() -> nn.Module:
        return nn.Sequential(nn.Unflatten(2, (1, 3)), nn.Flatten(2), Transposed(), nn.Conv1d(3, 4, 5, stride=2))

    class Transposed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.transpose(1, 2)

    description = describe(build, (20, 3))
    assert [layer.receptive_field for layer in description.layers] == [(1,), (1,), (1,), (5,)]
    assert description.layers[-1].formula == "floor((20 - 5 + 2*0)/2) + 1 = 8"


# --- networks of odd build --------------------------------------------------------------------------------------------


class Headed(nn.Module):
    """A network with an auxiliary head that only training computes."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(12, 5, bias=False)
        self.head = nn.Linear(5, 2)
        self.auxiliary = nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 2))

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        h = self.body(x.flatten(1))
        return (self.head(h), self.auxiliary(h)) if self.training else self.head(h)


def test_auxiliary_heads_count_apart() -> None:
    description = describe(Headed, (1, 3, 4))
    assert (description.parameters, description.macs) == (60 + 12, 60 + 10)
    assert (description.training_only_parameters, description.training_only_macs) == (18 + 8, 15 + 6)
    assert [layer.name for layer in description.layers] == ["body", "head"]
    assert description.memory.weights == 4 * (72 + 26)  # training holds them


class Twice(nn.Module):
    """One convolution used twice, and a weight that two layers share."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.activation = nn.ReLU()
        self.one = nn.Linear(6, 6, bias=False)
        self.other = nn.Linear(6, 6)
        self.other.weight = self.one.weight
        self.never = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.activation(self.conv(x))
        return self.other(self.one(self.activation(self.conv(h))))


def test_what_is_shared_or_used_again_is_counted_once() -> None:
    description = describe(Twice, (2, 5, 6))
    lines = [(layer.name, layer.parameters, layer.macs, layer.uses) for layer in description.layers]
    assert lines == [
        ("conv", 38, 2 * 36 * 30, 2),
        ("activation", 0, 0, 1),
        ("activation", 0, 0, 1),
        ("one", 36, 36 * 10, 1),
        ("other", 6, 36 * 10, 1),
    ]
    assert description.layers[0].receptive_field == (5, 5)
    assert description.layers[1].receptive_field == (3, 3)
    assert description.parameters == 38 + 42 + 12  # what no layer uses can be loaded and saved


class Functional(nn.Module):
    """Multiplies outside of its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(2)
        self.kernel = nn.Parameter(torch.ones(4, 3, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        h = F.conv2d(self.pool(x), self.kernel).flatten(2)
        return (h @ h.transpose(1, 2)).flatten(1)


def test_what_a_network_multiplies_itself_is_a_line_too() -> None:
    description = describe(Functional, (3, 10, 8))
    last = description.layers[-1]
    assert (last.name, last.kind, last.parameters) == ("(network)", "Functional", 108)
    assert last.macs == 4 * 27 * 6 + 4 * 4 * 6
    assert (last.output_shape, last.receptive_field) == ((16,), None)


def test_attention_has_one_line_with_all_of_its_weights() -> None:
    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.attention(x, x, x, need_weights=False)[0].mean(1)

    description = describe(Attending, (5, 8))
    (layer,) = description.layers
    assert layer.parameters == description.parameters == 4 * 8 * 8 + 4 * 8
    assert layer.macs == 5 * 4 * 64 + 2 * 25 * 8
    assert layer.receptive_field is None


class NeedsValues(nn.Module):
    """Cannot run where tensors have no values."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.recurrent = nn.LSTM(3, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        scale = float(x.abs().max()) + 1
        return self.recurrent(self.layer(x / scale))[0][:, -1]


def test_a_network_that_needs_values_is_described_on_the_cpu() -> None:
    description = describe(NeedsValues, (6, 4))
    assert [(layer.name, layer.macs) for layer in description.layers] == [
        ("layer", 6 * 12),
        ("recurrent", 6 * 4 * (6 + 4)),
    ]
    assert description.layers[0].receptive_field == (1,) and description.layers[1].receptive_field is None
    assert description.memory.activations > 0


def test_frozen_parameters_have_no_gradient_and_no_memory_of_the_optimiser() -> None:
    def build() -> nn.Module:
        network = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.Linear(4, 2))
        network[1].requires_grad_(False)
        return network

    description = describe(build, (1, 2, 3))
    assert (description.parameters, description.trainable) == (28 + 10, 10)
    assert (description.memory.gradients, description.memory.optimizer) == (40, 40)


def test_the_error_of_a_model_that_cannot_take_the_input_is_its_own() -> None:
    with pytest.raises(UserError, match=r"lenet5 cannot take 8x9 images: a side must be at least 16"):
        describe(lambda: lenet5.build(Spec("image", (8, 9, 1), ("a", "b"))), (1, 8, 9))


def test_an_input_is_an_image_or_a_series() -> None:
    with pytest.raises(ValueError, match=r"input_shape \(\(5,\)\) must be \(C, H, W\) or \(T, F\)"):
        describe(Headed, (5,))


def test_describing_leaves_no_trace() -> None:
    network = NeedsValues()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    describe(lambda: network, (6, 4))
    describe(NeedsValues, (6, 4))
    assert torch.equal(torch.rand(3), expected)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


# --- memory -----------------------------------------------------------------------------------------------------------


def test_what_is_kept_for_the_backward_pass_counts_each_storage_once() -> None:
    network = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3), nn.Tanh())
    x_BF = torch.randn(4, 5)
    # The input for the first weight; the ReLU's output for itself and for the second weight; the tanh's output.
    assert kept_for_backward(network, x_BF) == 4 * 4 * (5 + 7 + 3)


@pytest.mark.parametrize(("name", "arguments"), [("lenet5", {"dropout": 0.5}), ("resnet9", {"width": 4})])
def test_activations_are_those_that_the_cpu_keeps(name: str, arguments: dict[str, object]) -> None:
    spec = spec_of(name)
    build = registry.module("models", name).build
    memory = describe(lambda: build(spec, **arguments), shape_of(spec), batch_size=6).memory
    assert memory.activations == kept_for_backward(build(spec, **arguments), torch.randn(6, *shape_of(spec)))
    assert memory.measured_examples == 6


def test_activations_of_a_recurrent_network_are_measured_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Spec("series", (13, 4), ("a", "b"))
    build = registry.module("models", "lstm").build
    memory = describe(lambda: build(spec), (13, 4), batch_size=16).memory
    kept = kept_for_backward(build(spec), torch.zeros(16, 13, 4))
    assert memory.activations == kept
    # A batch that would not fit is measured in part.
    monkeypatch.setattr("saccade.describing._MOST_MEASURED_BYTES", kept // 4)
    part = describe(lambda: build(spec), (13, 4), batch_size=16).memory
    assert 2 <= part.measured_examples <= 5
    assert part.activations == pytest.approx(kept, rel=0.15)  # what the library keeps is not quite linear


def test_memory_grows_with_the_batch_alone() -> None:
    one, many = (
        describe(Twice, (2, 5, 6), batch_size=size, optimizer={"name": "adam", "lr": 1}).memory for size in (1, 40)
    )
    assert (one.batch_size, many.batch_size) == (1, 40)
    assert many.activations == 40 * one.activations
    assert one.weights == many.weights == one.gradients == 4 * 92
    assert many.total == many.weights + many.gradients + many.optimizer + many.activations


@pytest.mark.parametrize(
    ("optimizer", "slots"),
    [
        ({"name": "sgd", "lr": 0.1}, 0),
        ({"name": "sgd", "lr": 0.1, "momentum": 0.9}, 1),
        ({"name": "adamw", "lr": 0.1, "weight_decay": 0.1}, 2),
    ],
)
def test_the_optimisers_memory_is_its_own(optimizer: dict[str, object], slots: int) -> None:
    assert describe(Headed, (1, 3, 4), optimizer=optimizer).memory.optimizer == slots * 4 * 98


def test_a_large_network_is_built_once_and_without_values() -> None:
    built: list[nn.Module] = []

    def build() -> nn.Module:
        built.append(registry.module("models", "vgg16").build(spec_of("vgg16")))
        return built[-1]

    describe(build, shape_of(spec_of("vgg16")))
    assert len(built) == 1 and all(parameter.is_meta for parameter in built[0].parameters())


@pytest.mark.slow
def test_a_large_network_takes_little_memory_and_time() -> None:
    code = """
import resource, time
from saccade.describing import describe
from saccade.spec import Spec
from saccade import registry
spec = Spec("image", (32, 32, 3), ("a", "b"))
describe(lambda: registry.module("models", "resnet18").build(spec, stem="small"), (3, 32, 32))  # imports
before, started_at = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
spec = Spec("image", (224, 224, 3), tuple(map(str, range(1000))))
description = describe(lambda: registry.module("models", "vgg16").build(spec), (3, 224, 224))
assert description.memory.total > 6e9
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, time.perf_counter() - started_at)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    grown_kb, elapsed_s = map(float, ended.stdout.split())
    assert grown_kb < 50_000  # its weights alone are 553,000
    assert elapsed_s < 2


# --- output sides -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "options", "formula"),
    [
        ((227, 55, 11, 4, 0), {}, "(227 - 11 + 2*0)/4 + 1 = 55"),
        ((224, 112, 7, 2, 6), {}, "floor((224 - 7 + 2*3)/2) + 1 = 112"),
        ((112, 56, 3, 2, 0), {"rounds_up": True}, "ceil((112 - 3 + 2*0)/2) + 1 = 56"),
        ((13, 6, 3, 2, 0), {"rounds_up": True}, "(13 - 3 + 2*0)/2 + 1 = 6"),
        ((4, 2, 1, 3, 0), {"rounds_up": True}, "(4 - 1 + 2*0)/3 + 1 = 2"),
        ((5, 2, 1, 3, 0), {"rounds_up": True}, "ceil((5 - 1 + 2*0)/3) + 1 - 1 = 2"),
        ((9, 9, 4, 1, 3), {}, "(9 - 4 + 3)/1 + 1 = 9"),
        ((9, 5, 3, 1, 0, 2), {}, "(9 - (2*(3 - 1) + 1) + 2*0)/1 + 1 = 5"),
        ((9, 4, 3, 1, 0), {}, ""),  # it gives 7: nothing is better than what is wrong
    ],
)
def test_the_formula_of_a_side(numbers: tuple[int, ...], options: dict[str, bool], formula: str) -> None:
    assert output_formula(*numbers, **options) == formula


@pytest.mark.parametrize("seed", range(40))
def test_the_formula_gives_what_torch_returns(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)

    def pick(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=random))

    size, dilation, stride = pick(1, 5), pick(1, 3), pick(1, 5)
    padding, rounds_up, sides = pick(0, size // 2), bool(pick(0, 1)), (pick(13, 40), pick(13, 40))
    layers = [
        nn.Conv2d(2, 3, size, stride, padding, dilation),
        nn.MaxPool2d(size, stride, padding, dilation, ceil_mode=rounds_up),
        nn.AvgPool2d(size, stride, padding, ceil_mode=rounds_up),
        nn.Conv2d(2, 3, size, padding="same", dilation=dilation),
    ]
    for layer in layers:
        (told,) = describe(lambda layer=layer: nn.Sequential(layer), (2, *sides)).layers
        formulas = told.formula.split("; ")
        outputs = layer(torch.zeros(1, 2, *sides)).shape[2:]
        if len(formulas) == 1:
            formulas *= 2
        for formula, output in zip(formulas, outputs, strict=True):
            worked, _, result = formula.partition(" = ")
            assert int(result) == output
            rounding = {"floor": torch.floor, "ceil": torch.ceil}
            rounded = {
                name: lambda value, f=function: f(torch.tensor(value)).item() for name, function in rounding.items()
            }
            assert eval(worked, rounded) == output, formula


# --- blocks -----------------------------------------------------------------------------------------------------------


def test_blocks_are_what_a_reader_would_draw() -> None:
    assert typical("lenet5").blocks == (
        Block("Conv2d", "5x5", (6, 28, 28)),
        Block("MaxPool2d", "2x2 / 2", (6, 14, 14)),
        Block("Conv2d", "5x5", (16, 10, 10)),
        Block("MaxPool2d", "2x2 / 2", (16, 5, 5)),
        Block("Linear", "", (120,)),
        Block("Linear", "", (84,)),
        Block("Linear", "", (10,)),
    )
    assert typical("resnet18").blocks == (
        Block("Conv2d", "7x7 / 2", (64, 112, 112)),
        Block("MaxPool2d", "3x3 / 2", (64, 56, 56)),
        Block("BasicBlock", "", (64, 56, 56), has_branches=True, count=2),
        Block("BasicBlock", "", (128, 28, 28), has_branches=True, count=2),
        Block("BasicBlock", "", (256, 14, 14), has_branches=True, count=2),
        Block("BasicBlock", "", (512, 7, 7), has_branches=True, count=2),
        Block("AdaptiveAvgPool2d", "", (512, 1, 1)),
        Block("Linear", "", (1000,)),
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
        Block("Conv2d", "3x3", (2, 5, 6)),
        Block("Summed", "", (2, 5, 6), has_branches=True),
        Block("Linear", "", (3,)),
    )


def test_a_dict_of_plain_values() -> None:
    values = typical("lenet5").to_dict()
    assert values.keys() == {"input", "parameters", "macs", "layers"}
    assert values["input"] == [1, 32, 32]
    assert values["layers"][0] == {
        "name": "features.0",
        "kind": "Conv2d",
        "output_shape": [6, 28, 28],
        "parameters": 156,
        "macs": 117_600,
        "receptive_field": [5, 5],
    }
    assert values["layers"][-1]["receptive_field"] is None
