"""The gated recurrent unit network beside torch's own.

Shapes: B batch, C channels, H height, W width, T time steps, F features, D hidden size, K classes.
"""

import pytest
import torch
from torch import Tensor, nn

from saccade.layers import count_parameters
from saccade.models import gru
from saccade.spec import Spec

CLASSES = tuple("abcdefg")
K = len(CLASSES)
SERIES = Spec("series", (9, 4), CLASSES)


def inputs(batch: int, shape: tuple[int, ...], seed: int = 1) -> Tensor:
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(seed))


def test_the_number_of_parameters() -> None:
    spec = Spec("image", gru.TYPICAL_SHAPE, tuple("0123456789"))
    assert count_parameters(gru.build(spec)) == 3 * (28 + 128 + 2) * 128 + (128 + 1) * 10 == 61_962


@pytest.mark.parametrize("pool", ["last", "mean", "max"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_it_pools_what_torchs_own_gives(pool: str, bidirectional: bool) -> None:
    torch.manual_seed(0)
    network = gru.build(SERIES, hidden_size=5, num_layers=2, bidirectional=bidirectional, pool=pool).eval()
    by_hand = nn.GRU(4, 5, 2, batch_first=True, bidirectional=bidirectional)
    by_hand.load_state_dict(network.recurrent.state_dict())
    x_BTF = inputs(3, (9, 4))
    h_BTD, h_n_LBD = by_hand(x_BTF)
    last_BD = torch.cat([h_n_LBD[-2], h_n_LBD[-1]], dim=1) if bidirectional else h_n_LBD[-1]
    pooled_BD = {"last": last_BD, "mean": h_BTD.mean(dim=1), "max": h_BTD.max(dim=1).values}[pool]
    expected_BK = pooled_BD @ network.head[1].weight.T + network.head[1].bias
    torch.testing.assert_close(network(x_BTF), expected_BK, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_update_gates_start_open(bidirectional: bool) -> None:
    network = gru.build(SERIES, hidden_size=5, num_layers=2, bidirectional=bidirectional)
    biases = {name: bias for name, bias in network.recurrent.named_parameters() if name.startswith("bias")}
    assert len(biases) == (8 if bidirectional else 4)
    for name, bias in biases.items():
        expected = 1.0 if name.startswith("bias_ih") else 0.0  # torch adds the two
        assert torch.equal(bias[5:10], torch.full((5,), expected)), name  # the order is r, z, n
        others = torch.cat([bias[:5], bias[10:]])
        assert others.abs().max() <= 5**-0.5 and others.abs().min() > 0, name


def test_an_open_update_gate_keeps_three_quarters_of_the_memory() -> None:
    """What opens it must be the gate that keeps: without input, half as much is lost a step as torch's own would."""
    network = gru.build(SERIES, hidden_size=5)
    with torch.no_grad():
        for name, parameter in network.recurrent.named_parameters():
            if name.startswith("weight"):
                parameter.zero_()
            else:
                parameter[10:] = 0.0  # the new content is 0, so all that is left was kept
    h_BTD, _ = network.recurrent(torch.zeros(1, 3, 4), torch.ones(1, 1, 5))
    kept = float(torch.sigmoid(torch.tensor(1.0)))
    assert kept == pytest.approx(0.731, abs=1e-3)
    torch.testing.assert_close(h_BTD[0], torch.tensor([[kept], [kept**2], [kept**3]]).expand(3, 5))


def test_it_reads_the_rows_of_an_image_from_top_to_bottom() -> None:
    torch.manual_seed(0)
    network = gru.build(Spec("image", (6, 4, 3), CLASSES), hidden_size=5).eval()
    by_hand = nn.GRU(4 * 3, 5, batch_first=True)
    by_hand.load_state_dict(network.recurrent.state_dict())

    def answer(image_BCHW: Tensor, rows: list[int]) -> Tensor:
        steps = [torch.cat([image_BCHW[:, c, row] for c in range(3)], dim=1) for row in rows]
        _, h_n_LBD = by_hand(torch.stack(steps, dim=1))
        return network.head[1](h_n_LBD[0])

    image_BCHW = inputs(2, (3, 6, 4))
    torch.testing.assert_close(network(image_BCHW), answer(image_BCHW, [0, 1, 2, 3, 4, 5]), rtol=1e-5, atol=1e-6)
    swapped = image_BCHW[:, :, [0, 4, 2, 3, 1, 5]]
    torch.testing.assert_close(network(swapped), answer(image_BCHW, [0, 4, 2, 3, 1, 5]), rtol=1e-5, atol=1e-6)
    assert (network(swapped) - network(image_BCHW)).abs().max() > 1e-3


def test_it_drops_between_layers_and_before_the_output_and_only_in_training() -> None:
    assert gru.build(SERIES, dropout=0.3).recurrent.dropout == 0  # torch warns where there is nothing between
    network = gru.build(SERIES, num_layers=2, dropout=0.3)
    assert network.recurrent.dropout == 0.3 and network.head[0].p == 0.3
    x_BTF = inputs(3, (9, 4))
    assert not torch.equal(network.train()(x_BTF), network(x_BTF))
    assert torch.equal(network.eval()(x_BTF), network(x_BTF))


def test_it_takes_series_of_any_length() -> None:
    assert gru.build(SERIES, hidden_size=5).eval()(inputs(3, (13, 4))).shape == (3, K)
