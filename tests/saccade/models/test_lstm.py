"""The LSTM beside torch's own.

Shapes: B batch, C channels, H height, W width, T time steps, F features, D hidden size, K classes.
"""

import pytest
import torch

from saccade.data.spec import Spec
from saccade.models import lstm

CLASSES = tuple("abcdefg")


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
