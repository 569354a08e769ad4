"""One contract that every registered model keeps, and what is particular to each.

A new file in models/ is tested without a change here, unless it needs larger images (``SIDES``) or another kind of
data (``EXAMPLES``).

Shapes: B batch, C channels, H height, W width, T time steps, F features, D hidden size, K classes.
"""

import typing

import pytest
import torch
from torch import Tensor, nn

from saccade import registry
from saccade.errors import UserError
from saccade.layers import count_parameters
from saccade.models import lenet5, lstm
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


@pytest.mark.parametrize(("size", "padding"), [(32, 0), (28, 2)])
def test_lenet5_has_the_papers_number_of_parameters(size: int, padding: int) -> None:
    network = lenet5.build(image_spec(size, size, 1, classes=10), padding=padding)
    by_layer = [
        count_parameters(layer) for layer in (*network.features, *network.classifier) if count_parameters(layer)
    ]
    assert by_layer == [156, 2416, 48120, 10164, 850]
    assert count_parameters(network) == 61_706
    assert network(inputs(2, (1, size, size))).shape == (2, 10)


def test_lenet5_is_what_its_table_says() -> None:
    torch.manual_seed(0)
    network = lenet5.build(image_spec(20, 24, 3), padding=1, activation="tanh", pooling="average").eval()
    c1, _, _, c3, _, _ = network.features
    f5, _, _, f6, _, _, output = network.classifier
    x = inputs(2, (3, 20, 24))
    by_hand = nn.functional.avg_pool2d(torch.tanh(nn.functional.conv2d(x, c1.weight, c1.bias, padding=1)), 2)
    by_hand = nn.functional.avg_pool2d(torch.tanh(nn.functional.conv2d(by_hand, c3.weight, c3.bias)), 2)
    by_hand = torch.tanh(by_hand.flatten(1) @ f5.weight.T + f5.bias)
    by_hand = torch.tanh(by_hand @ f6.weight.T + f6.bias) @ output.weight.T + output.bias
    torch.testing.assert_close(network(x), by_hand, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_lenet5_activates_behind_a_maximum_what_everyone_activates_before_it(activation: str) -> None:
    network = lenet5.build(image_spec(20, 24, 3), activation=activation).eval()
    c1, _, _, c3, _, _ = network.features
    act = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}[activation]
    x_BCHW = torch.randn(2, 3, 20, 24)
    s2_BCHW = nn.functional.max_pool2d(act(c1(x_BCHW)), 2)
    assert torch.equal(network.features(x_BCHW), nn.functional.max_pool2d(act(c3(s2_BCHW)), 2))


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_lenet5_has_a_norm_before_each_activation_and_no_bias_that_it_would_take_away(pooling: str) -> None:
    network = lenet5.build(image_spec(20, 24, 3), pooling=pooling, normalisation="batch")
    kinds = [type(layer).__name__.rstrip("2d") for layer in network.features]
    conv, norm, pool = "Conv", "BatchNorm", {"max": "MaxPool", "average": "AvgPool"}[pooling]
    assert kinds == ([conv, pool, norm, "ReLU"] if pooling == "max" else [conv, norm, "ReLU", pool]) * 2
    convolutions = [layer for layer in network.features if isinstance(layer, nn.Conv2d)]
    norms = [layer for layer in network.features if isinstance(layer, nn.BatchNorm2d)]
    assert [layer.bias for layer in convolutions] == [None, None]
    assert [layer.num_features for layer in norms] == [6, 16]


@pytest.mark.parametrize(("padding", "least"), [(0, 16), (1, 14), (2, 12)])
def test_lenet5_names_the_least_side_and_takes_it(padding: int, least: int) -> None:
    message = rf"lenet5 cannot take {least - 1}x40 images: a side must be at least {least} \(padding {padding}\)"
    with pytest.raises(UserError, match=message):
        lenet5.build(image_spec(least - 1, 40, 1), padding=padding)
    with pytest.raises(UserError, match=f"40x{least - 1} images: a side must be at least {least}"):
        lenet5.build(image_spec(40, least - 1, 1), padding=padding)
    network = lenet5.build(image_spec(least, 40, 1), padding=padding)
    assert network(inputs(2, (1, least, 40))).shape == (2, K)


def test_lenet5_drops_only_while_it_trains() -> None:
    network = lenet5.build(image_spec(20, 18, 1), dropout=0.5)
    x = inputs(3, (1, 20, 18))
    assert not torch.equal(network.train()(x), network(x))
    assert torch.equal(network.eval()(x), network(x))
    assert [layer.p for layer in network.classifier if isinstance(layer, nn.Dropout)] == [0.5, 0.5]


def test_lenet5_refuses_unknown_parts() -> None:
    with pytest.raises(UserError, match=r"activation \('gelu'\) must be one of relu, tanh, sigmoid"):
        lenet5.build(image_spec(20, 18, 1), activation="gelu")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"pooling \('min'\) must be one of max, average"):
        lenet5.build(image_spec(20, 18, 1), pooling="min")  # type: ignore[arg-type]


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_lstms_forget_gates_start_open(bidirectional: bool) -> None:
    network = lstm.build(Spec("series", (9, 4), CLASSES), hidden_size=5, num_layers=2, bidirectional=bidirectional)
    biases = {name: bias for name, bias in network.recurrent.named_parameters() if name.startswith("bias")}
    assert len(biases) == (8 if bidirectional else 4)
    for name, bias in biases.items():
        expected = 1.0 if name.startswith("bias_ih") else 0.0  # torch adds the two
        assert torch.equal(bias[5:10], torch.full((5,), expected)), name  # the order is i, f, g, o
        others = torch.cat([bias[:5], bias[10:]])
        assert others.abs().max() <= 5**-0.5 and others.abs().min() > 0, name


@pytest.mark.parametrize("pool", ["last", "mean", "max"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_lstm_pools_what_torchs_own_gives(pool: str, bidirectional: bool) -> None:
    torch.manual_seed(0)
    spec = Spec("series", (9, 4), CLASSES)
    network = lstm.build(spec, hidden_size=5, num_layers=2, bidirectional=bidirectional, pool=pool).eval()
    by_hand = nn.LSTM(4, 5, 2, batch_first=True, bidirectional=bidirectional)
    by_hand.load_state_dict(network.recurrent.state_dict())
    x_BTF = inputs(3, (9, 4))
    h_BTD, (h_n_LBD, _) = by_hand(x_BTF)
    forward, backward = h_n_LBD[-2 if bidirectional else -1], h_n_LBD[-1]
    last_BD = torch.cat([forward, backward], dim=1) if bidirectional else forward
    pooled_BD = {"last": last_BD, "mean": h_BTD.mean(dim=1), "max": h_BTD.max(dim=1).values}[pool]
    torch.testing.assert_close(network(x_BTF), network.head[1](pooled_BD), rtol=1e-5, atol=1e-6)
    if pool == "last":  # forward ends at the last step, backward at the first
        torch.testing.assert_close(forward, h_BTD[:, -1, :5], rtol=1e-5, atol=1e-6)
        if bidirectional:
            torch.testing.assert_close(backward, h_BTD[:, 0, 5:], rtol=1e-5, atol=1e-6)


def test_the_lstm_reads_the_rows_of_an_image_from_top_to_bottom() -> None:
    torch.manual_seed(0)
    network = lstm.build(image_spec(6, 4, 3), hidden_size=5).eval()
    by_hand = nn.LSTM(4 * 3, 5, batch_first=True)
    by_hand.load_state_dict(network.recurrent.state_dict())

    def answer(image_BCHW: Tensor, rows: list[int]) -> Tensor:
        steps = [torch.cat([image_BCHW[:, c, row] for c in range(3)], dim=1) for row in rows]
        _, (h_n_LBD, _) = by_hand(torch.stack(steps, dim=1))
        return network.head[1](h_n_LBD[0])

    image_BCHW = inputs(2, (3, 6, 4))
    torch.testing.assert_close(network(image_BCHW), answer(image_BCHW, [0, 1, 2, 3, 4, 5]), rtol=1e-5, atol=1e-6)
    swapped = image_BCHW[:, :, [0, 4, 2, 3, 1, 5]]
    torch.testing.assert_close(network(swapped), answer(image_BCHW, [0, 4, 2, 3, 1, 5]), rtol=1e-5, atol=1e-6)
    assert (network(swapped) - network(image_BCHW)).abs().max() > 1e-3


def test_the_lstm_takes_series_of_any_length() -> None:
    network = lstm.build(Spec("series", (9, 4), CLASSES), hidden_size=5).eval()
    assert network.recurrent.input_size == 4
    assert network(inputs(3, (13, 4))).shape == (3, K)


def test_the_lstm_drops_between_layers_and_before_the_output() -> None:
    spec = Spec("series", (9, 4), CLASSES)
    assert lstm.build(spec, dropout=0.3).recurrent.dropout == 0  # torch warns where there is nothing between
    network = lstm.build(spec, num_layers=2, dropout=0.3)
    assert network.recurrent.dropout == 0.3
    assert network.head[0].p == 0.3
    x = inputs(3, (9, 4))
    assert not torch.equal(network.train()(x), network(x))
    assert torch.equal(network.eval()(x), network(x))
