"""What is measured of a training's layers is what the weights and the activations say; and measuring changes nothing.

Shapes: B batch, N examples, H height, W width, C channels, T time steps, F features, D units, K classes.
"""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from flat_fit import fit
from torch import Tensor, nn

from saccade.batching.arrays import LabelledArrays
from saccade.bundle.inputs import ImageInput, SeriesInput, TokenInput
from saccade.bundle.outputs import Rescale
from saccade.core import registry
from saccade.data.spec import PAD, Spec
from saccade.nn.sequence_networks import gradient_norms_over_time
from saccade.optim import optimizers
from saccade.optim.losses import cross_entropy, mse
from saccade.train.checkpoints import from_bytes, to_bytes
from saccade.train.layer_statistics import SAMPLE_EVERY, LayerStatistics, is_milestone, summary
from saccade.train.state import TrainingState
from saccade.transfer.freeze import freeze

CPU = torch.device("cpu")
H, W, K = 18, 16, 3
CLASSES = ("cat", "dog", "owl")


def examples(count: int, seed: int = 0) -> LabelledArrays:
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, K, (count,), generator=random)
    images = torch.randint(0, 200, (1, count, H, W, 2), generator=random)
    images[:, torch.arange(count), labels * 5] += 55
    return LabelledArrays(images.to(torch.uint8), labels)


def network_of(model: nn.Module) -> nn.Sequential:
    return nn.Sequential(ImageInput([0.4, 0.45], [0.2, 0.25]), model)


def registered(name: str, **options: Any) -> nn.Sequential:
    torch.manual_seed(0)
    return network_of(registry.module("models", name).build(Spec("image", (H, W, 2), CLASSES), **options))


def state_of(network: nn.Sequential, **options: Any) -> TrainingState:
    settings = {"name": "sgd", "lr": 0.1, "momentum": 0.9} | options
    return TrainingState(network, optimizers.build(settings.pop("name"), network, **settings))


def trained(state: TrainingState, train: LabelledArrays, **options: Any) -> TrainingState:
    settings = {
        "loss": cross_entropy, "schedule": lambda step: 1.0, "lr": 0.1, "epochs": 1, "batch_size": 2,
        "clip_norm": None, "device": CPU, "precision": "float32", "seed": 4,
    } | options  # fmt: skip
    for _ in fit(state, train, settings.pop("validation", examples(9, seed=9)), **settings):
        pass
    return state


def rows_by_layer(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["layer"]: row for row in rows if "step" not in row}


# --- gradients, weights, updates --------------------------------------------------------------------------------------


@pytest.mark.parametrize("clip_norm", [None, 0.01])
def test_the_norms_are_those_of_the_sampled_updates(clip_norm: float | None) -> None:
    """66 updates: the first, the 33rd and the 65th are sampled; ours is read off the weights before and after each."""
    state = state_of(registered("lenet5"))
    parameters = dict(state.network[1].named_parameters())
    seen: list[dict[str, Tensor]] = []
    gradients: list[dict[str, Tensor]] = []

    def after_update(state: TrainingState) -> None:
        seen.append({key: value.detach().clone() for key, value in parameters.items()})
        gradients.append({key: value.grad.clone() for key, value in parameters.items()})

    before = {key: value.detach().clone() for key, value in parameters.items()}
    trained(state, examples(132), lr=0.01, clip_norm=clip_norm, after_update=after_update)
    seen.insert(0, before)
    assert len(gradients) == 66 and SAMPLE_EVERY == 32
    rows = rows_by_layer(state.history[0].layers)
    assert list(rows) == ["features.0", "features.3", "classifier.0", "classifier.3", "classifier.6"]
    for layer, row in rows.items():
        own = [key for key in parameters if key.rpartition(".")[0] == layer]
        squares = {"gradient_norm": 0.0, "weight_norm": 0.0, "move": 0.0}
        for update in (0, 32, 64):
            squares["gradient_norm"] += sum(gradients[update][key].square().sum().item() for key in own)
            squares["weight_norm"] += sum(seen[update][key].square().sum().item() for key in own)
            squares["move"] += sum((seen[update + 1][key] - seen[update][key]).square().sum().item() for key in own)
        assert row["weight_norm"] == pytest.approx(math.sqrt(squares["weight_norm"] / 3), rel=1e-5)
        # float32 weights hold a small move with few digits
        expected = math.sqrt(squares["move"] / squares["weight_norm"])
        assert row["update_ratio"] == pytest.approx(expected, rel=1e-3)
        clipped = math.sqrt(squares["gradient_norm"] / 3)
        if clip_norm is None:
            assert row["gradient_norm"] == pytest.approx(clipped, rel=1e-5)
        else:  # measured before clipping
            assert row["gradient_norm"] > 1.5 * clipped


def test_frozen_layers_and_parameters_without_a_gradient_are_none_of_its_business() -> None:
    network = registered("lenet5")
    freeze(network[1], ["features.0", "classifier.0.weight"])
    network[1].unused = nn.Parameter(torch.ones(3))
    state = trained(state_of(network), examples(6))
    rows = rows_by_layer(state.history[0].layers)
    assert list(rows["features.0"]) == ["layer", "dead_share"]  # the units behind it can be dead all the same
    assert rows["classifier.0"]["weight_norm"] == pytest.approx(network[1].classifier[0].bias.norm().item(), rel=0.2)
    assert rows["the network itself"] == {
        "layer": "the network itself", "gradient_norm": 0, "weight_norm": pytest.approx(3**0.5, rel=1e-5),
        "update_ratio": 0,
    }  # fmt: skip


def test_measuring_changes_no_weight_and_no_statistic(monkeypatch: pytest.MonkeyPatch) -> None:
    """With dropout and batch norms, and the recurrence asked over time: the same bits as without any measuring."""
    for name, options in (("lenet5", {"normalisation": "batch", "dropout": 0.3}), ("lstm", {"dropout": 0.3})):
        watched = trained(state_of(registered(name, **options)), examples(20), epochs=2)
        with monkeypatch.context() as blind:
            blind.setattr(LayerStatistics, "begin_update", lambda self, number: None)
            blind.setattr("saccade.train.loop.is_milestone", lambda epoch, epochs: False)
            blind.setattr("saccade.train.layer_statistics._ReluWatch._note", lambda self, output: None)
            unwatched = trained(state_of(registered(name, **options)), examples(20), epochs=2)
        assert watched.history[0].layers != unwatched.history[0].layers
        for key, value in watched.network.state_dict().items():
            assert torch.equal(value, unwatched.network.state_dict()[key]), (name, key)
        assert [record.row() | {"elapsed_s": 0, "examples_per_s": 0} for record in watched.history] == [
            record.row() | {"elapsed_s": 0, "examples_per_s": 0} for record in unwatched.history
        ]


def test_a_stop_in_mid_epoch_loses_no_sample() -> None:
    """The first update of the epoch is sampled before the stop, the 33rd after it."""
    kept: list[bytes] = []
    data = examples(70)
    whole = trained(state_of(registered("mlp")), data, after_update=lambda state: kept.append(to_bytes(state)))
    resumed = state_of(registered("mlp"))
    from_bytes(kept[9], resumed)
    assert 0 < resumed.progress.examples < 70
    assert trained(resumed, data).history[0].layers == whole.history[0].layers


def test_stacked_recurrent_layers_have_a_row_each() -> None:
    state = trained(state_of(registered("gru", num_layers=3, hidden_size=5, bidirectional=True)), examples(4))
    rows = rows_by_layer(state.history[0].layers)
    assert list(rows) == ["recurrent.l0", "recurrent.l1", "recurrent.l2", "head.1"]
    of_l1 = [value for key, value in state.network[1].recurrent.named_parameters() if "_l1" in key]
    assert len(of_l1) == 8
    norm = math.sqrt(sum(value.square().sum().item() for value in of_l1))
    assert rows["recurrent.l1"]["weight_norm"] == pytest.approx(norm, rel=0.1)  # an update or two earlier


# --- dead units -------------------------------------------------------------------------------------------------------


class Functional(nn.Module):
    """Its ReLUs are no modules: a function, a method and one in place, behind layers of three kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3)
        self.wide = nn.Linear(4 * 16 * 14, 5)
        self.output = nn.Linear(5, K)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        h_BD = F.relu(self.conv(x_BCHW)).flatten(1)
        return self.output(self.wide(h_BD).relu())


class Residual(nn.Module):
    """One ReLU module for two places, as torchvision's blocks have it, the second one behind a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.second = nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.output = nn.Linear(4, K)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        h_BCHW = self.relu(self.norm(self.first(x_BCHW)))
        return self.output(self.relu(self.second(h_BCHW) - h_BCHW).mean(dim=(2, 3)))


def dead_shares(network: nn.Sequential, stored: Tensor, batch_size: int = 4) -> dict[str, float]:
    statistics = LayerStatistics(network, optimizers.build("sgd", network, lr=0.1))
    network.eval()
    with statistics.measure_dead_relus(network):
        for batch in stored.split(batch_size):
            network(batch)
    return {row["layer"]: row["dead_share"] for row in statistics.read() if "dead_share" in row}


def test_a_unit_is_dead_when_it_is_0_for_all_examples_and_positions() -> None:
    torch.manual_seed(0)  # or the weights would follow from the tests before
    network = network_of(Functional())
    model, stored = network[1], examples(11).views[0]
    with torch.no_grad():
        model.conv.bias[:] = torch.tensor([5.0, -1000, 5, 5])
        model.wide.weight.mul_(0.01)
        model.wide.bias[:] = torch.tensor([-1000.0, -1000, 5, 5, -1000])
        # one unit is above 0 for a single example of the last batch alone
        conv_NCHW = F.relu(model.conv(network[0](stored)))
        above_N = (model.wide.weight[4] * conv_NCHW.flatten(1)).sum(dim=1)
        assert above_N.argmax() != 10
        model.wide.weight[4].mul_(-1 if above_N[10] < 0 else 1)
    assert dead_shares(network, stored) == {"conv": 0.25, "wide": pytest.approx(0.6)}
    with torch.no_grad():
        others_N = (model.wide.weight[4] * conv_NCHW.flatten(1)).sum(dim=1)
        model.wide.bias[4] = -others_N.sort().values[-2:].mean()  # between the highest and the second highest
    for order in (stored, stored.flip(0)):  # it is the first batch's or the last one's
        assert dead_shares(network, order) == {"conv": 0.25, "wide": pytest.approx(0.4)}


def test_a_shared_module_counts_at_each_place_and_belongs_to_the_layer_before_it() -> None:
    network = network_of(Residual())
    with torch.no_grad():
        network[1].norm.bias[:] = torch.tensor([-1000.0, 100, 100, 100])
        network[1].second.weight.zero_()
        network[1].second.bias[:] = torch.tensor([1000.0, -1000, -1000, 1000])
    assert dead_shares(network, examples(5).views[0]) == {"norm": 0.25, "second": 0.5}


def test_a_plain_recurrent_layer_with_relu_has_units_too() -> None:
    network = registered("rnn", hidden_size=4, nonlinearity="relu")
    with torch.no_grad():
        network[1].recurrent.bias_ih_l0[:] = torch.tensor([-1000.0, 1, -1000, -1000])
    assert dead_shares(network, examples(3).views[0]) == {"recurrent": 0.75}


@pytest.mark.parametrize("name", ["lenet5", "mlp", "resnet9", "conv1d", "cnn_lstm", "classic_stack", "resnet18"])
def test_relus_are_found_in_every_architecture(name: str) -> None:
    options = {"resnet9": {"width": 4}, "resnet18": {"stem": "small"}}.get(name, {})
    shares = dead_shares(registered(name, **options), examples(3).views[0])
    assert shares and all(0 <= share < 1 for share in shares.values())


def test_watching_leaves_the_network_without_hooks_also_when_it_fails() -> None:
    network = registered("lenet5")
    statistics = LayerStatistics(network, optimizers.build("sgd", network, lr=0.1))
    with pytest.raises(ZeroDivisionError), statistics.measure_dead_relus(network):
        raise ZeroDivisionError
    assert not any(layer._forward_hooks for layer in network.modules())


# --- over time --------------------------------------------------------------------------------------------------------


def test_what_reaches_each_step_is_measured_after_some_epochs_and_the_last() -> None:
    assert [epoch for epoch in range(1, 25) if is_milestone(epoch, 24)] == [1, 2, 4, 8, 16, 24]
    validation = examples(20, seed=9)
    state = trained(state_of(registered("lstm", hidden_size=5)), examples(8), epochs=3, validation=validation)
    measured = [[row for row in record.layers if "step" in row] for record in state.history]
    assert [len(rows) for rows in measured] == [H, H, H]  # epochs 1, 2 and the last
    assert all(record.layers[0]["weight_norm"] > 0 for record in state.history)  # each epoch has a first update
    normalise, model = state.network.eval()
    x, target = normalise(validation.views[0, :16]), validation.labels[:16]
    expected_T = gradient_norms_over_time(model, x, lambda output: cross_entropy(output, target))
    assert [row["gradient_norm"] for row in measured[2]] == pytest.approx(expected_T.tolist(), rel=1e-5)
    assert [row["step"] for row in measured[2]] == list(range(1, H + 1))
    assert {row["layer"] for row in measured[2]} == {"recurrent"}


def test_of_a_long_sequence_fifty_steps_are_kept_the_first_and_the_last_among_them() -> None:
    torch.manual_seed(0)
    model = registry.module("models", "rnn").build(Spec("series", (130, 2), CLASSES), hidden_size=3, num_layers=2)
    network = nn.Sequential(SeriesInput([0.0, 0.0], [1.0, 1.0]), model)
    statistics = LayerStatistics(network, optimizers.build("sgd", network, lr=0.1))
    data = LabelledArrays(torch.randn(1, 4, 130, 2), torch.tensor([0, 1, 2, 0]))
    statistics.measure_over_time(network.eval(), data, cross_entropy)
    steps = [row["step"] for row in statistics.read() if "step" in row]
    assert len(steps) == 50 and (steps[0], steps[-1]) == (1, 130) and steps == sorted(set(steps))
    assert {row["layer"] for row in statistics.read() if "step" in row} == {"recurrent.l1"}


@pytest.mark.parametrize("output", ["per_example", "per_token"])
def test_of_texts_the_longer_half_is_asked_cut_to_one_length(output: Any) -> None:
    torch.manual_seed(0)
    spec = Spec("tokens", (9,), CLASSES if output == "per_example" else (), vocabulary=tuple("_abcdef"), output=output)
    model = registry.module("models", "gru").build(spec, hidden_size=4, embedding_size=3)
    network = nn.Sequential(TokenInput(), model).eval()
    token_NT = torch.randint(1, 7, (5, 9), dtype=torch.int32)
    for text, length in enumerate((2, 9, 6, 7, 1)):
        token_NT[text, length:] = PAD
    labels = torch.tensor([0, 1, 2, 0, 1]) if output == "per_example" else token_NT.long().roll(-1, dims=1)
    statistics = LayerStatistics(network, optimizers.build("sgd", network, lr=0.1))
    statistics.measure_over_time(network, LabelledArrays(token_NT[None], labels), cross_entropy)
    x, target = token_NT[[1, 2, 3], :6].long(), labels[[1, 2, 3]]
    target = target if output == "per_example" else target[:, :6]
    expected_T = gradient_norms_over_time(model, x, lambda output: cross_entropy(output, target))
    rows = [row for row in statistics.read() if "step" in row]
    assert [row["gradient_norm"] for row in rows] == pytest.approx(expected_T.tolist(), rel=1e-5)
    assert len(rows) == 6 and min(expected_T) > 0


def test_texts_that_are_read_from_both_ends_are_not_asked() -> None:
    spec = Spec("tokens", (9,), CLASSES, vocabulary=tuple("_abcdef"))
    model = registry.module("models", "gru").build(spec, hidden_size=4, bidirectional=True)
    network = nn.Sequential(TokenInput(), model).eval()
    statistics = LayerStatistics(network, optimizers.build("sgd", network, lr=0.1))
    data = LabelledArrays(torch.ones(1, 3, 9, dtype=torch.int32), torch.tensor([0, 1, 2]))
    statistics.measure_over_time(network, data, cross_entropy)
    assert not statistics.read()


def test_a_forecast_is_asked_in_its_own_unit_and_named_as_the_model_names_it() -> None:
    torch.manual_seed(0)
    model = registry.module("models", "lstm").build(Spec("series", (7, 2), targets=("x",)), hidden_size=4)
    network = nn.Sequential(SeriesInput([1.0, 2.0], [3.0, 4.0]), model, Rescale([10.0], [5.0])).eval()
    statistics = LayerStatistics(network, optimizers.build("sgd", network, lr=0.1))
    x, y = torch.randn(4, 7, 2), torch.randn(4, 1)
    statistics.measure_over_time(network, LabelledArrays(x[None], y), mse)
    expected_T = gradient_norms_over_time(model, network[0](x), lambda output: mse(5 * output + 10, y))
    assert [row["gradient_norm"] for row in statistics.read()] == pytest.approx(expected_T.tolist(), rel=1e-5)
    assert {row["layer"] for row in statistics.read()} == {"recurrent"}


def test_where_nothing_recurs_there_are_no_steps() -> None:
    state = trained(state_of(registered("lenet5")), examples(4))
    assert not any("step" in row for row in state.history[0].layers)


# --- in short ---------------------------------------------------------------------------------------------------------


def test_the_summary_holds_at_most_ten_finite_numbers_however_deep_the_network_is() -> None:
    state = trained(state_of(registered("rnn", nonlinearity="relu", num_layers=2, hidden_size=4)), examples(6), lr=1e-3)
    rows = state.history[0].layers
    found = summary(rows)
    layers = list(rows_by_layer(rows).values())
    steps = [row["gradient_norm"] for row in rows if "step" in row]
    assert found == {
        "gradient_norm_first_layer": layers[0]["gradient_norm"],
        "gradient_norm_last_layer": layers[-1]["gradient_norm"],
        "update_ratio_first_layer": layers[0]["update_ratio"],
        "update_ratio_last_layer": layers[-1]["update_ratio"],
        "update_ratio_least": min(row["update_ratio"] for row in layers),
        "update_ratio_most": max(row["update_ratio"] for row in layers),
        "weight_norm": pytest.approx(math.sqrt(sum(row["weight_norm"] ** 2 for row in layers)), rel=1e-5),
        "dead_share_most": layers[-2]["dead_share"],
        "gradient_over_time": pytest.approx(steps[0] / steps[-1], rel=1e-5),
    }
    deep = trained(state_of(registered("mlp", hidden=[6] * 30)), examples(6)).history[0].layers
    assert len(rows_by_layer(deep)) == 31 and len(summary(deep)) <= 10


def test_what_is_not_finite_is_left_out_of_the_summary() -> None:
    row = {"layer": "a", "gradient_norm": math.inf, "weight_norm": 2.0, "update_ratio": math.nan}
    assert summary([row]) == {"weight_norm": 2.0}
    assert summary([]) == {}


def test_weights_that_are_0_have_no_ratio() -> None:
    network = network_of(nn.Sequential(nn.Flatten(), nn.Linear(H * W * 2, K)))
    nn.init.zeros_(network[1][1].weight)
    nn.init.zeros_(network[1][1].bias)
    (row,) = trained(state_of(network), examples(2)).history[0].layers
    assert row["weight_norm"] == 0 and math.isnan(row["update_ratio"]) and row["gradient_norm"] > 0
