"""The plain recurrent network beside torch's own.

Shapes: B batch, C channels, H height, W width, T time steps, F features, D hidden size, K classes.
"""

import pytest
import torch
from torch import Tensor, nn

from saccade.layers import count_parameters
from saccade.models import rnn
from saccade.recurrence import gradient_norms_over_time
from saccade.spec import Spec

CLASSES = tuple("abcdefg")
K = len(CLASSES)
SERIES = Spec("series", (9, 4), CLASSES)


def inputs(batch: int, shape: tuple[int, ...], seed: int = 1) -> Tensor:
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(seed))


def unequal(network: nn.Module) -> nn.Module:
    """Biases too: the network's own start at 0, which would hide one that is missing."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
    return network.eval()


def test_the_number_of_parameters() -> None:
    spec = Spec("image", rnn.TYPICAL_SHAPE, tuple("0123456789"))
    assert count_parameters(rnn.build(spec)) == (28 + 128 + 2) * 128 + (128 + 1) * 10 == 21_514


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("pool", ["last", "mean", "max"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_it_pools_what_torchs_own_gives(nonlinearity: str, pool: str, bidirectional: bool) -> None:
    network = unequal(
        rnn.build(
            SERIES, hidden_size=5, num_layers=2, nonlinearity=nonlinearity, bidirectional=bidirectional, pool=pool
        )
    )
    by_hand = nn.RNN(4, 5, 2, nonlinearity=nonlinearity, batch_first=True, bidirectional=bidirectional)
    by_hand.load_state_dict(network.recurrent.state_dict())
    x_BTF = inputs(3, (9, 4))
    h_BTD, h_n_LBD = by_hand(x_BTF)
    last_BD = torch.cat([h_n_LBD[-2], h_n_LBD[-1]], dim=1) if bidirectional else h_n_LBD[-1]
    pooled_BD = {"last": last_BD, "mean": h_BTD.mean(dim=1), "max": h_BTD.max(dim=1).values}[pool]
    expected_BK = pooled_BD @ network.head[1].weight.T + network.head[1].bias
    torch.testing.assert_close(network(x_BTF), expected_BK, rtol=1e-5, atol=1e-5)  # relu lets sums grow


@pytest.mark.parametrize("bidirectional", [False, True])
def test_tanh_starts_with_orthogonal_weights_and_relu_with_the_identity(bidirectional: bool) -> None:
    identity = torch.eye(5)
    for nonlinearity in ("tanh", "relu"):
        network = rnn.build(SERIES, hidden_size=5, num_layers=2, bidirectional=bidirectional, nonlinearity=nonlinearity)
        parameters = dict(network.recurrent.named_parameters())
        recurrent = [weight for name, weight in parameters.items() if name.startswith("weight_hh")]
        assert len(recurrent) == (4 if bidirectional else 2)
        for weight_DD in recurrent:
            torch.testing.assert_close(weight_DD @ weight_DD.T, identity, rtol=0, atol=1e-6)
            assert torch.equal(weight_DD, identity) == (nonlinearity == "relu")
        biases = [bias for name, bias in parameters.items() if name.startswith("bias")]
        assert len(biases) == 2 * len(recurrent) and not any(bias.any() for bias in biases)
        assert all(weight.std() > 0.1 for name, weight in parameters.items() if name.startswith("weight_ih"))


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_the_gradient_reaches_the_first_row_and_with_torchs_first_weights_it_does_not(nonlinearity: str) -> None:
    torch.manual_seed(0)
    network = rnn.build(Spec("image", (28, 28, 1), CLASSES), nonlinearity=nonlinearity)
    image_BCHW, target_B = inputs(6, (1, 28, 28)), torch.arange(6) % K

    def share_at_the_first_step() -> float:
        norms_T = gradient_norms_over_time(network, image_BCHW, lambda y: nn.functional.cross_entropy(y, target_B))
        return float(norms_T[0] / norms_T[-1])

    assert 0.01 < share_at_the_first_step() < 100
    network.recurrent.reset_parameters()
    assert share_at_the_first_step() < 1e-5


def test_it_reads_the_rows_of_an_image_from_top_to_bottom() -> None:
    network = unequal(rnn.build(Spec("image", (6, 4, 3), CLASSES), hidden_size=5))
    by_hand = nn.RNN(4 * 3, 5, batch_first=True)
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
    assert rnn.build(SERIES, dropout=0.3).recurrent.dropout == 0  # torch warns where there is nothing between
    network = rnn.build(SERIES, num_layers=2, dropout=0.3)
    assert network.recurrent.dropout == 0.3 and network.head[0].p == 0.3
    x_BTF = inputs(3, (9, 4))
    assert not torch.equal(network.train()(x_BTF), network(x_BTF))
    assert torch.equal(network.eval()(x_BTF), network(x_BTF))


def test_it_takes_series_of_any_length() -> None:
    assert rnn.build(SERIES, hidden_size=5).eval()(inputs(3, (13, 4))).shape == (3, K)
