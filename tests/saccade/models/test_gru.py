"""The gated recurrent unit network beside torch's own.

Shapes: B batch, C channels, H height, W width, T time steps, F features, D hidden size, K classes.
"""

import pytest
import torch

from saccade.data.spec import Spec
from saccade.models import gru
from saccade.nn.inspect import count_parameters

CLASSES = tuple("abcdefg")
SERIES = Spec("series", (9, 4), CLASSES)


def test_the_number_of_parameters() -> None:
    spec = Spec("image", gru.TYPICAL_SHAPE, tuple("0123456789"))
    assert count_parameters(gru.build(spec)) == 3 * (28 + 128 + 2) * 128 + (128 + 1) * 10 == 61_962


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
