"""Gates and states computed step by step are those of torch's layers."""

import pytest
import torch
from sequence_bundles import NEXT, ROWS, TEXTS, trained
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.explain.sequences import read_states
from saccade.explain.sequences.states import unroll_gates


def random_layer(kind: type[nn.RNNBase], **options: object) -> nn.RNNBase:
    torch.manual_seed(4)
    layer = kind(3, 5, batch_first=True, **options)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    return layer.eval()


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    "kind, options",
    [(nn.LSTM, {}), (nn.GRU, {}), (nn.RNN, {}), (nn.RNN, {"nonlinearity": "relu"}), (nn.LSTM, {"bias": False})],
)
@torch.no_grad()
def test_equal_to_torch(kind: type[nn.RNNBase], options: dict, bidirectional: bool) -> None:
    layer = random_layer(kind, num_layers=2, bidirectional=bidirectional, **options)
    x_BTF = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(1))
    expected_BTW, last = layer(x_BTF)
    found = dict(unroll_gates(layer, x_BTF))
    names = ["layer 2 forwards", "layer 2 backwards"] if bidirectional else ["layer 2"]
    own_BTW = torch.cat([found[name]["hidden"] for name in names], dim=2)
    torch.testing.assert_close(own_BTW, expected_BTW, rtol=1e-6, atol=1e-6)
    if kind is nn.LSTM:
        first = "layer 1 forwards" if bidirectional else "layer 1"
        torch.testing.assert_close(found[first]["cell"][:, -1], last[1][0], rtol=1e-6, atol=1e-6)


@torch.no_grad()
def test_gates_of_an_lstm_by_the_equations_of_the_course() -> None:
    layer = random_layer(nn.LSTM)
    x_BTF = torch.randn(1, 4, 3, generator=torch.Generator().manual_seed(2))
    ((_, values),) = unroll_gates(layer, x_BTF)
    h, c = values["hidden"][:, 1], values["cell"][:, 1]

    def total(rows: slice) -> Tensor:
        w_x, w_h, b_x, b_h = (weight[rows] for weight in layer.all_weights[0])
        return x_BTF[:, 2] @ w_x.T + b_x + h @ w_h.T + b_h

    forget, into, out = (torch.sigmoid(total(slice(5 * k, 5 * k + 5))) for k in (1, 0, 3))
    candidate = torch.tanh(total(slice(10, 15)))
    for name, value in (("forget", forget), ("input", into), ("output", out), ("candidate", candidate)):
        torch.testing.assert_close(values[name][:, 2], value)
    torch.testing.assert_close(values["cell"][:, 2], forget * c + into * candidate)
    torch.testing.assert_close(values["hidden"][:, 2], out * torch.tanh(forget * c + into * candidate))


@pytest.mark.parametrize("model, names", [("lstm", 6), ("gru", 4), ("rnn", 1)])
def test_both_directions_of_a_padded_text(model: str, names: int) -> None:
    network = trained(model, TEXTS, embedding_size=4, hidden_size=5, bidirectional=True, num_layers=2)
    text = torch.tensor([[2, 5, 3, 9, 0, 0]], dtype=torch.int32)
    found = read_states(network, text)
    assert [layer.name for layer in found] == [
        "layer 1 forwards", "layer 1 backwards", "layer 2 forwards", "layer 2 backwards"
    ]  # fmt: skip
    assert all(len(layer.values) == names and layer.values["hidden"].shape == (4, 5) for layer in found)
    alone = read_states(network, text[:, :4])
    for padded, plain in zip(found, alone, strict=True):
        torch.testing.assert_close(torch.tensor(padded.values["hidden"]), torch.tensor(plain.values["hidden"]))
    # The answer is made of the last output forwards and the first one backwards
    with torch.no_grad():
        last = torch.tensor([*found[2].values["hidden"][3], *found[3].values["hidden"][0]])
        torch.testing.assert_close(network.network[1].head(last[None]), network.network(text), rtol=1e-5, atol=1e-6)


def test_of_rows_of_next_tokens_and_of_members() -> None:
    (rows,) = read_states(trained("lstm", ROWS, hidden_size=6), torch.zeros(1, 8, 5, 1, dtype=torch.uint8))
    assert rows.name == "layer 1" and rows.values["cell"].shape == (8, 6) and rows.memory == "cell"
    text = torch.tensor([[2, 5, 3]], dtype=torch.int32)
    (letters,) = read_states(trained("gru", NEXT, embedding_size=4, hidden_size=6), text, keep=("update",))
    assert set(letters.values) == {"update"}
    both = read_states(trained("rnn", TEXTS, config={"members": 2}, hidden_size=3), text)
    assert [layer.name for layer in both] == ["member 1, layer 1", "member 2, layer 1"]


def test_nothing_recurs() -> None:
    with pytest.raises(UserError, match=r"model \(conv1d\) must recur"):
        read_states(trained("conv1d", TEXTS, channels=[3]), torch.tensor([[2, 5, 3]], dtype=torch.int32))
