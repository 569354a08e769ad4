"""The plain recurrent network beside torch's own.

Shapes: B batch, C channels, H height, W width, T time steps, F features, D hidden size, K classes.
"""

import pytest
import torch
from torch import Tensor, nn

from saccade.data.spec import Spec
from saccade.models import rnn
from saccade.nn.inspect import count_parameters
from saccade.nn.sequence_networks import gradient_norms_over_time

CLASSES = tuple("abcdefg")
K = len(CLASSES)
SERIES = Spec("series", (9, 4), CLASSES)


def inputs(batch: int, shape: tuple[int, ...], seed: int = 1) -> Tensor:
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(seed))


def test_the_number_of_parameters() -> None:
    spec = Spec("image", rnn.TYPICAL_SHAPE, tuple("0123456789"))
    assert count_parameters(rnn.build(spec)) == (28 + 128 + 2) * 128 + (128 + 1) * 10 == 21_514


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
