"""The training loop over texts of unequal length: trimmed, bucketed, measured, stopped and gone on with.

Shapes: N texts, T tokens of the longest, V tokens of the vocabulary, K classes.
"""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from flat_fit import fit, measure
from torch import Tensor, nn

from saccade.batching.arrays import LabelledArrays
from saccade.batching.length_buckets import by_length, stored_lengths
from saccade.batching.samplers import SAMPLERS
from saccade.bundle.inputs import TokenInput
from saccade.core import registry
from saccade.data.spec import Spec
from saccade.optim import optimizers, schedules
from saccade.optim.losses import cross_entropy, num_correct, token_losses
from saccade.train.checkpoints import from_bytes, to_bytes
from saccade.train.state import TrainingState

CPU = torch.device("cpu")
N, T, V, K = 53, 14, 9, 3
VOCABULARY = ("<pad>", "<unknown>", *"abcdefg")
ONCE = Spec("tokens", (T,), ("cat", "dog", "owl"), (), VOCABULARY, "characters")
EACH_STEP = Spec("tokens", (T,), (), (), VOCABULARY, "characters", output="per_token")


def texts(spec: Spec = ONCE, count: int = N, seed: int = 0) -> LabelledArrays:
    """Class k, or the token that follows token i, is told by the first letter, or by i."""
    random = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, T + 1, (count,), generator=random)
    real_NT = torch.arange(T) < lengths[:, None]
    token_NT = torch.randint(2, V, (count, T), generator=random) * real_NT
    labels = torch.where(real_NT, (token_NT - 1) % (V - 2) + 2, 0) if spec.output == "per_token" else token_NT[:, 0] % K
    return LabelledArrays(token_NT.int()[None], labels, stored_lengths(token_NT))


def network(spec: Spec = ONCE, seed: int = 0, **options: Any) -> nn.Sequential:
    torch.manual_seed(seed)
    model = registry.module("models", "gru").build(spec, hidden_size=7, embedding_size=5, **options)
    return nn.Sequential(TokenInput(), model)


def trained(built: nn.Sequential, data: LabelledArrays, **options: Any) -> TrainingState:
    state = TrainingState(built, optimizers.build("sgd", built, lr=0.3, momentum=0.9))
    for _ in going(state, data, **options):
        pass
    return state


def going(state: TrainingState, data: LabelledArrays, **options: Any) -> Any:
    settings: dict[str, Any] = {
        "loss": cross_entropy, "schedule": lambda step: 1.0, "lr": 0.3, "epochs": 2, "batch_size": 8, "clip_norm": 1.0,
        "device": CPU, "precision": "float32", "seed": 4, **options,
    }  # fmt: skip
    return fit(state, data, settings.pop("validation", data), **settings)


def watched(built: nn.Sequential) -> list[tuple[int, int]]:
    """The shape of each training batch that a network sees."""
    seen: list[tuple[int, int]] = []

    def look(module: nn.Module, inputs: Any) -> None:
        if built.training:
            seen.append(tuple(inputs[0].shape))

    built.register_forward_pre_hook(look)
    return seen


both_answers = pytest.mark.parametrize("spec", [ONCE, EACH_STEP], ids=["per_example", "each step"])


@both_answers
def test_it_is_the_loop_that_anyone_would_write_over_padded_texts(spec: Spec) -> None:
    data, size = texts(spec), 8
    assert data.lengths is not None and isinstance(data.views, Tensor)
    state = trained(network(spec), data, batch_size=size)
    built = network(spec)
    optimizer = torch.optim.SGD(built.parameters(), lr=0.3, momentum=0.9)
    for epoch in (1, 2):
        order = by_length(SAMPLERS["shuffle"](data.labels, 4, epoch), data.lengths, size, seed=4, epoch=epoch)
        losses = []
        for rows in order.split(size):
            optimizer.zero_grad()
            output = built(data.views[0][rows])  # padded to the longest of all
            if spec is ONCE:
                loss_B = F.cross_entropy(output, data.labels[rows], reduction="none")
            else:
                loss_B = torch.stack(
                    [F.cross_entropy(output[b, :n], data.labels[row, :n]) for b, (row, n) in
                     enumerate(zip(rows, data.lengths[rows], strict=True))]
                )  # fmt: skip
            loss_B.mean().backward()
            nn.utils.clip_grad_norm_(built.parameters(), 1.0)
            optimizer.step()
            losses.append(loss_B.detach())
        assert state.history[epoch - 1].train_loss == pytest.approx(torch.cat(losses).mean().item(), rel=1e-4)
    for (key, value), expected in zip(state.network.state_dict().items(), built.state_dict().values(), strict=True):
        # 14 updates with momentum carry on the rounding of products of other sizes
        torch.testing.assert_close(value, expected, rtol=1e-3, atol=1e-4, msg=key)


def test_each_batch_is_as_long_as_its_longest_text() -> None:
    data, built = texts(), network()
    assert data.lengths is not None
    seen = watched(built)
    trained(built, data, epochs=1)
    order = by_length(SAMPLERS["shuffle"](data.labels, 4, 1), data.lengths, 8, seed=4, epoch=1)
    assert seen == [(len(rows), int(data.lengths[rows].max())) for rows in order.split(8)]
    mixed = network()
    seen_mixed = watched(mixed)
    trained(mixed, data, epochs=1, length_buckets=False)
    order = SAMPLERS["shuffle"](data.labels, 4, 1)
    assert seen_mixed == [(len(rows), int(data.lengths[rows].max())) for rows in order.split(8)]
    assert sum(b * t for b, t in seen) < sum(b * t for b, t in seen_mixed)


@both_answers
def test_accumulated_batches_are_one_large_one(spec: Spec) -> None:
    runs = [
        trained(network(spec), texts(spec), batch_size=size, accumulation_steps=steps)
        for size, steps in ((8, 1), (4, 2))
    ]
    for (key, value), other in zip(*(run.network.state_dict().items() for run in runs), strict=True):
        torch.testing.assert_close(value, other[1], rtol=1e-3, atol=1e-4, msg=key)
    assert runs[0].history[0].train_loss == pytest.approx(runs[1].history[0].train_loss, rel=1e-4)


@both_answers
@pytest.mark.parametrize("sampler", ["shuffle", "balanced"])
def test_a_run_stopped_after_any_update_and_gone_on_with_is_the_uninterrupted_one(spec: Spec, sampler: str) -> None:
    if spec is EACH_STEP and sampler == "balanced":
        return  # nothing to balance
    data = texts(spec)
    options: dict[str, Any] = {
        "sampler": sampler, "epochs": 2, "schedule": schedules.build("cosine", lr=1.0, epochs=2, steps_per_epoch=7)
    }  # fmt: skip
    kept: list[bytes] = []
    whole = trained(
        network(spec, dropout=0.3), data, after_update=lambda state: kept.append(to_bytes(state)), **options
    )
    assert len(kept) == 14
    for update in (1, 3, 7, 11):
        built = network(spec, seed=9, dropout=0.3)
        resumed = TrainingState(built, optimizers.build("sgd", built, lr=0.3, momentum=0.9))
        torch.rand(7)
        from_bytes(kept[update - 1], resumed)
        for _ in going(resumed, data, **options):
            pass
        for (key, value), other in zip(
            whole.network.state_dict().items(), resumed.network.state_dict().values(), strict=True
        ):
            assert torch.equal(value, other), (update, key)


@both_answers
def test_it_learns(spec: Spec) -> None:
    state = trained(network(spec), texts(spec, count=120), epochs=20, validation=texts(spec, count=40, seed=1))
    assert state.history[-1].validation_loss < 0.4 * state.history[0].validation_loss
    assert state.history[-1].validation_score > 0.9


@both_answers
@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_measuring_does_not_depend_on_the_batch_or_on_lengths_being_known(spec: Spec, batch_size: int) -> None:
    data, built = texts(spec), network(spec)
    measured = measure(built, data, cross_entropy, "accuracy", batch_size)
    plain = LabelledArrays(data.views, data.labels)
    assert measured == pytest.approx(measure(built, plain, cross_entropy, "accuracy", N), rel=1e-5)


# --- the loss of next tokens ------------------------------------------------------------------------------------------


def test_the_loss_of_a_text_is_the_mean_over_its_steps_and_each_text_counts_the_same() -> None:
    data = texts(EACH_STEP, count=5)
    logits_BTV = torch.randn(5, T, V, generator=torch.Generator().manual_seed(1), requires_grad=True)
    assert data.lengths is not None
    losses, right = [], []
    for b, length in enumerate(data.lengths.tolist()):
        losses.append(F.cross_entropy(logits_BTV[b, :length], data.labels[b, :length]))
        right.append((logits_BTV[b, :length].argmax(dim=1) == data.labels[b, :length]).float().mean())
    loss = cross_entropy(logits_BTV, data.labels)
    torch.testing.assert_close(loss, torch.stack(losses).mean())
    torch.testing.assert_close(num_correct(logits_BTV, data.labels), torch.stack(right).sum())
    loss.backward()
    assert logits_BTV.grad is not None
    assert not logits_BTV.grad[data.labels == 0].any() and logits_BTV.grad[data.labels != 0].any(dim=1).all()


def test_padding_costs_nothing_and_is_never_right() -> None:
    logits_BTV, label_BT = torch.zeros(2, 3, V), torch.tensor([[4, 0, 0], [0, 0, 0]])
    logits_BTV[:, :, 0] = 5  # it says padding everywhere
    assert token_losses(logits_BTV, label_BT)[label_BT == 0].tolist() == [0.0] * 5
    assert num_correct(logits_BTV, label_BT) == 0
    assert torch.isfinite(cross_entropy(logits_BTV, label_BT))
