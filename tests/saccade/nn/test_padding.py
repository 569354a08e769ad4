"""Padding is inert: what a network says of a text does not move when padding is appended, or longer texts join it.

Bitwise where the same numbers go through the same operations in the same order. Sums over more steps, and products of
other sizes, round in another order: there the bound is a few float32 roundings (2^-24 = 6e-8) of numbers about 1.

Shapes: B batch, T time steps, E numbers that a token becomes, L layers, D units, W width of a step's output, K classes.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from pairwise import slow_but_pairwise
from torch import Tensor, nn

from saccade.core import devices, registry
from saccade.data.spec import Spec
from saccade.nn.padding import MaskedBatchNorm1d, length_mask, reverse_padded, sequence_lengths
from saccade.nn.text_networks import BidirectionalRNN

K, V, LONGEST = 3, 11, 13
SPEC = Spec("tokens", (LONGEST,), tuple("abc"), (), ("<pad>", "<unknown>", *"cdefghijk"), "characters")
NEXT = Spec("tokens", (LONGEST,), (), (), SPEC.vocabulary, "characters", output="per_token")
LENGTHS = (13, 1, 6, 7, 2, 9)
POOLS = ("last", "mean", "max", "attention")
ROUNDING = {"rtol": 1e-5, "atol": 1e-6}

RECURRENT = [
    pytest.param(name, {"pool": pool, "bidirectional": bidirectional, "num_layers": layers, "hidden_size": 5,
                        "dropout": dropout}, marks=marks)
    for (name, pool, bidirectional, (layers, dropout)), marks in slow_but_pairwise(
        ("rnn", "gru", "lstm"), POOLS, (False, True), ((1, 0.0), (1, 0.4), (3, 0.0))
    )
]  # fmt: skip
CONVOLUTIONAL = [
    pytest.param("conv1d", {"channels": [6, 5, 4], "kernel_size": size, "padding": padding, "normalisation": norm,
                            "pooling": pooling, "activation": activation, "pool": pool}, marks=marks)
    for ((size, padding), norm, pooling, activation, pool), marks in slow_but_pairwise(
        ((5, "same"), (2, "valid")), ("none", "batch"), ("max", "average", "none"), ("relu", "tanh", "sigmoid"),
        ("max", "mean"),
    )
]  # fmt: skip
every_network = pytest.mark.parametrize(("name", "arguments"), RECURRENT + CONVOLUTIONAL)


def texts(lengths: tuple[int, ...] = LENGTHS, seed: int = 0) -> list[Tensor]:
    random = torch.Generator().manual_seed(seed)
    return [torch.randint(1, V, (length,), generator=random) for length in lengths]


def padded(some: list[Tensor], extra: int = 0) -> Tensor:
    token_BT = nn.utils.rnn.pad_sequence(some, batch_first=True)
    return nn.functional.pad(token_BT, (0, extra))


def unequal(network: nn.Module) -> nn.Module:
    """Weights drawn anew, and norms that have seen something: what starts at 0 or 1 would hide what is missing.

    The vector of padding is drawn too: no network may rely on what stands there.
    """
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=random))
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(0.3 * torch.randn(buffer.shape, generator=random))
            elif name.endswith("running_var"):
                buffer.copy_(0.5 + torch.rand(buffer.shape, generator=random))
    return network


def built(name: str, arguments: dict[str, Any], spec: Spec = SPEC) -> Any:
    return unequal(registry.module("models", name).build(spec, embedding_size=7, **arguments))


def exact(network: Any) -> Any:
    """In float64, so that rounding, which is another on every processor, decides nothing; a norm sums in float32."""
    return network if any(isinstance(layer, MaskedBatchNorm1d) for layer in network.modules()) else network.double()


def in_modes(network: nn.Module, token_BT: Tensor) -> Iterator[Tensor]:
    """The answers in evaluation, and in training with the same dropout masks each time."""
    yield network.eval()(token_BT)
    torch.manual_seed(3)
    yield network.train()(token_BT)


@every_network
@torch.no_grad()
def test_padding_that_is_appended_changes_nothing(name: str, arguments: dict[str, Any]) -> None:
    answers: list[list[Tensor]] = []
    for extra in (0, 1, 8):
        network = exact(built(name, arguments))
        answers.append(list(in_modes(network, padded(texts(), extra))))
        answers[-1] += [buffer.double() for buffer in network.buffers()]  # what norms have counted and averaged
    for more in answers[1:]:
        for before, after in zip(answers[0], more, strict=True):
            torch.testing.assert_close(after, before, **ROUNDING)
    assert answers[0][0].std(dim=0).max() > 1e-4  # the texts are told apart, sigmoids over sigmoids of them least


@every_network
@torch.no_grad()
def test_a_text_alone_gets_the_answer_that_it_gets_among_longer_ones(name: str, arguments: dict[str, Any]) -> None:
    network = exact(built(name, arguments)).eval()
    together_BK = network(padded(texts()))
    for row, text_T in enumerate(texts()):
        torch.testing.assert_close(network(text_T[None])[0], together_BK[row], **ROUNDING)
    if arguments.get("normalisation") != "batch" and not arguments.get("dropout"):
        torch.testing.assert_close(network.train()(padded(texts())), together_BK, **ROUNDING)


@every_network
def test_nothing_is_learnt_from_padding(name: str, arguments: dict[str, Any]) -> None:
    """Beside the largest gradient of the network: some are zero but for what the rounding of their terms leaves over.

    The bias within attention's tanh is such a one where the steps' outputs are nearly alike: it then moves all steps'
    scores by the same, which softmax does not see. So is a bias before a batch norm. What is left of them depends on
    the order in which a processor sums. In float64, so that what is learnt could not hide below the bound; a norm sums
    in float32.
    """
    gradients = []
    for extra in (0, 8):
        network = exact(built(name, arguments)).train()
        torch.manual_seed(3)
        network(padded(texts(), extra)).square().sum().backward()
        gradients.append({key: parameter.grad for key, parameter in network.named_parameters()})
        assert not network.reader.weight.grad[0].any()
    rtol, atol = (1e-9, 1e-12) if next(network.parameters()).dtype == torch.float64 else (1e-4, 1e-5)
    largest = max(float(gradient.abs().max()) for gradient in gradients[0].values())
    for key, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][key], gradient, rtol=rtol, atol=atol * largest, msg=key)


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("pool", ["last", "max"])
@torch.no_grad()
def test_reading_forwards_nothing_at_all_moves(name: str, pool: str) -> None:
    """To the bit: each step's products are of the same sizes, and picking a step or the largest one rounds nothing.

    The fused kernels for CPUs multiply the inputs of all steps at once, and may do that in other blocks for other T; so
    each step is compared after a plain loop over torch's own cells.
    """
    network = built(name, {"pool": pool, "hidden_size": 5})
    cell = {"rnn": nn.RNNCell, "gru": nn.GRUCell, "lstm": nn.LSTMCell}[name](7, 5)
    cell.load_state_dict({key.removesuffix("_l0"): value for key, value in network.recurrent.state_dict().items()})

    def answer(token_BT: Tensor) -> Tensor:
        state, outputs = None, []
        for x_BE in network.reader(token_BT).unbind(dim=1):
            state = cell(x_BE) if state is None else cell(x_BE, state)
            outputs.append(state[0] if name == "lstm" else state)
        return network.head(network.pool(torch.stack(outputs, dim=1), sequence_lengths(token_BT)))

    network.eval()
    bare_BK = answer(padded(texts()))
    assert torch.equal(answer(padded(texts(), 8)), bare_BK)
    torch.testing.assert_close(network(padded(texts(), 8)), bare_BK, **ROUNDING)


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm"])
@torch.no_grad()
def test_each_steps_answer_does_not_know_what_follows(name: str) -> None:
    network = built(name, {"hidden_size": 5, "num_layers": 2}, NEXT).eval()
    token_BT = padded(texts())
    logits_BTV = network(token_BT)
    assert logits_BTV.shape == (len(LENGTHS), LONGEST, V)
    for steps in (1, 4, 12):
        torch.testing.assert_close(network(token_BT[:, :steps]), logits_BTV[:, :steps], **ROUNDING)


# --- against torch's packed sequences ---------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(
    ("kind", "options"), [(nn.LSTM, {}), (nn.GRU, {}), (nn.RNN, {}), (nn.RNN, {"nonlinearity": "relu"})]
)
def test_both_directions_are_what_torch_makes_of_packed_sequences(
    kind: type[nn.RNNBase], options: dict[str, str], layers: int
) -> None:
    torch.manual_seed(0)
    recurrent = kind(7, 4, layers, batch_first=True, bidirectional=True, **options)
    own = BidirectionalRNN(recurrent)
    length_B = torch.tensor(LENGTHS)
    x_BTE = torch.randn(len(LENGTHS), LONGEST, 7, requires_grad=True)
    packed = nn.utils.rnn.pack_padded_sequence(x_BTE, length_B, batch_first=True, enforce_sorted=False)
    expected_BTW, _ = nn.utils.rnn.pad_packed_sequence(recurrent(packed)[0], batch_first=True)
    real_BT1 = length_mask(length_B, LONGEST)[:, :, None]
    result_BTW = own(x_BTE, length_B) * real_BT1
    torch.testing.assert_close(result_BTW, expected_BTW * real_BT1, rtol=1e-4, atol=1e-5)  # layers of sums of relu
    gradients = [torch.autograd.grad(h_BTW.square().sum(), x_BTE)[0] for h_BTW in (result_BTW, expected_BTW)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)
    assert sum(p.numel() for p in own.parameters()) == sum(p.numel() for p in recurrent.parameters())


def test_layers_drop_as_often_as_they_are_told_and_only_in_training() -> None:
    torch.manual_seed(0)
    own = BidirectionalRNN(nn.LSTM(3, 40, 2, batch_first=True, bidirectional=True, dropout=0.25))
    length_B, seen = torch.tensor([50] * 8), []
    second = own.layers[1]
    assert isinstance(second, nn.ModuleDict)
    second["forwards"].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    x_BTF = torch.randn(8, 50, 3)
    own.eval()(x_BTF, length_B)
    own.train()(x_BTF, length_B)
    assert (seen[0] == 0).float().mean() < 1e-3
    assert (seen[1] == 0).float().mean() == pytest.approx(0.25, abs=0.01)  # of 32,000
    kept = seen[1] != 0
    torch.testing.assert_close(seen[1][kept], seen[0][kept] / 0.75)


# --- the pieces -------------------------------------------------------------------------------------------------------


def test_lengths_and_the_steps_within_them() -> None:
    token_BT = torch.tensor([[3, 1, 0, 0], [2, 2, 2, 2], [0, 0, 0, 0]])
    assert sequence_lengths(token_BT).tolist() == [2, 4, 1]  # an empty text is one step of padding
    assert length_mask(torch.tensor([2, 4, 1]), 4).tolist() == [
        [True, True, False, False],
        [True] * 4,
        [True, *[False] * 3],
    ]


def test_a_text_is_turned_around_within_its_own_length() -> None:
    x_BTW = torch.arange(1, 13).view(2, 6, 1)
    turned = reverse_padded(x_BTW, torch.tensor([4, 1]))
    assert turned[:, :, 0].tolist() == [[4, 3, 2, 1, 5, 6], [7, 8, 9, 10, 11, 12]]
    assert torch.equal(reverse_padded(turned, torch.tensor([4, 1])), x_BTW)


def test_a_norm_of_real_steps_is_torchs_norm_of_nothing_else() -> None:
    torch.manual_seed(0)
    own, torchs = MaskedBatchNorm1d(4), nn.BatchNorm1d(4)
    for norm in (own, torchs):
        assert norm.weight is not None and norm.bias is not None
        with torch.no_grad():
            norm.weight.copy_(torch.tensor([1.5, 0.5, -1.0, 2.0]))
            norm.bias.copy_(torch.tensor([0.0, 1.0, -2.0, 3.0]))
    length_B = torch.tensor([5, 2, 1])
    real_BT = length_mask(length_B, 5)
    for _ in range(3):
        x_BFT = 100 + 3 * torch.randn(3, 4, 5)
        x_BFT.requires_grad_()
        real_NF = x_BFT.transpose(1, 2)[real_BT]
        expected_NF, result_NF = torchs(real_NF), own(x_BFT, length_B).transpose(1, 2)[real_BT]
        # 100 in the mean costs 5 of the 24 binary digits
        torch.testing.assert_close(result_NF, expected_NF, rtol=1e-4, atol=1e-4)
        gradients = [torch.autograd.grad(y.pow(3).sum(), x_BFT, retain_graph=True)[0] for y in (result_NF, expected_NF)]
        torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-2)
    for key, value in torchs.state_dict().items():
        torch.testing.assert_close(own.state_dict()[key], value, rtol=1e-5, atol=1e-5, msg=key)
    real_NF = x_BFT.transpose(1, 2)[real_BT]
    evaluated_BFT = own.eval()(x_BFT, length_B)
    torch.testing.assert_close(evaluated_BFT.transpose(1, 2)[real_BT], torchs.eval()(real_NF), rtol=1e-5, atol=1e-5)


def test_a_norm_of_a_single_step_stays_finite() -> None:
    norm = MaskedBatchNorm1d(2)
    assert torch.equal(norm(torch.full((1, 2, 3), 7.0), torch.tensor([1])), torch.zeros(1, 2, 3))
    assert all(torch.isfinite(buffer).all() for buffer in norm.buffers())


@torch.no_grad()
def test_a_text_shorter_than_the_windows_is_read_as_if_zeros_followed() -> None:
    """Three windows of 4 and two poolings of 2 need 25 steps: each text here is shorter."""
    network = built("conv1d", {"channels": [6, 5, 4], "kernel_size": 4, "padding": "valid"}).eval()
    assert network.min_length == 25
    for text_T in texts():
        h_BFT = nn.functional.pad(network.reader(text_T[None]).transpose(1, 2), (0, 25 - len(text_T)))
        for layer in network.features:
            h_BFT = (
                layer(h_BFT, torch.tensor([h_BFT.shape[2]])) if isinstance(layer, MaskedBatchNorm1d) else layer(h_BFT)
            )
        assert h_BFT.shape[2] == 1
        torch.testing.assert_close(network(text_T[None]), network.head(h_BFT[:, :, 0]), **ROUNDING)


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm", "conv1d"])
def test_the_bits_are_the_same_twice(name: str) -> None:
    """In deterministic mode, in which torch refuses operations that are not, where it knows them."""
    devices.set_deterministic(True)
    try:
        arguments = {} if name == "conv1d" else {"bidirectional": True, "pool": "attention"}
        found = []
        for _ in range(2):
            network = built(name, arguments).train()
            network(padded(texts(), 2)).square().sum().backward()
            found.append([parameter.grad for parameter in network.parameters()])
        assert all(map(torch.equal, *found))
    finally:
        devices.set_deterministic(False)


def test_columns_of_zeros_are_no_part_of_a_line() -> None:
    image_BHWC = torch.zeros(3, 4, 6, 1, dtype=torch.uint8)
    image_BHWC[0, 2, :5] = 7  # one pixel of a column is enough
    image_BHWC[1, :, :2] = 255
    assert sequence_lengths(image_BHWC).tolist() == [5, 2, 1]
