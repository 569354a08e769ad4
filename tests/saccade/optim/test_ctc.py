"""CTC without lengths: what stands behind a line's end says blank with certainty, and changes nothing."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from saccade.nn.images.line_layers import certain_blanks
from saccade.optim.ctc import constant_answer_loss, ctc, num_read_right
from saccade.optim.losses import constant_prediction_loss


def lines(batch: int = 4, steps: int = 9, tokens: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    logits_BTV = torch.randn(batch, steps, tokens, generator=random)
    target_BL = torch.tensor([[2, 3, 0, 0], [4, 4, 2, 0], [1, 0, 0, 0], [3, 2, 3, 2]])[:batch]
    return logits_BTV, target_BL, torch.tensor([9, 6, 1, 8])[:batch]


def test_certain_blanks_are_as_good_as_torch_s_input_lengths() -> None:
    logits_BTV, target_BL, length_B = lines()
    logits_BTV.requires_grad_()
    with_lengths = F.ctc_loss(
        logits_BTV.log_softmax(2).transpose(0, 1), target_BL, length_B, (target_BL != 0).sum(1), reduction="none"
    ).mean()
    (expected,) = torch.autograd.grad(with_lengths, logits_BTV)
    loss = ctc(certain_blanks(logits_BTV, length_B), target_BL)
    (gradient,) = torch.autograd.grad(loss, logits_BTV)
    torch.testing.assert_close(loss, with_lengths, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-6)
    assert not gradient[2, 1:].any()  # nothing is learnt behind an end


def test_the_loss_is_the_probability_of_all_ways_to_say_a_text() -> None:
    logits_BTV, _, _ = lines(1, 4, 3)
    probability_TV = logits_BTV[0].softmax(dim=1)
    total = torch.zeros(())
    for way in itertools.product(range(3), repeat=4):
        said = [token for token, _ in itertools.groupby(way) if token]
        if said == [2, 1]:
            total = total + torch.stack([probability_TV[t, token] for t, token in enumerate(way)]).prod()
    torch.testing.assert_close(ctc(logits_BTV, torch.tensor([[2, 1]])), -total.log())


def test_lines_are_right_without_an_error() -> None:
    best = torch.tensor([[2, 2, 0, 2, 3, 3], [0, 4, 0, 0, 0, 0], [1, 2, 3, 0, 4, 0]])
    logits_BTV = F.one_hot(best, 5).float()
    target_BL = torch.tensor([[2, 2, 3, 0], [4, 0, 0, 0], [1, 2, 3, 2]])
    assert num_read_right(logits_BTV, target_BL) == 2
    assert num_read_right(logits_BTV[:, :2], target_BL[1:2].expand(3, 4)) == 1  # fewer steps than characters


@pytest.mark.parametrize("name", ["ctc"])
def test_no_constant_answer_is_known(name: str) -> None:
    assert constant_prediction_loss(name, torch.ones(3, 4, dtype=torch.int64)) is None


def test_the_loss_of_a_constant_answer_is_what_biases_alone_learn() -> None:
    random = torch.Generator().manual_seed(0)
    step_N = torch.randint(8, 15, (20,), generator=random)
    length_N = torch.randint(1, 4, (20,), generator=random)
    target_NL = torch.multinomial(torch.tensor([0.0, 0.1, 0.6, 0.3]), 60, replacement=True, generator=random).view(
        20, 3
    )
    target_NL = target_NL * (torch.arange(3) < length_N[:, None])
    bias_V = torch.zeros(4, requires_grad=True)
    optimizer = torch.optim.Adam([bias_V], lr=0.1)
    for _ in range(80):
        logits_NTV = certain_blanks(bias_V.expand(20, 14, 4), step_N)
        loss = ctc(logits_NTV, target_NL)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = constant_answer_loss(target_NL, step_N)
    assert loss.item() <= found + 1e-3  # gradient descent is not held to a list of shares
    assert found == pytest.approx(loss.item(), rel=0.03)
