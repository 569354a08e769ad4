"""Losses against torch, and against numbers worked out by hand."""

import math

import pytest
import torch

from saccade.losses import LOSSES, cross_entropy, mse

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


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_each_is_a_mean_over_the_batch(name: str) -> None:
    loss = LOSSES[name]
    parts = [loss(LOGITS_BK[i : i + 1], TARGET_B[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(loss(LOGITS_BK, TARGET_B), sum(parts) / 2, rtol=1e-6, atol=0)


def test_the_names_are_those_that_params_may_use() -> None:
    assert dict(LOSSES) == {"cross_entropy": cross_entropy, "mse": mse}
