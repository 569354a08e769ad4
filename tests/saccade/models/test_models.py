"""One contract that every registered model keeps.

A new file in models/ is tested without a change here, unless it needs larger images (``SIDES``) or another kind of
data (``EXAMPLES``).

Shapes: B batch, C channels, H height, W width, T time steps, F features, K classes.
"""

import typing

import pytest
import torch
from torch import Tensor, nn

from saccade import registry
from saccade.spec import Kind, Spec

K = 7
SIDES: dict[str, tuple[int, int]] = {}  # height and width, where a model cannot take the default
DEFAULT_SIDES = (22, 18)
CLASSES = tuple("abcdefg")


def image_spec(height: int, width: int, channels: int, classes: int = K) -> Spec:
    return Spec("image", (height, width, channels), tuple(f"class {k}" for k in range(classes)))


def image_examples(name: str, channels: int) -> tuple[Spec, tuple[int, ...]]:
    """(spec, shape of one network input)."""
    height, width = SIDES.get(name, DEFAULT_SIDES)
    return image_spec(height, width, channels), (channels, height, width)


def series_examples(name: str, channels: int) -> tuple[Spec, tuple[int, ...]]:
    return Spec("series", (9, channels), CLASSES), (9, channels)


EXAMPLES = {"image": image_examples, "series": series_examples}

every_model = pytest.mark.parametrize(
    ("name", "kind", "channels"),
    [
        (name, kind, channels)
        for name in registry.names("models")
        for kind in registry.constant("models", name, "ACCEPTS")
        for channels in (1, 3)
    ],
)


def built(name: str, kind: str, channels: int, seed: int = 0) -> tuple[nn.Module, tuple[int, ...]]:
    spec, shape = EXAMPLES[kind](name, channels)
    torch.manual_seed(seed)
    return registry.module("models", name).build(spec), shape


def inputs(batch: int, shape: tuple[int, ...], seed: int = 1) -> Tensor:
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(seed))


def test_there_are_models() -> None:
    assert {"lenet5", "lstm"} <= set(registry.names("models"))


@pytest.mark.parametrize("name", registry.names("models"))
def test_what_a_model_accepts_is_known(name: str) -> None:
    accepts = registry.module("models", name).ACCEPTS
    assert accepts == registry.constant("models", name, "ACCEPTS")
    assert isinstance(accepts, tuple) and accepts and set(accepts) <= set(typing.get_args(Kind))
    assert registry.summary("models", name)


@every_model
def test_the_output_is_one_finite_logit_a_class(name: str, kind: str, channels: int) -> None:
    network, shape = built(name, kind, channels)
    for batch in (1, 3):
        logits_BK = network.eval()(inputs(batch, shape))
        assert logits_BK.shape == (batch, K) and logits_BK.dtype == torch.float32
        assert torch.isfinite(logits_BK).all()
    assert logits_BK.std() > 0


@every_model
def test_every_parameter_gets_a_finite_gradient(name: str, kind: str, channels: int) -> None:
    network, shape = built(name, kind, channels)
    target_B = torch.arange(5) % K
    nn.functional.cross_entropy(network.train()(inputs(5, shape)), target_B).backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
        assert parameter.grad.abs().max() > 0, parameter_name


@every_model
def test_weights_go_through_a_state_dict(name: str, kind: str, channels: int) -> None:
    first, shape = built(name, kind, channels, seed=0)
    second, _ = built(name, kind, channels, seed=1)
    x = inputs(3, shape)
    assert not torch.equal(first.eval()(x), second.eval()(x))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(x), second(x))


@every_model
def test_the_answer_does_not_depend_on_who_else_is_in_the_batch(name: str, kind: str, channels: int) -> None:
    network, shape = built(name, kind, channels)
    x = inputs(6, shape)
    with torch.no_grad():
        whole = network.eval()(x)
        for size in (1, 4):
            parts = torch.cat([network(part) for part in x.split(size)])
            torch.testing.assert_close(parts, whole, rtol=1e-5, atol=1e-6)


@every_model
def test_the_seed_decides_the_weights(name: str, kind: str, channels: int) -> None:
    first, again, other = (built(name, kind, channels, seed=seed)[0].state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@every_model
def test_the_loss_falls_on_what_can_be_learnt(name: str, kind: str, channels: int) -> None:
    network, shape = built(name, kind, channels)
    target_B = torch.arange(28) % K
    prototypes = inputs(K, shape, seed=2)
    x = prototypes[target_B] + 0.1 * inputs(28, shape, seed=3)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network.train()(x), target_B)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
