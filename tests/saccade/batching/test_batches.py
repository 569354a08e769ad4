"""The parts of the loop by themselves: updates and batches, the objective, one step.

Shapes: N examples, K classes.
"""

import inspect

import pytest
import torch
from small_training import N, examples, sgd, small_network
from torch import nn

from saccade.batching.batches import Batch, Batches
from saccade.batching.samplers import SAMPLERS
from saccade.core.devices import derive_seed
from saccade.core.distributed import Processes
from saccade.core.ranks import Rank
from saccade.optim.losses import cross_entropy
from saccade.optim.objective import Objective
from saccade.train import step
from saccade.train.runtime import NonFiniteLossError, Runtime
from saccade.train.state import TrainingState


def batches_of_epoch(batches: Batches, epoch: int, skip: int = 0) -> list[list[Batch]]:
    return [list(update) for update in batches.epoch(epoch, skip=skip)]


def test_an_epoch_is_cut_into_updates_and_these_into_batches() -> None:
    data = examples(views=2)
    batches = Batches(data, 4, seed=4, accumulation_steps=2)
    assert (batches.num_examples, batches.update_size, batches.updates_per_epoch) == (N, 8, 3)
    updates = list(batches.epoch(2))
    assert [(update.number, update.examples) for update in updates] == [(0, 8), (1, 8), (2, 6)]
    assert [update.seed for update in updates] == [derive_seed(4, "update", 3 + number, 0) for number in range(3)]
    cut = [list(update) for update in updates]
    assert [[len(batch.rows) for batch in update] for update in cut] == [[4, 4], [4, 4], [4, 2]]
    rows = torch.cat([batch.rows for update in cut for batch in update])
    assert torch.equal(rows, SAMPLERS["shuffle"](data.labels, 4, 2))
    for update in cut:
        assert sum(batch.weight for batch in update) == pytest.approx(1)
        for batch in update:
            assert torch.equal(batch.x, data.views[1, batch.rows]) and torch.equal(
                batch.target, data.labels[batch.rows]
            )


@pytest.mark.parametrize("options", [{}, {"mixup": 0.4}, {"sampler": "balanced"}])
def test_what_is_skipped_changes_nothing_of_what_follows(options: dict[str, object]) -> None:
    whole = batches_of_epoch(Batches(examples(), 4, seed=4, accumulation_steps=2, **options), 3)  # type: ignore[arg-type]
    later = batches_of_epoch(Batches(examples(), 4, seed=4, accumulation_steps=2, **options), 3, skip=8)  # type: ignore[arg-type]
    assert len(later) == 2
    for first, second in zip(whole[1:], later, strict=True):
        for one, other in zip(first, second, strict=True):
            assert torch.equal(one.x, other.x) and torch.equal(one.rows, other.rows) and one.weight == other.weight


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_rows_of_all_processes_are_the_batch_and_their_weights_average_to_its_share(count: int) -> None:
    whole = batches_of_epoch(Batches(examples(count=17), 8, seed=4), 1)
    processes = [Processes(Rank(rank=rank, world_size=count)) for rank in range(count)]
    parts = [batches_of_epoch(Batches(examples(count=17), 8, seed=4, processes=each), 1) for each in processes]
    for number, (batch,) in enumerate(whole):
        own = [part[number][0] for part in parts]
        counted = torch.cat([each.rows[: each.count] for each in own])
        assert sorted(counted.tolist()) == sorted(batch.rows.tolist())
        assert sum(each.weight for each in own) / count == pytest.approx(batch.weight)  # gradients are averaged


def test_one_step_is_torchs() -> None:
    """A loss, its gradient, plain descent: by hand with torch, on the batch that is trained on."""
    data = examples()
    batches = Batches(data, 8, seed=4)
    ours, theirs = small_network(dropout=0.0), small_network(dropout=0.0)
    state, update = TrainingState(ours, sgd(ours)), next(batches.epoch(1))
    (batch,) = update
    norms = step.train_step(state, update, Objective(cross_entropy), Runtime(), clip_norm=None)
    loss = nn.functional.cross_entropy(theirs(batch.x), batch.target)
    loss.backward()
    assert state.progress.sums[0].item() == pytest.approx(8 * loss.item(), rel=1e-6)
    gradients = [parameter.grad for parameter in theirs.parameters()]
    assert norms.total.item() == pytest.approx(nn.utils.get_total_norm(gradients).item(), rel=1e-6)
    for mine, gradient in zip(ours.parameters(), gradients, strict=True):
        torch.testing.assert_close(mine.grad, gradient, rtol=1e-5, atol=1e-7)
    assert state.optimizer.step_count == 1


def test_the_norms_are_torchs_to_the_bit() -> None:
    """They decide by how much a gradient is clipped; a parameter without a gradient has none."""
    random = torch.Generator().manual_seed(0)
    parameters = [nn.Parameter(torch.randn(shape, generator=random)) for shape in ((3, 5), (7,), (2, 3, 4), (11, 2))]
    for parameter in (parameters[0], parameters[2], parameters[3]):
        parameter.grad = torch.randn(parameter.shape, generator=random)
    norms = step.measure_gradient(parameters)
    given = [parameter.grad for parameter in parameters if parameter.grad is not None]
    assert torch.equal(norms.total, nn.utils.get_total_norm(given))
    assert [norm.item() for norm in norms.of_parameters] == pytest.approx(
        [0.0 if parameter.grad is None else parameter.grad.norm().item() for parameter in parameters], rel=1e-6
    )


def test_a_loss_that_is_not_finite_stops_the_step_before_the_update() -> None:
    network = small_network()
    with torch.no_grad():
        network[1].norm.weight[2] = float("nan")
    state, update = TrainingState(network, sgd(network)), next(Batches(examples(), 8, seed=4).epoch(1))
    with pytest.raises(NonFiniteLossError) as caught:
        step.train_step(state, update, Objective(cross_entropy), Runtime(), clip_norm=None)
    assert state.optimizer.step_count == 0 and len(caught.value.batch.rows) == 8


def test_the_objective_measures_without_what_only_training_adds() -> None:
    logits, target = torch.tensor([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]]), torch.tensor([0, 1])
    weights = torch.tensor([0.5, 3.0, 1.0])
    objective = Objective(cross_entropy, label_smoothing=0.1, class_weights=weights)
    plain = nn.functional.cross_entropy(logits, target)
    loss, correct = objective.measure(logits, target)
    assert loss.item() == pytest.approx(plain.item()) and correct.item() == 1
    each = nn.functional.cross_entropy(logits, target, reduction="none", label_smoothing=0.1)
    trained, score = objective(logits, target)
    assert trained.item() == pytest.approx((weights[target] * each).mean().item()) and score.item() == 1


def test_a_step_is_consecutive_lines_that_a_reader_sees() -> None:
    """Zero, forward, loss, backward, norm, clip, step, in this order, in one function of one screen."""
    source = inspect.getsource(step.train_step).split('"""')[2]
    lines = [line for line in source.splitlines() if line.strip() and not line.strip().startswith("#")]
    assert len(lines) <= 12
    places = [source.index(word) for word in ("zero_grad", "forward", ".backward()", "clip_grads", "optimizer.step()")]
    assert places == sorted(places)
