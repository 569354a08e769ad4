"""The recurrences written out beside torch's own, pooling over time, and how far a gradient reaches.

Shapes: B batch, T time steps, F features, D units of one direction, W width of a step's output, G rows of all gates,
K classes.
"""

from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.models import cnn_lstm, conv1d, gru, lstm, rnn
from saccade.nn import pooling, unrolled
from saccade.nn.sequence_networks import SequenceNetwork, gradient_norms_over_time

B, T, F, D = 3, 7, 4, 5
SERIES = Spec("series", (T, F), ("a", "b", "c"))
RECURRENT_MODELS = {"rnn": rnn, "gru": gru, "lstm": lstm}
MODULES: dict[str, tuple[type[nn.RNNBase], dict[str, str]]] = {
    "rnn tanh": (nn.RNN, {"nonlinearity": "tanh"}),
    "rnn relu": (nn.RNN, {"nonlinearity": "relu"}),
    "gru": (nn.GRU, {}),
    "lstm": (nn.LSTM, {}),
}

every_model = pytest.mark.parametrize("model", RECURRENT_MODELS.values(), ids=RECURRENT_MODELS)
every_module = pytest.mark.parametrize("name", MODULES)


def drawn(*shape: int, seed: int = 1, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def unequal(module: nn.Module, seed: int = 0) -> nn.Module:
    """Every weight and bias drawn anew: none is zero, and none is equal to another."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.6 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return module


# --- the gates, one by one, in plain tensor operations ----------------------------------------------------------------


def gates_of(module: nn.RNNBase, names: str) -> dict[str, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]]:
    """For each gate its own two sums, W_x x + b_x and W_h h + b_h, from the rows that are its own."""

    def gate(number: int) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
        w_x, w_h, b_x, b_h = (parameter[number * D : (number + 1) * D] for parameter in module.parameters())
        return lambda x_F, h_D: (w_x @ x_F + b_x, w_h @ h_D + b_h)

    return {name: gate(number) for number, name in enumerate(names)}


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


def lstm_by_hand(module: nn.RNNBase, x_TF: Tensor) -> tuple[Tensor, Tensor]:
    """h_TD and the last cell state, of one example."""
    gates = gates_of(module, "ifgo")
    h_D = c_D = torch.zeros(D)
    h_TD = []
    for x_F in x_TF:
        sums = {name: sum(gate(x_F, h_D)) for name, gate in gates.items()}
        let_in, keep, let_out = sigmoid(sums["i"]), sigmoid(sums["f"]), sigmoid(sums["o"])
        candidate = torch.tanh(sums["g"])
        c_D = keep * c_D + let_in * candidate
        h_D = let_out * torch.tanh(c_D)
        h_TD.append(h_D)
    return torch.stack(h_TD), c_D


def gru_by_hand(module: nn.RNNBase, x_TF: Tensor) -> Tensor:
    gates = gates_of(module, "rzn")
    h_D = torch.zeros(D)
    h_TD = []
    for x_F in x_TF:
        reset, keep = sigmoid(sum(gates["r"](x_F, h_D))), sigmoid(sum(gates["z"](x_F, h_D)))
        from_x, from_h = gates["n"](x_F, h_D)
        h_D = keep * h_D + (1 - keep) * torch.tanh(from_x + reset * from_h)
        h_TD.append(h_D)
    return torch.stack(h_TD)


def rnn_by_hand(module: nn.RNNBase, x_TF: Tensor, nonlinearity: Callable[[Tensor], Tensor]) -> Tensor:
    w_x, w_h, b_x, b_h = module.parameters()
    h_D = torch.zeros(D)
    h_TD = []
    for x_F in x_TF:
        h_D = nonlinearity(w_x @ x_F + w_h @ h_D + b_x + b_h)
        h_TD.append(h_D)
    return torch.stack(h_TD)


def test_the_four_gates_of_an_lstm_are_those_of_torch() -> None:
    module = unequal(nn.LSTM(F, D, batch_first=True))
    x_BTF = drawn(B, T, F)
    h_BTD, (_, c_1BD) = module(x_BTF)
    by_hand = [lstm_by_hand(module, x_TF) for x_TF in x_BTF]
    torch.testing.assert_close(torch.stack([h_TD for h_TD, _ in by_hand]), h_BTD, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(torch.stack([c_D for _, c_D in by_hand]), c_1BD[0], rtol=1e-5, atol=1e-6)


def test_a_swapped_gate_would_be_seen() -> None:
    module = unequal(nn.LSTM(F, D, batch_first=True))
    x_BTF = drawn(B, T, F)
    expected = torch.stack([lstm_by_hand(module, x_TF)[0] for x_TF in x_BTF])
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.cat([parameter[D : 2 * D], parameter[:D], parameter[2 * D :]]))
    assert (module(x_BTF)[0] - expected).abs().max() > 0.1


def test_the_gates_of_a_gru_are_those_of_torch() -> None:
    module = unequal(nn.GRU(F, D, batch_first=True))
    x_BTF = drawn(B, T, F)
    by_hand = torch.stack([gru_by_hand(module, x_TF) for x_TF in x_BTF])
    torch.testing.assert_close(by_hand, module(x_BTF)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_the_plain_recurrence_is_that_of_torch(nonlinearity: str) -> None:
    module = unequal(nn.RNN(F, D, nonlinearity=nonlinearity, batch_first=True))
    x_BTF = drawn(B, T, F)
    functions = {"tanh": torch.tanh, "relu": lambda x: x * (x > 0)}
    by_hand = torch.stack([rnn_by_hand(module, x_TF, functions[nonlinearity]) for x_TF in x_BTF])
    torch.testing.assert_close(by_hand, module(x_BTF)[0], rtol=1e-5, atol=1e-5)  # relu lets sums of 10 and more grow


# --- unroll -----------------------------------------------------------------------------------------------------------


@every_module
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_unrolled_it_computes_what_torchs_own_does(name: str, num_layers: int, bidirectional: bool) -> None:
    kind, options = MODULES[name]
    module = unequal(kind(F, D, num_layers, batch_first=True, bidirectional=bidirectional, **options))
    x_BTF = 0.5 * drawn(B, T, F)
    h_BTW, last = module(x_BTF)
    states = unrolled.unroll(module, x_BTF)
    torch.testing.assert_close(unrolled.outputs(states), h_BTW, rtol=1e-4, atol=1e-5)  # layers of sums of relu
    assert len(states) == (2 if bidirectional else 1) and {len(by_step) for by_step in states} == {T}
    if name == "lstm":
        cells = [by_step[-1 if direction == 0 else 0][1] for direction, by_step in enumerate(states)]
        torch.testing.assert_close(torch.stack(cells), last[1][-len(states) :], rtol=1e-4, atol=1e-5)


def test_unrolled_it_drops_between_layers_as_torch_does() -> None:
    module = unequal(nn.GRU(F, D, 2, batch_first=True, dropout=0.5))
    x_BTF = drawn(B, T, F)
    evaluated = unrolled.outputs(unrolled.unroll(module.eval(), x_BTF))
    torch.testing.assert_close(evaluated, module(x_BTF)[0], rtol=1e-5, atol=1e-6)
    torch.manual_seed(0)
    trained = unrolled.outputs(unrolled.unroll(module.train(), x_BTF))
    below = nn.GRU(F, D, batch_first=True)
    above = nn.GRU(D, D, batch_first=True)
    below.load_state_dict({key: value for key, value in module.state_dict().items() if key.endswith("l0")})
    above.load_state_dict({key[:-1] + "0": v for key, v in module.state_dict().items() if key.endswith("l1")})
    torch.manual_seed(0)
    below_BTD = below(x_BTF)[0].contiguous()  # masks are drawn in the order of the memory
    by_hand, _ = above(nn.functional.dropout(below_BTD, 0.5))
    torch.testing.assert_close(trained, by_hand, rtol=1e-5, atol=1e-6)
    assert (trained - evaluated).abs().max() > 0.01


# --- pooling over time ------------------------------------------------------------------------------------------------


def test_the_last_step_of_a_backward_direction_is_the_first() -> None:
    h_BTW = drawn(2, 3, 4)
    torch.testing.assert_close(pooling.LastStep(bidirectional=False)(h_BTW), h_BTW[:, 2])
    both = pooling.LastStep(bidirectional=True)(h_BTW)
    torch.testing.assert_close(both, torch.stack([h_BTW[:, 2, 0], h_BTW[:, 2, 1], h_BTW[:, 0, 2], h_BTW[:, 0, 3]], 1))


def test_attention_is_its_formula() -> None:
    attention = unequal(pooling.AdditiveAttention(4))
    h_BTW = drawn(B, T, 4)
    A, b, v = attention.project.weight, attention.project.bias, attention.score.weight[0]
    for h_TW, got_T, pooled_W in zip(h_BTW, attention.weights(h_BTW), attention(h_BTW), strict=True):
        powers = [torch.exp(v @ torch.tanh(A @ h_W + b)) for h_W in h_TW]
        weights = [power / sum(powers) for power in powers]
        torch.testing.assert_close(got_T, torch.stack(weights), rtol=1e-5, atol=1e-6)
        expected_W = sum(weight * h_W for weight, h_W in zip(weights, h_TW, strict=True))
        torch.testing.assert_close(pooled_W, expected_W, rtol=1e-5, atol=1e-6)
    assert attention.weights(h_BTW).std() > 0.05  # not merely a mean


def test_attention_can_look_at_one_step_alone() -> None:
    attention = pooling.AdditiveAttention(2)
    with torch.no_grad():
        attention.project.weight.copy_(torch.eye(2))
        attention.project.bias.zero_()
        attention.score.weight.copy_(torch.tensor([[100.0, 0.0]]))
    h_BTW = torch.tensor([[[-1.0, 5.0], [2.0, 7.0], [0.5, 3.0]]])
    torch.testing.assert_close(attention(h_BTW), torch.tensor([[2.0, 7.0]]))


@every_model
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_network_classifies_what_attention_makes_of_torchs_outputs(model: ModuleType, bidirectional: bool) -> None:
    network = unequal(model.build(SERIES, hidden_size=D, bidirectional=bidirectional, pool="attention")).eval()
    assert isinstance(network.pool, pooling.AdditiveAttention)
    x_BTF = drawn(B, T, F)
    h_BTW, _ = network.recurrent(x_BTF)
    scores_BT = torch.einsum("btv,v->bt", torch.tanh(h_BTW @ network.pool.project.weight.T + network.pool.project.bias),
                             network.pool.score.weight[0])  # fmt: skip
    pooled_BW = torch.einsum("bt,btw->bw", scores_BT.exp() / scores_BT.exp().sum(dim=1, keepdim=True), h_BTW)
    logits_BK = pooled_BW @ network.head[1].weight.T + network.head[1].bias
    torch.testing.assert_close(network(x_BTF), logits_BK, rtol=1e-5, atol=1e-6)


@every_model
def test_an_unknown_pool_is_refused(model: ModuleType) -> None:
    with pytest.raises(UserError, match="pool \\('first'\\) must be one of last, mean, max, attention"):
        model.build(SERIES, pool="first")


@every_model
@pytest.mark.parametrize("pool", ["last", "mean", "max", "attention"])
def test_each_pool_learns(model: ModuleType, pool: str) -> None:
    torch.manual_seed(0)
    network = model.build(SERIES, hidden_size=D, num_layers=2, bidirectional=True, pool=pool)
    nn.functional.cross_entropy(network(drawn(B, T, F)), torch.tensor([0, 2, 1])).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("model", [*RECURRENT_MODELS.values(), conv1d])
def test_a_number_can_be_asked_for_instead_of_a_class(model: ModuleType) -> None:
    spec = Spec("series", (T, F), targets=("sum", "product"))
    assert model.build(spec)(drawn(B, T, F)).shape == (B, 2)


# --- how far a gradient reaches ---------------------------------------------------------------------------------------


def double(model: ModuleType, **options: object) -> SequenceNetwork:
    network = model.build(SERIES, hidden_size=D, **options).double()
    return unequal(network).eval()


def target_loss(logits_BK: Tensor) -> Tensor:
    return nn.functional.cross_entropy(logits_BK, torch.tensor([0, 2, 1]))


STEPS = {
    "rnn": lambda x, s, *w: unrolled.rnn_step(x, s, *w, nonlinearity="tanh"),
    "gru": unrolled.gru_step,
    "lstm": unrolled.lstm_step,
}


def loss_when_moved(name: str, network: SequenceNetwork, x_BTF: Tensor, at: int, part: int, by_BD: Tensor) -> float:
    """The loss when, in a loop over the steps, one part of the state is moved as soon as it is computed at step ``at``.

    A new h of the LSTM moves what is read from it; a new c moves h too.
    """
    weights = list(network.recurrent.parameters())
    zero = torch.zeros(B, D, dtype=x_BTF.dtype)
    state = (zero, zero) if name == "lstm" else (zero,)
    h_BTD = []
    for t in range(T):
        before, state = state, STEPS[name](x_BTF[:, t], state, *weights)
        if t == at and part == 0:
            state = (state[0] + by_BD, *state[1:])
        elif t == at:
            w_x, w_h, b_x, b_h = weights
            out = torch.sigmoid((x_BTF[:, t] @ w_x.T + b_x + before[0] @ w_h.T + b_h)[:, 3 * D :])
            state = (out * torch.tanh(state[1] + by_BD), state[1] + by_BD)
        h_BTD.append(state[0])
    with torch.no_grad():
        return float(target_loss(network.head(network.pool(torch.stack(h_BTD, dim=1)))))


@pytest.mark.parametrize(
    ("name", "pool", "of"),
    [(name, pool, "h") for name in RECURRENT_MODELS for pool in ("last", "mean", "attention")]
    + [("lstm", "last", "c"), ("lstm", "max", "c")],
)
def test_the_norms_are_those_of_finite_differences(name: str, pool: str, of: str) -> None:
    network = double(RECURRENT_MODELS[name], pool=pool)
    x_BTF = drawn(B, T, F, dtype=torch.float64)
    norms_T = gradient_norms_over_time(network, x_BTF, target_loss, of=of)
    assert norms_T.shape == (T,) and norms_T.dtype == torch.float64
    expected_T = []
    for t in range(T):
        slopes = []
        for b in range(B):
            for d in range(D):
                by_BD = torch.zeros(B, D, dtype=torch.float64)
                by_BD[b, d] = 1e-5
                up, down = (loss_when_moved(name, network, x_BTF, t, "hc".index(of), s * by_BD) for s in (1, -1))
                slopes.append((up - down) / 2e-5)
        expected_T.append(torch.tensor(slopes, dtype=torch.float64).norm())
    torch.testing.assert_close(norms_T, torch.stack(expected_T), rtol=1e-5, atol=1e-9)
    assert norms_T.min() > 0 and norms_T.unique().numel() == T  # each step has a norm of its own


def test_the_norms_are_those_of_the_chain_rule() -> None:
    """dL/dh_{t-1} = W_h^T (dL/dh_t * (1 - h_t^2)): back-propagation through time, by hand."""
    network = double(rnn)
    x_BTF = drawn(B, T, F, dtype=torch.float64)
    h_BTD, _ = network.recurrent(x_BTF)
    last_BD = h_BTD[:, -1].detach().requires_grad_()
    (gradient_BD,) = torch.autograd.grad(target_loss(network.head(last_BD)), last_BD)
    expected = [gradient_BD.norm()]
    for t in range(T - 1, 0, -1):
        gradient_BD = (gradient_BD * (1 - h_BTD[:, t] ** 2)) @ network.recurrent.weight_hh_l0
        expected.insert(0, gradient_BD.norm())
    torch.testing.assert_close(gradient_norms_over_time(network, x_BTF, target_loss), torch.stack(expected))


def test_later_steps_count_and_the_modules_own_output_leaves_them_out() -> None:
    network = double(lstm)
    x_BTF = drawn(B, T, F, dtype=torch.float64)
    h_BTD, _ = network.recurrent(x_BTF)
    h_BTD.retain_grad()
    target_loss(network.head(network.pool(h_BTD))).backward()
    fused_T = h_BTD.grad.norm(dim=(0, 2))
    norms_T = gradient_norms_over_time(network, x_BTF, target_loss)
    assert (fused_T[:-1] == 0).all() and (norms_T[:-1] > 1e-6).all()
    torch.testing.assert_close(norms_T[-1], fused_T[-1])


def test_both_directions_count_at_the_step_that_they_read() -> None:
    """A backward direction is a forward one over the reversed sequence, so its norms are those, reversed."""
    network = double(gru, bidirectional=True)
    x_BTF = drawn(B, T, F, dtype=torch.float64)
    both_T = gradient_norms_over_time(network, x_BTF, target_loss)
    half = []
    for suffix in ("", "_reverse"):
        single = nn.GRU(F, D, batch_first=True).double()
        names = [name for name, _ in single.named_parameters()]
        single.load_state_dict({name: network.recurrent.get_parameter(name + suffix) for name in names})
        other_BD = pooling.LastStep(bidirectional=True)(network.recurrent(x_BTF)[0]).detach()

        def head(h_BD: Tensor, suffix: str = suffix, other_BD: Tensor = other_BD) -> Tensor:
            parts = [other_BD[:, :D], h_BD] if suffix else [h_BD, other_BD[:, D:]]
            return network.head(torch.cat(parts, dim=1))

        classify = SequenceNetwork(nn.Identity(), single, pooling.LastStep(False), Lambda(head))
        norms_T = gradient_norms_over_time(classify, x_BTF.flip(1) if suffix else x_BTF, target_loss)
        half.append(norms_T.flip(0) if suffix else norms_T)
    torch.testing.assert_close(both_T, torch.hypot(*half))


class Lambda(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def test_only_the_last_layer_counts_in_a_stack() -> None:
    network = double(lstm, num_layers=2)
    x_BTF = drawn(B, T, F, dtype=torch.float64)
    below, above = nn.LSTM(F, D, batch_first=True).double(), nn.LSTM(D, D, batch_first=True).double()
    state = network.recurrent.state_dict()
    below.load_state_dict({key: value for key, value in state.items() if key.endswith("l0")})
    above.load_state_dict({key[:-1] + "0": value for key, value in state.items() if key.endswith("l1")})
    single = SequenceNetwork(nn.Identity(), above, network.pool, network.head)
    torch.testing.assert_close(
        gradient_norms_over_time(network, x_BTF, target_loss),
        gradient_norms_over_time(single, below(x_BTF)[0].detach(), target_loss),
    )


def test_an_image_is_read_first() -> None:
    torch.manual_seed(0)
    image_BCHW = drawn(B, 2, 8, 14)
    spec = Spec("image", (8, 14, 2), ("a", "b", "c"))
    by_rows = lstm.build(spec, hidden_size=D)
    assert gradient_norms_over_time(by_rows, image_BCHW, target_loss).shape == (8,)
    by_strips = cnn_lstm.build(spec, hidden_size=D, strip_width=4, strip_stride=2, pool="mean")
    norms_S = gradient_norms_over_time(by_strips, image_BCHW, target_loss)
    assert norms_S.shape == (6,) and (norms_S > 0).all()


def test_nothing_is_left_behind_and_a_frozen_network_can_be_asked() -> None:
    network = double(rnn)
    x_BTF = drawn(B, T, F, dtype=torch.float64)
    expected_T = gradient_norms_over_time(network, x_BTF, target_loss)
    assert all(parameter.grad is None for parameter in network.parameters()) and x_BTF.grad is None
    network.requires_grad_(False)
    with torch.no_grad():
        again_T = gradient_norms_over_time(network, x_BTF, target_loss)
    assert torch.equal(again_T, expected_T) and not again_T.requires_grad


@pytest.mark.parametrize(("model", "mode"), [(rnn, "RNN_TANH"), (gru, "GRU")])
def test_memory_cells_are_those_of_an_lstm(model: ModuleType, mode: str) -> None:
    with pytest.raises(UserError, match=rf"of \('c'\) must be 'h' for this network: {mode} has no memory cells"):
        gradient_norms_over_time(double(model), drawn(B, T, F, dtype=torch.float64), target_loss, of="c")


TEXTS = Spec("tokens", (T,), ("a", "b", "c"), (), ("<pad>", "<unknown>", "x"), "characters")


def test_texts_of_several_lengths_have_no_common_steps() -> None:
    network = lstm.build(TEXTS)
    token_BT = torch.ones(B, T, dtype=torch.int64)
    assert gradient_norms_over_time(network, token_BT, lambda logits: logits[:, 0].sum()).shape == (T,)
    token_BT[0, -1] = 0
    with pytest.raises(UserError, match="must be of one length here"):
        gradient_norms_over_time(network, token_BT, torch.sum)


def test_texts_read_from_both_ends_are_refused() -> None:
    with pytest.raises(UserError, match="must read from one end"):
        gradient_norms_over_time(lstm.build(TEXTS, bidirectional=True), torch.ones(B, T, dtype=torch.int64), torch.sum)
