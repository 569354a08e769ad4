"""One contract that every registered model keeps.

A new file in models/ is tested without a change here, unless it is large (``LARGE``) or takes another kind of data
(``EXAMPLES``). Large networks run once, at their least side; with ``-m slow`` they keep the whole contract.

Shapes: B batch, C channels, H height, W width, T time steps, F features, K classes.
"""

import dataclasses
import typing
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from saccade.bundle import bundle
from saccade.bundle.bundle import NetworkConfig
from saccade.core import devices, registry
from saccade.core.errors import UserError
from saccade.data.spec import LAYOUTS, Spec
from saccade.explain.architecture.summary import describe
from saccade.optim import optimizers
from saccade.optim.ctc import ctc
from saccade.optim.losses import cross_entropy, loss_of_heads
from saccade.predict.predictor import load

K = 7
DEFAULT_SIDES = (22, 18)  # height and width
LARGE = {  # the second side is the least
    "alexnet": (71, 67),
    "convnext_tiny": (35, 32),
    "efficientnet_b0": (35, 32),
    "efficientnet_lite0": (35, 32),
    "googlenet": (35, 31),
    "mobilenet_v3": (35, 32),
    "resnet50": (21, 17),
    "vgg16": (35, 32),
}
RATES = {"alexnet": 1e-3, "googlenet": 1e-3, "vgg16": 1e-4}  # at the default, they have broken after an update or two
DEFAULT_RATE = 0.01
UPDATES = {"alexnet": 90, "vgg16": 32}  # without batch norms, the first layers begin late
DEFAULT_UPDATES = 20


# --- what is tested ---------------------------------------------------------------------------------------------------


def image_example(name: str, channels: int, longer: int = 0) -> tuple[Spec, tuple[int, ...]]:
    """(spec, shape of one network input); ``longer``: pixels a side, or steps."""
    height, width = (side + longer for side in LARGE.get(name, DEFAULT_SIDES))
    spec = Spec("image", (height, width, channels), tuple(f"class {k}" for k in range(K)))
    return spec, (channels, height, width)


def series_example(name: str, channels: int, longer: int = 0) -> tuple[Spec, tuple[int, ...]]:
    shape = (9 + longer, channels)
    return Spec("series", shape, tuple(f"class {k}" for k in range(K))), shape


def token_example(name: str, channels: int, longer: int = 0) -> tuple[Spec, tuple[int, ...]]:
    shape = (9 + longer,)
    vocabulary = ("<pad>", "<unknown>", *"abcdefghijk")
    return Spec("tokens", shape, tuple(f"class {k}" for k in range(K)), (), vocabulary, "characters"), shape


def forecast_example(name: str, channels: int, longer: int = 0) -> tuple[Spec, tuple[int, ...]]:
    """The first of the features, K steps ahead."""
    shape, features = (9 + longer, channels), tuple("abcdefgh"[:channels])
    return Spec("series", shape, targets=tuple(f"a +{k + 1}" for k in range(K)), features=features, horizon=K), shape


EXAMPLES = {"image": image_example, "tokens": token_example, "series": series_example}  # vectors: test_mlp.py
V = 13  # tokens of the vocabulary


def answers(name: str) -> tuple[str, ...]:
    return tuple(registry.constant_or(("per_example",), "models", name, "OUTPUTS"))


ANSWER_ONCE = [name for name in registry.names("models") if "per_example" in answers(name)]
READERS = [name for name in registry.names("models") if "transcript" in answers(name)]


def cases(*channels: int) -> list[Any]:
    return [
        pytest.param(name, kind, number, marks=pytest.mark.slow if name in LARGE else ())
        for name in ANSWER_ONCE
        for kind in registry.constant("models", name, "ACCEPTS")
        if kind in EXAMPLES
        for number in channels
    ]


every_model = pytest.mark.parametrize(("name", "kind", "channels"), cases(3))
every_model_in_grey_and_colour = pytest.mark.parametrize(("name", "kind", "channels"), cases(1, 3))


def built(name: str, kind: str, channels: int, seed: int = 0) -> tuple[nn.Module, tuple[int, ...]]:
    spec, shape = EXAMPLES[kind](name, channels)
    torch.manual_seed(seed)
    return registry.module("models", name).build(spec), shape


def inputs(batch: int, shape: tuple[int, ...], seed: int = 1) -> Tensor:
    """Pixels, measurements, or the ids of tokens; no padding."""
    random = torch.Generator().manual_seed(seed)
    return (
        torch.randint(1, V, (batch, *shape), generator=random)
        if len(shape) == 1
        else torch.randn(batch, *shape, generator=random)
    )


def learnable(num_examples: int, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Inputs that are the one of their class and some noise, and the classes."""
    target_B = torch.arange(num_examples) % K
    clean, noise = inputs(K, shape, seed=2)[target_B], inputs(num_examples, shape, seed=3)
    if len(shape) == 1:
        return torch.where(
            torch.rand(noise.shape, generator=torch.Generator().manual_seed(4)) < 0.1, noise, clean
        ), target_B
    return clean + 0.1 * noise, target_B


def trained(network: nn.Module, x: Tensor, target_B: Tensor, *, lr: float, updates: int) -> list[float]:
    """The loss of the answer before each update; auxiliary heads have their share in the gradient."""
    optimizer = optimizers.build("adam", network, lr=lr)
    losses = []
    for update in range(updates):
        torch.manual_seed(update)  # of dropout
        optimizer.zero_grad()
        answer_BK, loss = loss_of_heads(cross_entropy, network.train()(x), target_B)
        losses.append(cross_entropy(answer_BK, target_B).item())
        loss.backward()
        optimizer.step()
    return losses


def as_tuple(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)


def assert_every_parameter_gets_a_finite_gradient(
    network: nn.Module, shape: tuple[int, ...], *, may_be_zero: bool = False
) -> None:
    outputs = network.train()(inputs(5, shape))
    assert all(output.shape == (5, K) for output in as_tuple(outputs))
    _, loss = loss_of_heads(cross_entropy, outputs, torch.arange(5) % K)
    loss.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert may_be_zero or parameter.grad.abs().max() > 0, name


# --- all models -------------------------------------------------------------------------------------------------------


def test_there_are_models() -> None:
    assert {"lenet5", "lstm", *LARGE} <= set(registry.names("models"))


@pytest.mark.parametrize("name", registry.names("models"))
def test_what_a_model_accepts_is_known(name: str) -> None:
    accepts = registry.module("models", name).ACCEPTS
    assert accepts == registry.constant("models", name, "ACCEPTS")
    assert isinstance(accepts, tuple) and accepts and set(accepts) <= set(LAYOUTS)
    assert registry.summary("models", name)


@pytest.mark.parametrize("name", LARGE)
def test_a_large_network_runs_at_its_least_side(name: str) -> None:
    network, shape = built(name, "image", 3)
    least = min(shape[1:])
    with pytest.raises(UserError, match=f"a side must be at least {least}"):
        registry.module("models", name).build(Spec("image", (shape[1], least - 1, 3), tuple("abcdefg")))
    with torch.no_grad():
        answer_BK = network.eval()(inputs(2, shape))
    assert answer_BK.shape == (2, K) and torch.isfinite(answer_BK).all()
    assert_every_parameter_gets_a_finite_gradient(network, shape)


@every_model_in_grey_and_colour
def test_the_output_is_one_finite_logit_a_class(name: str, kind: str, channels: int) -> None:
    network, shape = built(name, kind, channels)
    for batch in (1, 3):
        logits_BK = network.eval()(inputs(batch, shape))
        assert logits_BK.shape == (batch, K) and logits_BK.dtype == torch.float32
        assert torch.isfinite(logits_BK).all()
    assert logits_BK.std() > 0


@every_model_in_grey_and_colour
def test_every_parameter_gets_a_finite_gradient(name: str, kind: str, channels: int) -> None:
    assert_every_parameter_gets_a_finite_gradient(*built(name, kind, channels))


@every_model
def test_a_bundle_gives_back_the_same_answers_to_the_bit(tmp_path: Path, name: str, kind: str, channels: int) -> None:
    spec, shape = EXAMPLES[kind](name, channels)
    torch.manual_seed(0)
    recipe = NetworkConfig(name, {}, spec, "classify", [0.5] * channels, [0.3] * channels, "0123abcd")
    network = recipe.build_network()
    if kind == "image":
        stored: Tensor = torch.randint(0, 256, (3, *spec.shape), generator=torch.Generator().manual_seed(1)).to(
            torch.uint8
        )
    else:
        stored = inputs(3, shape).int() if kind == "tokens" else inputs(3, shape)
    with torch.no_grad():
        network.train()(stored)  # what norms have counted and averaged must come back too
        expected_BK = network.eval()(stored)
        bundle.save(tmp_path, recipe, network)
        answer_BK = load(tmp_path).network(stored)
    assert torch.equal(answer_BK, expected_BK)


@every_model
def test_the_answer_does_not_depend_on_who_else_is_in_the_batch(name: str, kind: str, channels: int) -> None:
    network, shape = built(name, kind, channels)
    x = inputs(6, shape)
    with torch.no_grad():
        whole = network.eval()(x)
        for size in (1, 4):
            parts = torch.cat([network(part) for part in x.split(size)])
            # Products of other sizes are summed in other orders, layer after layer; who answers by the company of an
            # example, such as a batch norm in training mode, moves by hundredths.
            torch.testing.assert_close(parts, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "name", [name for name in registry.names("models") if "tokens" in registry.constant("models", name, "ACCEPTS")]
)
@pytest.mark.parametrize("output", ["per_example", "per_token"])
def test_padding_behind_a_text_changes_nothing(name: str, output: Literal["per_example", "per_token"]) -> None:
    if output not in registry.constant("models", name, "OUTPUTS"):
        with pytest.raises(UserError, match="cannot answer at each step"):
            registry.module("models", name).build(dataclasses.replace(token_example(name, 3)[0], output=output))
        return
    spec = dataclasses.replace(token_example(name, 3)[0], output=output)
    network = registry.module("models", name).build(spec)
    token_BT = inputs(4, (9,)) * (torch.arange(9) < torch.tensor([9, 4, 1, 6])[:, None])
    for mode in (True, False):  # in training, batch norms must not count padding
        expected = network.train(mode)(token_BT)
        longer = network.train(mode)(torch.nn.functional.pad(token_BT, (0, 6)))
        torch.testing.assert_close(longer[:, :9] if output == "per_token" else longer, expected, rtol=1e-5, atol=1e-5)


READS_PADDED_SERIES = [
    name for name in registry.names("models") if registry.constant_or(False, "models", name, "TAKES_PADDED_SERIES")
]


@pytest.mark.parametrize(
    ("name", "bidirectional"),
    [
        (name, bidirectional)
        for name in READS_PADDED_SERIES
        for bidirectional in (False, True)
        if not bidirectional or "bidirectional" in registry.keyword_arguments("models", name, "build")
    ],
)
def test_padding_behind_a_series_changes_nothing(name: str, bidirectional: bool) -> None:
    """Neither in training nor in evaluation, and with every pool: also one series alone is answered as in a batch."""
    arguments = registry.keyword_arguments("models", name, "build")
    spec = dataclasses.replace(series_example(name, 3)[0], is_padded=True)
    pools = typing.get_args(eval(arguments["pool"].annotation, {"Literal": typing.Literal}))
    for pool in pools:
        both = {"bidirectional": True} if bidirectional else {}
        network = registry.module("models", name).build(spec, pool=pool, **both)
        lengths = [9, 4, 5, 6]
        x_BTF = inputs(4, (9, 3)).masked_fill(
            (torch.arange(9) >= torch.tensor(lengths)[:, None])[:, :, None], torch.nan
        )
        for mode in (True, False):  # in training, batch norms must not count padding
            expected = network.train(mode)(x_BTF)
            assert expected.isfinite().all()
            longer = network.train(mode)(torch.nn.functional.pad(x_BTF, (0, 0, 0, 6), value=torch.nan))
            torch.testing.assert_close(longer, expected, rtol=1e-5, atol=1e-5)
        alone = torch.cat([network(x_BTF[i : i + 1, :length]) for i, length in enumerate(lengths)])
        torch.testing.assert_close(alone, expected, rtol=1e-5, atol=1e-5)
        network.train()(x_BTF).square().sum().backward()
        assert all(weight.grad is None or weight.grad.isfinite().all() for weight in network.parameters())


def test_an_unpadded_series_is_answered_alike_by_a_network_for_padded_ones() -> None:
    spec, shape = series_example("lstm", 3)
    answers = []
    for is_padded in (False, True):
        torch.manual_seed(0)
        network = registry.module("models", "lstm").build(dataclasses.replace(spec, is_padded=is_padded))
        answers.append(network.eval()(inputs(4, shape)))
    torch.testing.assert_close(*answers)


@every_model
def test_the_seed_decides_the_weights_and_what_training_makes_of_them(name: str, kind: str, channels: int) -> None:
    devices.set_deterministic(True)
    try:
        states = []
        for seed in (3, 3, 4):
            network, shape = built(name, kind, channels, seed=seed)
            trained(network, *learnable(5, shape), lr=1e-3, updates=2)
            states.append(network.state_dict())
        first, again, other = states
        assert all(torch.equal(first[key], again[key]) for key in first)
        assert any(not torch.equal(first[key], other[key]) for key in first)
    finally:
        devices.set_deterministic(False)


@every_model
@pytest.mark.timeout(900)  # vgg16 alone takes three minutes of a core
def test_the_loss_falls_on_what_can_be_learnt(name: str, kind: str, channels: int) -> None:
    network, shape = built(name, kind, channels)
    lr, updates = RATES.get(name, DEFAULT_RATE), UPDATES.get(name, DEFAULT_UPDATES)
    losses = trained(network, *learnable(28, shape), lr=lr, updates=updates)
    assert losses[-1] < 0.5 * losses[0], losses


@every_model
def test_the_last_layer_that_has_parameters_is_the_one_that_knows_the_classes(
    name: str, kind: str, channels: int
) -> None:
    """So that weights for other classes can be taken over, all but that layer's."""
    spec, _ = EXAMPLES[kind](name, channels)
    build = registry.module("models", name).build
    other = build(dataclasses.replace(spec, classes=spec.classes[:2])).state_dict()
    network = build(spec)
    differing = {
        key.rpartition(".")[0] for key, value in network.state_dict().items() if value.shape != other[key].shape
    }
    with_parameters = [layer for layer, module in network.named_modules() if list(module.parameters(recurse=False))]
    assert with_parameters[-1] in differing
    assert all(layer.startswith("aux") for layer in differing - {with_parameters[-1]})


@pytest.mark.parametrize("name", ANSWER_ONCE)
def test_a_description_counts_every_parameter_once(name: str) -> None:
    for kind in set(registry.constant("models", name, "ACCEPTS")) & set(EXAMPLES):
        spec, shape = EXAMPLES[kind](name, 3)
        described = describe(lambda spec=spec: registry.module("models", name).build(spec), shape)
        with torch.device("meta"):
            network = registry.module("models", name).build(spec)
        true = sum(parameter.numel() for parameter in network.parameters())
        assert described.parameters + described.training_only_parameters == true
        assert sum(layer.parameters for layer in described.layers) == described.parameters


# --- every choice that a model offers ---------------------------------------------------------------------------------


def choices(name: str) -> list[tuple[str, Any]]:
    """Argument and value, of all arguments whose values can be listed, less their defaults."""
    known = {"Literal": typing.Literal, **registry.literal_aliases()}
    found = []
    for key, argument in registry.keyword_arguments("models", name, "build").items():
        if argument.annotation == "bool":
            found.append((key, not argument.default))
        elif argument.annotation in known or argument.annotation.startswith("Literal["):
            values = typing.get_args(eval(argument.annotation, {}, known))
            assert argument.default in values
            found += [(key, value) for value in values if value != argument.default]
    return found


every_choice = pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        pytest.param(name, key, value, marks=pytest.mark.slow if name in LARGE else ())
        for name in ANSWER_ONCE
        for key, value in choices(name)
    ],
)


@every_choice
def test_every_choice_builds_and_makes_a_difference(name: str, key: str, value: Any) -> None:
    examples = [EXAMPLES[kind] for kind in registry.constant("models", name, "ACCEPTS") if kind in EXAMPLES]
    forecast_only = registry.constant_or((), "models", name, "FORECAST_ARGUMENTS")
    for example in [forecast_example] if key in forecast_only else examples:
        spec, shape = example(name, 3, longer=8)  # some choices need more than the defaults
        outputs, names = [], []
        for arguments in ({}, {key: value}):
            torch.manual_seed(0)
            network = registry.module("models", name).build(spec, **arguments)
            outputs.append(as_tuple(network.train()(inputs(3, shape))))
            names.append([(name, parameter.shape) for name, parameter in network.named_parameters()])
            answer_BK = network.eval()(inputs(3, shape))
            assert answer_BK.shape == (3, K) and torch.isfinite(answer_BK).all()
        is_same = len(outputs[0]) == len(outputs[1]) and all(map(torch.equal, *outputs)) and names[0] == names[1]
        assert not is_same, f"{key}: {value} changes nothing"
        # Blocks that start at zero, to begin with the identity, hear nothing at first.
        assert_every_parameter_gets_a_finite_gradient(network, shape, may_be_zero=True)


# --- models that read lines -------------------------------------------------------------------------------------------


def line_example(channels: int = 1, tokens: int = V) -> tuple[Spec, Tensor]:
    """(spec, stored lines uint8 (B, H, W, C), of which one fills its row)."""
    vocabulary = ("<pad>", "<unknown>", *"abcdefghijk"[: tokens - 2])
    spec = Spec(
        "image", (16, 37, channels), vocabulary=vocabulary, unit="characters", output="transcript", is_padded=True
    )
    stored = torch.randint(1, 256, (3, *spec.shape), generator=torch.Generator().manual_seed(1))
    return spec, (stored * (torch.arange(37) < torch.tensor([37, 20, 5])[:, None])[:, None, :, None]).to(torch.uint8)


def reader(name: str, channels: int = 1, seed: int = 0, **arguments: Any) -> tuple[NetworkConfig, nn.Sequential]:
    torch.manual_seed(seed)
    mean, std = [0.5] * channels, [0.3] * channels
    config = NetworkConfig(name, arguments, line_example(channels)[0], "transcribe", mean, std, "0123abcd")
    return config, config.build_network()


def assert_it_learns_lines(network: nn.Sequential, stored: Tensor) -> None:
    """Finite logits of each token at each step, and a finite gradient of every parameter."""
    outputs = network.train()(stored)
    steps = as_tuple(outputs)[0].shape[1]
    assert all(output.shape == (3, steps, V) and output.isfinite().all() for output in as_tuple(outputs))
    _, loss = loss_of_heads(ctc, outputs, torch.tensor([[2, 3, 4, 4], [5, 2, 0, 0], [7, 0, 0, 0]]))
    loss.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("name", READERS)
def test_a_reader_says_a_token_or_none_at_each_step_of_a_line(tmp_path: Path, name: str) -> None:
    columns = registry.constant("models", name, "COLUMNS_A_STEP")
    for channels in (1, 3):
        config, network = reader(name, channels)
        stored = line_example(channels)[1]
        assert_it_learns_lines(network, stored)
        with torch.no_grad():
            said_BTV = network.eval()(stored)
        assert said_BTV.shape == (3, -(-37 // columns), V) and said_BTV.dtype == torch.float32
        bundle.save(tmp_path, config, network)
        predictor = load(tmp_path)
        assert torch.equal(predictor.network(stored), said_BTV)  # norms have counted, and it came back
        alone = [line for row in stored for line in predictor.line_outputs(row[None])]
        for one, other, columns_real in zip(alone, predictor.line_outputs(stored), (37, 20, 5), strict=True):
            assert one.shape == other.shape == (-(-columns_real // columns), V)
            torch.testing.assert_close(torch.from_numpy(one), torch.from_numpy(other), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", READERS)
def test_the_seed_decides_a_reader_and_its_heads_alone_know_the_tokens(name: str) -> None:
    first, again, other = (reader(name, seed=seed)[1][1] for seed in (3, 3, 4))
    states = [network.state_dict() for network in (first, again, other)]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert any(not torch.equal(states[0][key], states[2][key]) for key in states[0])
    fewer = registry.module("models", name).build(line_example(tokens=5)[0]).state_dict()
    differing = {key.rpartition(".")[0] for key, value in states[0].items() if value.shape != fewer[key].shape}
    assert registry.constant("models", name, "HEAD") in differing
    assert differing <= {registry.constant("models", name, "HEAD"), "shortcut"}


@pytest.mark.parametrize(("name", "key", "value"), [(name, *choice) for name in READERS for choice in choices(name)])
def test_every_choice_of_a_reader_builds_and_makes_a_difference(name: str, key: str, value: Any) -> None:
    stored, found = line_example()[1], []
    for arguments in ({}, {key: value}):
        network = reader(name, **arguments)[1]
        assert_it_learns_lines(network, stored)
        found.append([(name, parameter.shape) for name, parameter in network.named_parameters()])
    assert found[0] != found[1], f"{key}: {value} changes nothing"


@pytest.mark.parametrize("name", READERS)
def test_a_description_of_a_reader_counts_every_parameter_once(name: str) -> None:
    spec, _ = line_example(3)
    build = registry.module("models", name).build
    found = describe(lambda: build(spec), spec.input_shape)
    assert found.parameters + found.training_only_parameters == sum(p.numel() for p in build(spec).parameters())
    assert sum(layer.parameters for layer in found.layers) == found.parameters
    assert found.training_only_parameters > 0 and found.macs > 0
