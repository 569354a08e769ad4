"""Losses against torch, and against numbers worked out by hand."""

import math

import pytest
import torch

from saccade import registry
from saccade.losses import LOSSES, SCORES, cross_entropy, loss_of_heads, mae, mse

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
