"""The LSTM beside torch's own.

Shapes: B batch, C channels, H height, W width, T time steps, F features, D hidden size, K classes.
"""

import pytest
import torch
from torch import Tensor, nn

from saccade.models import lstm
from saccade.spec import Spec

CLASSES = tuple("abcdefg")
K = len(CLASSES)


def inputs(batch: int, shape: tuple[int, ...], seed: int = 1) -> Tensor:
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(seed))


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
    network = lstm.build(Spec("image", (6, 4, 3), CLASSES), hidden_size=5).eval()
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


def test_the_names_of_the_weights_are_those_of_earlier_bundles() -> None:
    network = lstm.build(Spec("series", (9, 4), CLASSES), num_layers=2, bidirectional=True)
    recurrent = [
        f"recurrent.{kind}_l{layer}{direction}"
        for layer in (0, 1)
        for direction in ("", "_reverse")
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    assert list(network.state_dict()) == [*recurrent, "head.1.weight", "head.1.bias"]
    attentive = lstm.build(Spec("series", (9, 4), CLASSES), pool="attention").state_dict()
    assert set(attentive) - set(network.state_dict()) == {
        "pool.project.weight",
        "pool.project.bias",
        "pool.score.weight",
    }
