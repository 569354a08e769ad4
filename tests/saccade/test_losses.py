"""Losses against torch, and against numbers worked out by hand."""

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from saccade import registry
from saccade.losses import LOSSES, SCORES, constant_loss, cross_entropy, loss_of_heads, mae, mse
from saccade.processes import Processes
from saccade.ranks import Rank
from saccade.tokens import PAD

LOGITS_BK = torch.log(torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])) + torch.tensor([[2.0], [-3.0]])
TARGET_B = torch.tensor([0, 1])


def test_cross_entropy_is_the_mean_of_minus_log_probability() -> None:
    expected = -(math.log(0.5) + math.log(0.1)) / 2
    assert cross_entropy(LOGITS_BK, TARGET_B).item() == pytest.approx(expected, rel=1e-6)


def test_cross_entropy_is_torchs() -> None:
    torch.manual_seed(0)
    logits_BK, target_B = 5 * torch.randn(11, 7), torch.randint(0, 7, (11,))
    expected = torch.nn.functional.nll_loss(logits_BK.log_softmax(dim=1), target_B)
    torch.testing.assert_close(cross_entropy(logits_BK, target_B), expected, rtol=1e-5, atol=1e-6)


def test_mse_is_half_the_squared_distance_from_one_hot() -> None:
    first = ((1 - 0.5) ** 2 + 0.3**2 + 0.2**2) / 2  # 0.19
    second = (0.1**2 + (1 - 0.1) ** 2 + 0.8**2) / 2  # 0.73
    assert mse(LOGITS_BK, TARGET_B).item() == pytest.approx((first + second) / 2, rel=1e-6)
    assert mse(LOGITS_BK, TARGET_B).item() == pytest.approx(0.46, rel=1e-6)


def test_mse_falls_when_its_gradient_is_followed() -> None:
    logits_BK = LOGITS_BK.clone().requires_grad_()
    (gradient_BK,) = torch.autograd.grad(mse(logits_BK, TARGET_B), logits_BK)
    assert gradient_BK.shape == (2, 3) and (gradient_BK[torch.arange(2), TARGET_B] < 0).all()
    assert mse(LOGITS_BK - 0.1 * gradient_BK, TARGET_B) < mse(LOGITS_BK, TARGET_B)


NUMBERS_BO = torch.tensor([[1.0, -2.0, 0.5], [0.25, 4.0, -1.0]])
CASES = {"classify": (LOGITS_BK, TARGET_B), "regress": (LOGITS_BK, NUMBERS_BO)}
every_loss = pytest.mark.parametrize(
    ("task", "name"), [(task, name) for task in CASES for name in registry.constant("tasks", task, "LOSSES")]
)


@every_loss
def test_each_is_a_mean_over_the_batch(task: str, name: str) -> None:
    loss, (output, target) = LOSSES[name], CASES[task]
    parts = [loss(output[i : i + 1], target[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(loss(output, target), sum(parts) / 2, rtol=1e-6, atol=0)


@pytest.mark.parametrize("task", sorted(CASES))
def test_each_score_is_a_sum_over_the_examples(task: str) -> None:
    score, (output, target) = SCORES[registry.constant("tasks", task, "SCORE")], CASES[task]
    parts = [score(output[i : i + 1], target[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(score(output, target), sum(parts))


def test_errors_of_numbers_are_torchs() -> None:
    torch.testing.assert_close(mse(LOGITS_BK, NUMBERS_BO), torch.nn.MSELoss()(LOGITS_BK, NUMBERS_BO))
    torch.testing.assert_close(mae(LOGITS_BK, NUMBERS_BO), torch.nn.L1Loss()(LOGITS_BK, NUMBERS_BO))
    torch.testing.assert_close(SCORES["mae"](LOGITS_BK, NUMBERS_BO) / 2, torch.nn.L1Loss()(LOGITS_BK, NUMBERS_BO))


def test_tasks_name_losses_and_scores_that_there_are() -> None:
    for task in registry.names("tasks"):
        assert set(registry.constant("tasks", task, "LOSSES")) <= set(LOSSES)
        assert registry.constant("tasks", task, "SCORE") in SCORES


def test_auxiliary_heads_weigh_three_tenths_each() -> None:
    first, second = LOGITS_BK.flip(1), 2 * LOGITS_BK
    answer, total = loss_of_heads(cross_entropy, (LOGITS_BK.bfloat16(), first, second), TARGET_B)
    assert answer.dtype == torch.float32 and torch.equal(answer, LOGITS_BK.bfloat16().float())
    expected = cross_entropy(answer, TARGET_B) + 0.3 * cross_entropy(first, TARGET_B)
    torch.testing.assert_close(total, expected + 0.3 * cross_entropy(second, TARGET_B))
    alone, plain = loss_of_heads(cross_entropy, LOGITS_BK, TARGET_B)
    assert alone is LOGITS_BK and torch.equal(plain, cross_entropy(LOGITS_BK, TARGET_B))


# Weights of classes

WEIGHT_K = torch.tensor([0.25, 4.0, 1.5, 0.5, 2.0])


def logits_and_targets(count: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    return 3 * torch.randn(count, 5, generator=random), torch.randint(0, 5, (count,), generator=random)


@pytest.mark.parametrize("name", registry.constant("tasks", "classify", "LOSSES"))
def test_each_example_weighs_what_its_class_does(name: str) -> None:
    """Value and gradient, over torch's losses of single examples."""
    logits_BK, target_B = logits_and_targets(11)
    if name == "cross_entropy":
        expected_B = torch.nn.functional.cross_entropy(logits_BK.requires_grad_(), target_B, reduction="none")
    else:
        wrong_BK = torch.eye(5)[target_B] - logits_BK.requires_grad_().softmax(dim=1)
        expected_B = torch.linalg.vector_norm(wrong_BK, dim=1) ** 2 / 2
    expected = (WEIGHT_K[target_B] * expected_B).sum() / 11
    got = LOSSES[name](logits_BK, target_B, weight_K=WEIGHT_K)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)
    (gradient_BK,), (expected_BK,) = (torch.autograd.grad(value, logits_BK) for value in (got, expected))
    torch.testing.assert_close(gradient_BK, expected_BK, rtol=1e-5, atol=1e-6)


def test_the_divisor_is_the_batch_and_not_its_weights() -> None:
    logits_BK, target_B = logits_and_targets(11)
    ours = cross_entropy(logits_BK, target_B, weight_K=WEIGHT_K)
    theirs = torch.nn.functional.cross_entropy(logits_BK, target_B, weight=WEIGHT_K)
    torch.testing.assert_close(ours, theirs * WEIGHT_K[target_B].mean(), rtol=1e-5, atol=1e-6)
    assert abs(ours / theirs - 1) > 0.05


@pytest.mark.parametrize("name", registry.constant("tasks", "classify", "LOSSES"))
@pytest.mark.parametrize("count", [2, 7, 11])
def test_weighted_shares_of_several_processes_add_up_to_the_batch(name: str, count: int) -> None:
    """Also where a process has nothing to count: two examples for three."""
    loss = partial(LOSSES[name], weight_K=WEIGHT_K)
    logits_BK, target_B = logits_and_targets(count)
    total = torch.zeros(())
    for rank in range(3):
        mine, num_counted = Processes(Rank(rank, 3)).share(torch.arange(count))
        total += loss(logits_BK[mine], target_B[mine]) * num_counted / count
    torch.testing.assert_close(total, loss(logits_BK, target_B), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", registry.constant("tasks", "classify", "LOSSES"))
def test_weights_of_one_change_nothing(name: str) -> None:
    loss, batch = LOSSES[name], logits_and_targets(11)
    torch.testing.assert_close(loss(*batch, weight_K=torch.ones(5)), loss(*batch), rtol=1e-6, atol=0)


def test_auxiliary_heads_are_weighted_too() -> None:
    logits_BK, target_B = logits_and_targets(11)
    loss = partial(cross_entropy, weight_K=WEIGHT_K)
    _, total = loss_of_heads(loss, (logits_BK, logits_BK.flip(1)), target_B)
    torch.testing.assert_close(total, loss(logits_BK, target_B) + 0.3 * loss(logits_BK.flip(1), target_B))


# --- what learning has to do better than ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "name"),
    [(task, name) for task in registry.names("tasks") for name in registry.constant("tasks", task, "LOSSES")],
)
def test_no_answer_that_is_the_same_for_all_has_a_lower_loss_than_the_constant_one(task: str, name: str) -> None:
    """Found by descent from a random start, and never undercut by 500 others."""
    torch.manual_seed(0)
    labels, width = {
        "classify": (torch.tensor([0, 2, 2, 1, 2, 0, 2]), 3),
        **dict.fromkeys(("regress", "forecast"), (torch.randn(9, 2) * torch.tensor([3.0, 0.5]), 2)),
        "next_token": (torch.tensor([[1, 2, 3, 1], [3, PAD, PAD, PAD], [2, 2, PAD, PAD]]), 4),
    }[task]
    lowest = constant_loss(name, labels)
    assert lowest is not None
    shape = (*labels.shape, width) if not labels.is_floating_point() else labels.shape
    answer_K = torch.randn(width, requires_grad=True)
    optimizer = torch.optim.Adam([answer_K], lr=0.05)
    for _ in range(1500):
        optimizer.zero_grad()
        loss = LOSSES[name](answer_K.expand(shape), labels)
        loss.backward()
        optimizer.step()
    assert loss.item() == pytest.approx(lowest, rel=0.02)
    others = [LOSSES[name]((3 * torch.randn(width)).expand(shape), labels).item() for _ in range(500)]
    assert min(others) >= lowest * (1 - 1e-6)


def test_ten_equal_classes_cost_the_logarithm_of_ten_and_an_unknown_loss_has_no_constant_one() -> None:
    labels = torch.arange(10).repeat(5)
    assert constant_loss("cross_entropy", labels) == pytest.approx(math.log(10))
    assert constant_loss("cross_entropy", torch.tensor([3, 3, 3])) == 0
    assert constant_loss("hinge", labels) is None and constant_loss("hinge", torch.rand(4, 1)) is None
