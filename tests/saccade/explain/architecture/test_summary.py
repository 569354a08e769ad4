"""What is told of a network, compared with torch's own counts and with real forward passes.

Shapes: B batch, C channels, H height, W width, T time steps, F features, D hidden size, K classes.
"""

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from saccade.core import registry
from saccade.data.spec import Spec
from saccade.explain.architecture.summary import NetworkSummary, describe

LARGE = {"alexnet", "vgg16", "resnet50", "googlenet"}  # run with values only in make test-all
SIDES = {"alexnet": (70, 80)}  # height and width, where a model cannot take the default
DEFAULT_SIDES = (36, 40)
EVERY_MODEL = [
    name
    for name in registry.names("models")
    if {"image", "series"} & set(registry.constant("models", name, "ACCEPTS"))
    and "per_example" in registry.constant_or(("per_example",), "models", name, "OUTPUTS")
]


def spec_of(name: str, classes: int = 7) -> Spec:
    names = tuple(f"class {k}" for k in range(classes))
    if "image" in registry.constant("models", name, "ACCEPTS"):
        return Spec("image", (*SIDES.get(name, DEFAULT_SIDES), 3), names)
    return Spec("series", (30, 3), names)


def shape_of(spec: Spec) -> tuple[int, ...]:
    return (spec.shape[2], *spec.shape[:2]) if spec.kind == "image" else spec.shape


def described(name: str, spec: Spec, **arguments: object) -> NetworkSummary:
    return describe(lambda: registry.module("models", name).build(spec, **arguments), shape_of(spec))


def typical(name: str) -> NetworkSummary:
    shape, classes = (registry.constant("models", name, f"TYPICAL_{what}") for what in ("SHAPE", "CLASSES"))
    spec = Spec("image" if len(shape) == 3 else "series", shape, tuple(map(str, range(classes))))
    return described(name, spec)


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
from saccade.explain.architecture.summary import describe
from saccade.data.spec import Spec
from saccade.core import registry
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
