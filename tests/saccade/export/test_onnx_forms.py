"""Layers in a form that ONNX has give in torch what the layers that they stand for give.

Shapes: N examples, T time steps, F features.
"""

from typing import Any

import pytest
import torch
from sequence_bundles import PADDED, TEXTS, trained
from torch import Tensor, nn

from saccade.export.onnx_forms import (
    CountedNgrams,
    GatheredLastStep,
    LongEnough,
    MaxPoolOfRows,
    OnnxRNN,
    in_onnx_form,
)

TEXTS_OF_ALL_LENGTHS = torch.tensor(
    [[0] * 9, [2, *[0] * 8], [3, 4, 3, *[0] * 6], [5, 5, 5, 5, 5, 0, 0, 0, 0], [2, 3, 4, 5, 6, 7, 8, 9, 10]]
).int()


def padded_series() -> Tensor:
    x_NTF = torch.randn(4, 9, 3, generator=torch.Generator().manual_seed(1))
    for row, length in enumerate((1, 4, 8, 9)):
        x_NTF[row, length:] = float("nan")
    return x_NTF


@pytest.mark.parametrize(
    ("name", "arguments", "form"),
    [
        ("bag_of_ngrams", {"buckets": 5, "ngram_length": 3}, CountedNgrams),  # few: many n-grams share one
        ("conv1d", {"channels": [4, 5], "kernel_size": 3, "padding": "valid"}, LongEnough),
        ("conv1d", {"channels": [4, 5], "kernel_size": 3, "pool": "mean"}, MaxPoolOfRows),
        ("gru", {"hidden_size": 5, "bidirectional": True}, GatheredLastStep),
        ("lstm", {"hidden_size": 5}, GatheredLastStep),
    ],
)
def test_a_form_answers_as_the_layer_it_stands_for(name: str, arguments: dict[str, Any], form: type[nn.Module]) -> None:
    for spec, examples in ((TEXTS, TEXTS_OF_ALL_LENGTHS), (PADDED, padded_series())):
        if spec is PADDED and name == "bag_of_ngrams":
            continue
        network = trained(name, spec, scale=2.0, **arguments).network
        before = {key: value.clone() for key, value in network.state_dict().items()}
        formed = in_onnx_form(network)
        assert any(type(layer) is form for layer in formed.modules())
        assert not any(type(layer) is form for layer in network.modules())
        with torch.no_grad():
            for steps in (1, 2, 5, 9):
                x = examples[:, :steps]
                torch.testing.assert_close(formed(x), network(x), rtol=1e-5, atol=1e-6)
        assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_a_recurrence_takes_both_directions_of_each_layer() -> None:
    rnn = nn.RNN(3, 5, num_layers=2, bidirectional=True, batch_first=True, nonlinearity="relu")
    form = OnnxRNN(rnn)
    assert (form.directions, form.activation) == (2, "Relu")
    for layer in range(2):
        for direction, suffix in enumerate(("", "_reverse")):
            own = {name: getattr(rnn, f"{name}_l{layer}{suffix}") for name in ("weight_ih", "weight_hh")}
            assert torch.equal(getattr(form, f"w_{layer}")[direction], own["weight_ih"])
            assert torch.equal(getattr(form, f"r_{layer}")[direction], own["weight_hh"])
            both = torch.cat([getattr(rnn, f"{name}_l{layer}{suffix}") for name in ("bias_ih", "bias_hh")])
            assert torch.equal(getattr(form, f"b_{layer}")[direction], both)
