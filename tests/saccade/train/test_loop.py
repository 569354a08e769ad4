"""The training loop: what it computes, step for step, and that stopping it changes nothing.

Shapes: B batch, N examples, V stored views, H height, W width, C channels, K classes.
"""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from flat_fit import measure
from small_training import (
    H,
    K,
    N,
    W,
    assert_equal_bits,
    examples,
    registered_network,
    running,
    sgd,
    small_network,
    trained,
    without_times,
)
from torch import Tensor, nn

from saccade.batching.arrays import LabelledArrays
from saccade.batching.mixup import draw_mix
from saccade.batching.samplers import SAMPLERS
from saccade.bundle.inputs import ImageInput, enlarged_middle
from saccade.core import registry
from saccade.core.devices import derive_seed
from saccade.optim import optimizers, schedules
from saccade.optim.losses import LOSSES, ONE_OUTPUT, MixedTarget, cross_entropy
from saccade.train.checkpoints import from_bytes, to_bytes
from saccade.train.state import TrainingState
from saccade.transfer.freeze import freeze, rates_by_depth

# What it computes


@pytest.mark.parametrize(
    ("clip_norm", "class_weights"), [(None, None), (0.05, None), (None, torch.tensor([0.5, 3.0, 1.0]))]
)
def test_it_is_the_loop_that_anyone_would_write(clip_norm: float | None, class_weights: Tensor | None) -> None:
    """With torch's own optimiser: nothing happens between the lines of a step that a reader does not see."""
    data, epochs, size = examples(views=2), 3, 8
    schedule = schedules.build("one_cycle", lr=1.0, epochs=epochs, steps_per_epoch=3)
    state = trained(
        small_network(), data, schedule=schedule, epochs=epochs, batch_size=size, clip_norm=clip_norm,
        class_weights=class_weights,
    )  # fmt: skip
    weight_N = torch.ones(N) if class_weights is None else class_weights[data.labels]

    network = small_network()
    weights = [network[1].conv.weight, network[1].output.weight]
    others = [network[1].conv.bias, network[1].norm.weight, network[1].norm.bias, network[1].output.bias]
    groups = [{"params": weights, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    step, losses, norms = 0, [], []
    for epoch in (1, 2, 3):
        network.train()
        order = torch.randperm(N, generator=torch.Generator().manual_seed(derive_seed(4, "order", epoch))).tolist()
        for start in range(0, N, size):
            rows = order[start : start + size]
            for group in optimizer.param_groups:
                group["lr"] = 0.1 * schedule(step)
            torch.manual_seed(derive_seed(4, "update", step, 0))
            optimizer.zero_grad()
            logits_BK = network(data.views[(epoch - 1) % 2][rows])
            loss_B = nn.functional.cross_entropy(logits_BK, data.labels[rows], reduction="none")
            loss = (weight_N[rows] * loss_B).mean()
            loss.backward()
            norm = torch.cat([p.grad.flatten() for p in network.parameters()]).norm()
            if clip_norm is not None:
                nn.utils.clip_grad_norm_(network.parameters(), clip_norm)
            optimizer.step()
            step += 1
            losses.append(loss.item() * len(rows))
            norms.append(norm.item())
    for (key, value), expected in zip(state.network.state_dict().items(), network.state_dict().values(), strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-6, msg=key)
    assert step == 9
    for index, record in enumerate(state.history):
        of_epoch = slice(3 * index, 3 * index + 3)
        assert record.train_loss == pytest.approx(sum(losses[of_epoch]) / N, rel=1e-5)
        assert record.gradient_norm == pytest.approx(sum(norms[of_epoch]) / 3, rel=1e-5)  # before clipping
    if clip_norm is not None:
        assert min(norms) > clip_norm


def rows_seen(sampler: str, seed: int, epochs: int) -> list[tuple[int, ...]]:
    """Which examples each epoch trained on, in which order: the stored image is its own number."""
    views = torch.arange(N, dtype=torch.uint8).reshape(1, N, 1, 1, 1).expand(1, N, H, W, 2)
    seen: list[int] = []

    class Watcher(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(K))

        def forward(self, stored: Tensor) -> Tensor:
            if self.training:
                seen.extend(stored[:, 0, 0, 0].tolist())
            return self.bias.expand(len(stored), K)

    trained(Watcher(), LabelledArrays(views, examples().labels), epochs=epochs, seed=seed, sampler=sampler)
    return [tuple(seen[start : start + N]) for start in range(0, N * epochs, N)]


def test_each_epoch_sees_every_example_once_in_an_order_of_its_own() -> None:
    orders = {seed: rows_seen("shuffle", seed, epochs=2) for seed in (4, 5)}
    for of_epochs in orders.values():
        assert [sorted(order) for order in of_epochs] == [list(range(N))] * 2
    assert len({*orders[4], *orders[5], tuple(range(N))}) == 5


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_an_epoch_trains_on_what_the_sampler_draws(sampler: str) -> None:
    expected = [tuple(SAMPLERS[sampler](examples().labels, 4, epoch).tolist()) for epoch in (1, 2)]
    assert rows_seen(sampler, 4, epochs=2) == expected


def test_epoch_e_reads_view_e_minus_1_modulo_v() -> None:
    data = examples(views=3)
    network = small_network(dropout=0.0)
    state = trained(network, data, epochs=7, schedule=lambda step: 0.0, batch_size=N)
    expected = [cross_entropy(network.train()(data.views[view]), data.labels).item() for view in range(3)]
    assert len({round(loss, 4) for loss in expected}) == 3
    got = [record.train_loss for record in state.history]
    assert got == pytest.approx([expected[view] for view in (0, 1, 2, 0, 1, 2, 0)], rel=1e-5)


@pytest.mark.parametrize("batch_size", [1, 5, 21, 22, 100])
def test_a_short_last_batch_weighs_what_it_holds(batch_size: int) -> None:
    """With a rate of 0 and no norm, the mean over batches is the mean over the examples, however they are cut."""
    data = examples()
    network = registered_network("lenet5")
    state = trained(network, data, schedule=lambda step: 0.0, batch_size=batch_size)
    logits_NK = network.eval()(data.views[0])
    losses_N = nn.functional.cross_entropy(logits_NK, data.labels, reduction="none")
    assert losses_N.std() > 0.01
    assert state.history[0].train_loss == pytest.approx(losses_N.mean().item(), rel=1e-5)
    assert state.history[0].train_score == pytest.approx((logits_NK.argmax(1) == data.labels).float().mean().item())


def test_class_weights_count_in_the_training_loss_alone() -> None:
    data, class_weights = examples(), torch.tensor([0.5, 3.0, 1.0])
    network = registered_network("lenet5")
    state = trained(
        network, data, validation=data, schedule=lambda step: 0.0, batch_size=5, class_weights=class_weights
    )
    logits_NK = network.eval()(data.views[0])
    losses_N = nn.functional.cross_entropy(logits_NK, data.labels, reduction="none")
    weighted, plain = (class_weights[data.labels] * losses_N).mean().item(), losses_N.mean().item()
    assert abs(weighted - plain) > 0.1
    (record,) = state.history
    assert (record.train_loss, record.validation_loss) == pytest.approx((weighted, plain), rel=1e-5)
    assert record.train_score == record.validation_score == (logits_NK.argmax(1) == data.labels).double().mean().item()


@pytest.mark.parametrize("mixing", [{}, {"mixup": 0.4}])
def test_labels_are_smoothed_in_the_training_loss_alone(mixing: dict[str, float]) -> None:
    """Class weights are in it too; with examples that are mixed, both classes of each are smoothed."""
    data, class_weights = examples(), torch.tensor([0.5, 3.0, 1.0])
    network = registered_network("lenet5")
    state = trained(
        network, data, validation=data, schedule=lambda step: 0.0, batch_size=N, class_weights=class_weights,
        label_smoothing=0.3, **mixing,
    )  # fmt: skip
    (record,) = state.history
    x, y = data.views[0].float(), data.labels
    share, partner = 1.0, y
    if mixing:
        order = SAMPLERS["shuffle"](y, 4, 1)
        mix = draw_mix(data.views.shape[2:], mixup=0.4, cutmix=None, seed=4, updates=0)
        assert mix is not None
        blended, target = mix.batch(data.views[0][order], y[order], data.views[0], y, order.roll(1))
        assert isinstance(target, MixedTarget)
        x, y, partner, share = blended, target.own, target.partner, target.lam
    logits_NK = network.eval()(x if mixing else data.views[0])
    own, other = (
        class_weights[target] * nn.functional.cross_entropy(logits_NK, target, label_smoothing=0.3, reduction="none")
        for target in (y, partner)
    )
    assert record.train_loss == pytest.approx((share * own + (1 - share) * other).mean().item(), rel=1e-5)
    plain = nn.functional.cross_entropy(network(data.views[0]), data.labels).item()
    assert record.validation_loss == pytest.approx(plain, rel=1e-5) and abs(record.train_loss - plain) > 0.05


def test_the_schedule_gets_every_step_of_the_run_and_the_record_the_last_rate() -> None:
    steps: list[int] = []

    def schedule(step: int) -> float:
        steps.append(step)
        return 1 / (step + 1)

    state = trained(small_network(), examples(), epochs=3, schedule=schedule)  # 8, 8 and 6 examples
    assert sorted(set(steps)) == list(range(9))
    assert [record.learning_rate for record in state.history] == pytest.approx([0.1 / 3, 0.1 / 6, 0.1 / 9])
    assert state.optimizer.lr == pytest.approx(0.1 / 9) and state.optimizer.step_count == 9


def test_records_are_numbered_and_timed() -> None:
    state = trained(small_network(), examples(), epochs=3)
    assert [record.epoch for record in state.history] == [1, 2, 3] and state.epoch == 3
    for record in state.history:
        assert record.elapsed_s > 0
        assert record.examples_per_s >= N / record.elapsed_s  # validation is in the seconds and not in the rate


def test_it_learns() -> None:
    data = examples(count=60)
    state = trained(small_network(), data, epochs=8, validation=examples(count=30, seed=2), batch_size=10)
    assert state.history[-1].train_loss < 0.3 * state.history[0].train_loss
    assert state.history[-1].validation_score > 0.8


def test_bfloat16_keeps_the_weights_in_float32() -> None:
    whole = trained(small_network(dropout=0.0), examples(), epochs=2)
    half = trained(small_network(dropout=0.0), examples(), epochs=2, precision="bfloat16")
    assert {parameter.dtype for parameter in half.network.parameters()} == {torch.float32}
    assert half.history[1].train_loss != whole.history[1].train_loss
    # bfloat16 keeps 8 bits
    assert half.history[1].train_loss == pytest.approx(whole.history[1].train_loss, rel=0.05)


@pytest.mark.parametrize("loss", registry.constant("tasks", "classify", "LOSSES"))
def test_the_loss_that_is_asked_for_is_minimised_and_measured(loss: str) -> None:
    data, network = examples(), small_network()
    if loss in ONE_OUTPUT:
        data, network[1].output = LabelledArrays(data.views, (data.labels > 0).long()), nn.Linear(4 * 8 * 7, 1)
    state = trained(network, data, loss=LOSSES[loss], validation=data, epochs=12)
    outputs = state.network.eval()(data.views[0])
    assert state.history[-1].validation_loss == pytest.approx(LOSSES[loss](outputs, data.labels).item(), rel=1e-5)
    assert state.history[-1].train_loss < 0.6 * state.history[0].train_loss
    said = (outputs[:, 0] > 0).long() if loss in ONE_OUTPUT else outputs.argmax(dim=1)
    assert state.history[-1].validation_score == pytest.approx((said == data.labels).double().mean().item()) and (
        state.history[-1].validation_score > 0.8
    )


def test_what_is_compiled_is_what_training_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def stand_in(network: nn.Module) -> Callable[[Tensor], Tensor]:
        return lambda x: sizes.append(len(x)) or network(x)  # type: ignore[func-returns-value]

    monkeypatch.setattr(torch, "compile", stand_in)
    plain = trained(small_network(), examples())
    assert sizes == []
    compiled = trained(small_network(), examples(), compile=True)
    assert sizes == [8, 8, 6]
    assert_equal_bits(compiled.network, plain.network)


@pytest.mark.slow
def test_compiled_training_is_the_same_up_to_rounding() -> None:
    plain, compiled = (trained(small_network(dropout=0.0), examples(), compile=is_on) for is_on in (False, True))
    for (key, value), other in zip(
        compiled.network.state_dict().items(), plain.network.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(value, other, rtol=1e-4, atol=1e-6, msg=key)


def test_progress_counts_the_examples_of_each_epoch() -> None:
    seen: list[tuple[str, int, int | None]] = []
    trained(small_network(), examples(), epochs=2, progress=lambda *call: seen.append(call))
    assert seen == [(f"epoch {epoch}/2", done, N) for epoch in (1, 2) for done in (8, 16, 22)]


# The same again


@pytest.mark.parametrize(
    ("name", "options"), [("lenet5", {"dropout": 0.3}), ("lstm", {"num_layers": 2, "dropout": 0.3, "hidden_size": 9})]
)
def test_the_same_seed_twice_is_the_same_to_the_bit(name: str, options: dict[str, Any]) -> None:
    runs = []
    for seed in (4, 4, 5):
        torch.rand(3)  # what the process drew before does not matter
        runs.append(trained(registered_network(name, **options), examples(views=2), epochs=3, seed=seed))
    assert_equal_bits(runs[0].network, runs[1].network)
    assert without_times(runs[0].history) == without_times(runs[1].history)
    assert runs[0].history[1].train_loss != runs[2].history[1].train_loss


OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd without momentum": {"name": "sgd"},
    "sgd": {"name": "sgd", "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    "adam": {"name": "adam", "weight_decay": 0.01},
    "adamw": {"name": "adamw", "weight_decay": 0.1, "betas": [0.8, 0.99]},
    "rmsprop": {"name": "rmsprop", "momentum": 0.5, "centered": True, "weight_decay": 0.01},
}


@pytest.mark.parametrize(
    ("network", "optimizer", "options_of_fit"),
    [
        *((network, name, {}) for network in ("small", "lstm") for name in OPTIMIZERS),
        ("small", "sgd", {"sampler": "balanced"}),
        ("small", "sgd", {"mixup": 0.4, "cutmix": 1.0}),
    ],
)
def test_a_run_stopped_after_any_update_and_gone_on_with_is_the_uninterrupted_one(
    network: str, optimizer: str, options_of_fit: dict[str, Any]
) -> None:
    """Dropout, a norm's statistics, averaged weights, accumulation, a schedule; in mid-epoch and between epochs."""
    options = dict(OPTIMIZERS[optimizer])
    name = options.pop("name")

    def fresh(seed: int) -> TrainingState:
        if network == "small":
            module = small_network(seed)
        else:
            module = registered_network("lstm", seed, num_layers=2, dropout=0.3, hidden_size=5)
        return TrainingState(module, optimizers.build(name, module, lr=0.02, **options), with_average=True)

    data = examples(views=2)
    settings: dict[str, Any] = {
        "epochs": 3, "lr": 0.02, "clip_norm": 1.0, "batch_size": 4, "accumulation_steps": 2, "ema_decay": 0.9,
        "schedule": schedules.build("cosine", lr=1.0, epochs=3, steps_per_epoch=3), **options_of_fit,
    }  # fmt: skip
    kept: list[bytes] = []
    whole = fresh(seed=0)
    for _ in running(whole, data, after_update=lambda state: kept.append(to_bytes(state)), **settings):
        pass
    assert len(kept) == 9
    for update, content in enumerate(kept, start=1):
        resumed = fresh(seed=99)
        torch.rand(7)  # the process that goes on has drawn other numbers
        from_bytes(content, resumed)
        assert resumed.optimizer.step_count == update and resumed.epoch == (update - 1) // 3
        later = [record.epoch for record in running(resumed, data, **settings)]
        assert later == list(range((update - 1) // 3 + 1, 4))  # after an epoch's last update it is still to be measured
        assert_equal_bits(resumed.network, whole.network)
        assert_equal_bits(resumed.result, whole.result)
        assert without_times(resumed.history) == without_times(whole.history)


def test_what_after_update_raises_stops_the_run_and_the_state_is_whole() -> None:
    def stop(state: TrainingState) -> None:
        if state.optimizer.step_count == 5:
            raise KeyboardInterrupt

    state = TrainingState(network := small_network(), sgd(network))
    with pytest.raises(KeyboardInterrupt):
        list(running(state, examples(), epochs=3, after_update=stop))
    assert (state.epoch, state.progress.examples) == (1, 16)
    for _ in running(state, examples(), epochs=3):
        pass
    assert_equal_bits(state.network, trained(small_network(), examples(), epochs=3).network)


def test_the_seconds_before_a_stop_count() -> None:
    state = TrainingState(network := small_network(), sgd(network))
    state.progress.elapsed_s = 1000.0
    (record,) = running(state, examples())
    assert 1000 < record.elapsed_s < 1060 and N / 1060 < record.examples_per_s < N / 1000


UNEQUAL: dict[str, dict[str, Any]] = {
    "alike": {}, "weighted": {"class_weights": torch.tensor([0.5, 3.0, 1.0])}, "drawn": {"sampler": "balanced"},
    "mixed": {"mixup": 0.4, "cutmix": 1.0},
}  # fmt: skip


@pytest.mark.parametrize(("count", "classes"), [(22, "alike"), (16, "alike"), *((17, way) for way in UNEQUAL)])
def test_accumulation_2_x_4_equals_8(count: int, classes: str) -> None:
    """Also where the last update of the epoch holds 6 = 4 + 2, or a single example."""

    def run(batch_size: int, accumulation_steps: int) -> TrainingState:
        return trained(
            registered_network("lenet5"), examples(count=count), epochs=3, batch_size=batch_size, clip_norm=0.5,
            accumulation_steps=accumulation_steps, **UNEQUAL[classes],
        )  # fmt: skip

    whole, parts, other = run(8, 1), run(4, 2), run(4, 1)
    assert parts.optimizer.step_count == whole.optimizer.step_count == 3 * -(-count // 8)
    for (key, value), expected in zip(
        parts.network.state_dict().items(), whole.network.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(
            value, expected, rtol=1e-4, atol=1e-6, msg=key
        )  # sums of other parts round otherwise
    assert parts.history[-1].train_loss == pytest.approx(whole.history[-1].train_loss, rel=1e-4)
    assert parts.history[-1].gradient_norm == pytest.approx(whole.history[-1].gradient_norm, rel=1e-4)
    assert other.history[-1].train_loss != pytest.approx(whole.history[-1].train_loss, rel=1e-3)


def test_averaged_weights_are_those_of_the_formula_and_are_what_is_measured() -> None:
    weights: list[Tensor] = []
    network = small_network()
    state = TrainingState(network, sgd(network), with_average=True)
    weights.append(network[1].output.weight.detach().clone())
    data = examples()
    for _ in running(
        state, data, epochs=4, ema_decay=0.4, validation=data,
        after_update=lambda state: weights.append(network[1].output.weight.detach().clone()),
    ):  # fmt: skip
        pass
    expected = weights[0]
    for updates, current in enumerate(weights[1:], start=1):
        decay = min(0.4, (1 + updates) / (10 + updates))
        expected = decay * expected + (1 - decay) * current
    assert state.averaged is not None and state.result is state.averaged
    torch.testing.assert_close(state.averaged[1].output.weight, expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(state.averaged[1].norm.running_mean, network[1].norm.running_mean)
    logits_NK = state.averaged.eval()(data.views[0])
    assert state.history[-1].validation_loss == pytest.approx(cross_entropy(logits_NK, data.labels).item(), rel=1e-5)
    assert not torch.equal(state.averaged[1].output.weight, network[1].output.weight)


# Measuring


@pytest.mark.parametrize("batch_size", [1, 256, 257, 400, 700])
def test_evaluation_ignores_batch_size(batch_size: int) -> None:
    data = examples(views=2, count=600)
    network = small_network()
    logits_NK = network.eval()(data.views[0])
    network.train()
    loss, accuracy = measure(network, data, cross_entropy, "accuracy", batch_size)
    assert loss == pytest.approx(cross_entropy(logits_NK, data.labels).item(), rel=1e-5)
    assert accuracy == (logits_NK.argmax(dim=1) == data.labels).double().mean().item()
    assert 0 < accuracy < 1


def test_evaluation_changes_nothing_and_neither_drops_nor_learns() -> None:
    network = small_network()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    first = measure(network.train(), examples(), cross_entropy, "accuracy", 8)
    assert measure(network.train(), examples(), cross_entropy, "accuracy", 8) == first
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_validation_is_measured_with_the_weights_at_the_end_of_the_epoch() -> None:
    validation = examples(count=9, seed=9)
    state = trained(small_network(), examples(), validation=validation, epochs=2)
    logits_NK = state.network.eval()(validation.views[0])
    last = state.history[-1]
    assert last.validation_loss == pytest.approx(cross_entropy(logits_NK, validation.labels).item(), rel=1e-5)
    assert last.validation_score == pytest.approx((logits_NK.argmax(1) == validation.labels).float().mean().item())
    assert math.isfinite(last.train_loss) and last.train_loss != last.validation_loss


@pytest.mark.parametrize("frozen", [(), ("norm",)])
@pytest.mark.parametrize("with_average", [False, True])
def test_what_is_cropped_is_validation_alone(with_average: bool, frozen: tuple[str, ...]) -> None:
    """Views are crops already: training sees them whole, and so comes to the same weights as without a crop."""
    states, train, validation = [], examples(views=2), examples(count=9, seed=9)
    middle = LabelledArrays(enlarged_middle(validation.views[0], 0.6)[None], validation.labels)
    for share, measured in ((1.0, validation), (0.6, validation), (1.0, middle)):
        network = small_network()
        network[0] = ImageInput([0.4, 0.45], [0.2, 0.25], share)
        freeze(network[1], frozen)
        state = TrainingState(network, sgd(network), with_average=with_average)
        for _ in running(state, train, epochs=3, validation=measured, ema_decay=0.9 if with_average else None):
            pass
        states.append(state)
    whole, cropped, by_hand = states
    for first, second in ((whole.network, cropped.network), (whole.result, cropped.result)):
        assert_equal_bits(first, second)
    for plain, crop, expected in zip(whole.history, cropped.history, by_hand.history, strict=True):
        assert crop.train_loss == plain.train_loss
        assert crop.validation_loss == pytest.approx(expected.validation_loss, rel=1e-5)
        assert abs(crop.validation_loss - plain.validation_loss) > 1e-4


def test_the_head_learns_alone_at_first_and_stopping_in_either_part_changes_nothing() -> None:
    """Layers below it hold still, then learn; a checkpoint in the first part or the second ends in the same bits."""
    data, head = examples(), {"head": "output", "head_epochs": 2, "fixed_norms": True, "batch_size": 8}

    def begin() -> TrainingState:
        network = small_network()
        rates = {f"1.{name}": rate for name, rate in rates_by_depth(network[1], "output", 0.5, 2 * 3).items()}
        return TrainingState(network, optimizers.build("adamw", network, lr=0.01, rates=rates))

    start = {name: value.clone() for name, value in begin().network.state_dict().items()}
    state = begin()
    for record in running(state, data, epochs=4, **head):
        moved = {name for name, value in state.network.state_dict().items() if not torch.equal(value, start[name])}
        assert ("1.conv.weight" in moved) == (record.epoch > 2) and "1.output.weight" in moved
        assert "1.norm.running_mean" not in moved
    held = begin()
    freeze(held.network[1], ["norm"])
    held = TrainingState(held.network, optimizers.build("adamw", held.network, lr=0.01))
    for _ in running(held, data, epochs=4, **head):
        pass
    assert torch.equal(held.network[1].norm.weight, start["1.norm.weight"])  # frozen is frozen in both parts
    assert not torch.equal(held.network[1].conv.weight, start["1.conv.weight"])
    for after in (1, 3):
        stopped = begin()
        for record in running(stopped, data, epochs=4, **head):
            if record.epoch == after:
                break
        resumed = begin()
        from_bytes(to_bytes(stopped), resumed)
        for _ in running(resumed, data, epochs=4, **head):
            pass
        assert_equal_bits(resumed.network, state.network)
