"""rnn, gru and lstm beside torch's own modules: what the three have in common.

Shapes: B batch, C channels, H height, W width, T time steps, F features, L layers, D hidden size, K classes.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from saccade.core import registry
from saccade.data.spec import Spec

CLASSES = tuple("abcdefg")
K = len(CLASSES)
SERIES = Spec("series", (9, 4), CLASSES)
OF_TORCH: dict[str, Any] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def inputs(batch: int, shape: tuple[int, ...], seed: int = 1) -> Tensor:
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(seed))


def built(name: str, spec: Spec = SERIES, **arguments: object) -> Any:
    return registry.module("models", name).build(spec, **arguments)


def unequal(network: nn.Module) -> Any:
    """All weights drawn anew: those that start alike or at 0 would hide one that is missing or in another's place."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
    return network.eval()


def last_hidden(state: Tensor | tuple[Tensor, Tensor]) -> Tensor:
    """h_n of what torch's module returns beside its outputs: of an LSTM, the first of two."""
    return state[0] if isinstance(state, tuple) else state


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("rnn", {"nonlinearity": "tanh"}), ("rnn", {"nonlinearity": "relu"}), ("gru", {}), ("lstm", {})],
)
@pytest.mark.parametrize("pool", ["last", "mean", "max"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_it_pools_what_torchs_own_gives(name: str, arguments: dict[str, Any], pool: str, bidirectional: bool) -> None:
    network = unequal(built(name, hidden_size=5, num_layers=2, bidirectional=bidirectional, pool=pool, **arguments))
    by_hand = OF_TORCH[name](4, 5, 2, batch_first=True, bidirectional=bidirectional, **arguments)
    by_hand.load_state_dict(network.recurrent.state_dict())
    x_BTF = inputs(3, (9, 4))
    h_BTD, state = by_hand(x_BTF)
    h_n_LBD = last_hidden(state)
    forward, backward = h_n_LBD[-2 if bidirectional else -1], h_n_LBD[-1]
    last_BD = torch.cat([forward, backward], dim=1) if bidirectional else forward
    pooled_BD = {"last": last_BD, "mean": h_BTD.mean(dim=1), "max": h_BTD.max(dim=1).values}[pool]
    expected_BK = pooled_BD @ network.head[1].weight.T + network.head[1].bias
    tolerance = 1e-5 if name == "rnn" else 1e-6  # relu lets sums grow
    torch.testing.assert_close(network(x_BTF), expected_BK, rtol=1e-5, atol=tolerance)
    if pool == "last":  # forward ends at the last step, backward at the first
        torch.testing.assert_close(forward, h_BTD[:, -1, :5], rtol=1e-5, atol=1e-6)
        if bidirectional:
            torch.testing.assert_close(backward, h_BTD[:, 0, 5:], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OF_TORCH)
def test_it_reads_the_rows_of_an_image_from_top_to_bottom(name: str) -> None:
    network = unequal(built(name, Spec("image", (6, 4, 3), CLASSES), hidden_size=5))
    by_hand = OF_TORCH[name](4 * 3, 5, batch_first=True)
    by_hand.load_state_dict(network.recurrent.state_dict())

    def answer(image_BCHW: Tensor, rows: list[int]) -> Tensor:
        steps = [torch.cat([image_BCHW[:, c, row] for c in range(3)], dim=1) for row in rows]
        _, state = by_hand(torch.stack(steps, dim=1))
        return network.head[1](last_hidden(state)[0])

    image_BCHW = inputs(2, (3, 6, 4))
    torch.testing.assert_close(network(image_BCHW), answer(image_BCHW, [0, 1, 2, 3, 4, 5]), rtol=1e-5, atol=1e-6)
    swapped = image_BCHW[:, :, [0, 4, 2, 3, 1, 5]]
    torch.testing.assert_close(network(swapped), answer(image_BCHW, [0, 4, 2, 3, 1, 5]), rtol=1e-5, atol=1e-6)
    assert (network(swapped) - network(image_BCHW)).abs().max() > 1e-3


@pytest.mark.parametrize("name", OF_TORCH)
def test_it_drops_between_layers_and_before_the_output_and_only_in_training(name: str) -> None:
    assert built(name, dropout=0.3).recurrent.dropout == 0  # torch warns where there is nothing between
    network = built(name, num_layers=2, dropout=0.3)
    assert network.recurrent.dropout == 0.3 and network.head[0].p == 0.3
    x_BTF = inputs(3, (9, 4))
    assert not torch.equal(network.train()(x_BTF), network(x_BTF))
    assert torch.equal(network.eval()(x_BTF), network(x_BTF))


@pytest.mark.parametrize("name", OF_TORCH)
def test_it_takes_series_of_any_length(name: str) -> None:
    network = built(name, hidden_size=5).eval()
    assert network.recurrent.input_size == 4
    assert network(inputs(3, (13, 4))).shape == (3, K)
