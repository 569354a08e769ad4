"""Losses against torch, and against numbers worked out by hand."""

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from saccade.core import registry
from saccade.core.distributed import Processes
from saccade.core.ranks import Rank
from saccade.data.spec import PAD
from saccade.optim.class_weights import positive_weights
from saccade.optim.losses import (
    LOSSES,
    ONE_OUTPUT,
    SCORES,
    binary_cross_entropy,
    constant_prediction_loss,
    cross_entropy,
    loss_of_heads,
    loss_of_task,
    mae,
    mse,
    num_correct,
    score_of_task,
    sum_of_f1,
)

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
SEVERAL_BK = torch.tensor([[1, 0, 1], [0, 0, 0]], dtype=torch.uint8)
CASES = {
    "classify": (LOGITS_BK, TARGET_B),
    "regress": (LOGITS_BK, NUMBERS_BO),
    "multilabel": (LOGITS_BK, SEVERAL_BK),
}
every_loss = pytest.mark.parametrize(
    ("task", "name"), [(task, name) for task in CASES for name in registry.constant("tasks", task, "LOSSES")]
)


@every_loss
def test_each_is_a_mean_over_the_batch(task: str, name: str) -> None:
    loss, (output, target) = LOSSES[name], CASES[task]
    output = output[:, :1] if name in ONE_OUTPUT and task == "classify" else output
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
        assert all(callable(loss_of_task(task, name)) for name in registry.constant("tasks", task, "LOSSES"))
        assert callable(score_of_task(task))


def test_auxiliary_heads_weigh_three_tenths_each() -> None:
    first, second = LOGITS_BK.flip(1), 2 * LOGITS_BK
    answer, total = loss_of_heads(cross_entropy, (LOGITS_BK.bfloat16(), first, second), TARGET_B)
    assert answer.dtype == torch.float32 and torch.equal(answer, LOGITS_BK.bfloat16().float())
    expected = cross_entropy(answer, TARGET_B) + 0.3 * cross_entropy(first, TARGET_B)
    torch.testing.assert_close(total, expected + 0.3 * cross_entropy(second, TARGET_B))
    alone, plain = loss_of_heads(cross_entropy, LOGITS_BK, TARGET_B)
    assert alone is LOGITS_BK and torch.equal(plain, cross_entropy(LOGITS_BK, TARGET_B))


# One output for two classes


def test_one_output_says_as_much_as_two_of_which_the_first_is_0() -> None:
    """Value and gradient are those of a softmax over (0, logit), also where the sigmoid is 0 or 1 in float32."""
    logit_B1 = torch.tensor([[-3.0], [0.25], [2.0], [200.0], [-200.0], [1.5]], requires_grad=True)
    target_B, weight_K = torch.tensor([0, 1, 0, 0, 1, 1]), torch.tensor([0.25, 3.0])
    got = binary_cross_entropy(logit_B1, target_B, weight_K)
    two_BK = torch.cat((torch.zeros(6, 1), logit_B1), dim=1)
    expected = (weight_K[target_B] * torch.nn.functional.cross_entropy(two_BK, target_B, reduction="none")).mean()
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=0)
    assert got > 100
    (gradient_B1,), (expected_B1,) = (torch.autograd.grad(value, logit_B1) for value in (got, expected))
    torch.testing.assert_close(gradient_B1, expected_B1, rtol=1e-5, atol=1e-7)


def test_one_output_is_right_on_the_side_of_its_class() -> None:
    logit_B1 = torch.tensor([[-3.0], [0.25], [2.0], [-0.5], [0.0], [0.0]])
    rights = [num_correct(logit_B1[i : i + 1], torch.tensor([k])).item() for i, k in enumerate((0, 1, 0, 1, 0, 1))]
    assert rights == [1, 1, 0, 0, 1, 0]  # of equally probable ones the first, as elsewhere
    assert num_correct(logit_B1, torch.tensor([0, 1, 0, 1, 0, 1])) == 3


# Several classes an example


def test_several_classes_are_so_many_answers_of_yes_or_no() -> None:
    """Value and gradient are torch's, with the weights of those that have a class, too."""
    torch.manual_seed(0)
    logits_BK, target_BK = 3 * torch.randn(7, 4, requires_grad=True), torch.randint(0, 2, (7, 4), dtype=torch.uint8)
    for weight_K in (None, torch.tensor([0.5, 1.0, 3.0, 20.0])):
        got = binary_cross_entropy(logits_BK, target_BK, weight_K)
        p_BK = logits_BK.sigmoid()
        yes, no = -p_BK.log(), -(1 - p_BK).log()
        expected = torch.where(target_BK == 1, yes * (1.0 if weight_K is None else weight_K), no).mean()
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)
        (gradient_BK,), (expected_BK,) = (torch.autograd.grad(value, logits_BK) for value in (got, expected))
        torch.testing.assert_close(gradient_BK, expected_BK, rtol=1e-5, atol=1e-6)


def test_the_score_of_several_classes_is_scikit_learns_f1_of_samples() -> None:
    from sklearn.metrics import f1_score

    torch.manual_seed(1)
    logits_BK, target_BK = torch.randn(40, 3), torch.randint(0, 2, (40, 3), dtype=torch.uint8)
    logits_BK[0], target_BK[0] = -1.0, 0
    expected = f1_score(target_BK, logits_BK > 0, average="samples", zero_division=1)
    assert sum_of_f1(logits_BK, target_BK).item() / 40 == pytest.approx(expected)


def test_those_that_have_a_rare_class_count_as_much_as_those_that_have_not() -> None:
    counts, total = [1, 30, 40, 0], 40
    inverse, effective = (positive_weights(counts, total, scheme) for scheme in ("inverse", "effective"))
    torch.testing.assert_close(inverse, torch.tensor([39.0, 1 / 3, 1.0, 1.0]))
    assert effective[0] == pytest.approx((1 - 0.999**39) / (1 - 0.999**1), rel=1e-5) and effective[2] == 1
    assert positive_weights([1], 100_000, "effective").item() < 1000.5


# Weights of classes

WEIGHT_K = torch.tensor([0.25, 4.0, 1.5, 0.5, 2.0])


def logits_and_targets(count: int, name: str = "cross_entropy") -> tuple[Tensor, Tensor]:
    """Of five classes; of two for a loss that takes one output."""
    random = torch.Generator().manual_seed(1)
    logits_BK, target_B = 3 * torch.randn(count, 5, generator=random), torch.randint(0, 5, (count,), generator=random)
    return (logits_BK[:, :1], target_B % 2) if name in ONE_OUTPUT else (logits_BK, target_B)


@pytest.mark.parametrize("name", registry.constant("tasks", "classify", "LOSSES"))
def test_each_example_weighs_what_its_class_does(name: str) -> None:
    """Value and gradient, over torch's losses of single examples."""
    logits_BK, target_B = logits_and_targets(11, name)
    if name == "cross_entropy":
        expected_B = torch.nn.functional.cross_entropy(logits_BK.requires_grad_(), target_B, reduction="none")
    elif name == "binary_cross_entropy":
        p_B = logits_BK.requires_grad_()[:, 0].sigmoid()
        expected_B = torch.nn.functional.binary_cross_entropy(p_B, target_B.float(), reduction="none")
    else:
        wrong_BK = torch.eye(5)[target_B] - logits_BK.requires_grad_().softmax(dim=1)
        expected_B = torch.linalg.vector_norm(wrong_BK, dim=1) ** 2 / 2
    expected = (WEIGHT_K[target_B] * expected_B).sum() / 11
    got = LOSSES[name](logits_BK, target_B, weight_K=WEIGHT_K)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)
    (gradient_BK,), (expected_BK,) = (torch.autograd.grad(value, logits_BK) for value in (got, expected))
    torch.testing.assert_close(gradient_BK, expected_BK, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.1, 0.9])
def test_smoothed_labels_are_torchs(smoothing: float) -> None:
    """Value and gradient; and the cross entropy to a target that spreads a part of itself over all classes."""
    logits_BK, target_B = logits_and_targets(11)
    got = cross_entropy(logits_BK.requires_grad_(), target_B, smoothing=smoothing)
    expected = torch.nn.functional.cross_entropy(logits_BK, target_B, label_smoothing=smoothing)
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=0)
    soft_BK = (1 - smoothing) * torch.eye(5)[target_B] + smoothing / 5
    by_hand = -(soft_BK * logits_BK.log_softmax(dim=1)).sum(dim=1).mean()
    torch.testing.assert_close(got, by_hand, rtol=1e-5, atol=1e-6)
    (gradient_BK,), (expected_BK,) = (torch.autograd.grad(value, logits_BK) for value in (got, by_hand))
    torch.testing.assert_close(gradient_BK, expected_BK, rtol=1e-5, atol=1e-6)
    assert abs(got.item() / cross_entropy(logits_BK, target_B).item() - 1) > 0.01


def test_with_smoothed_labels_an_example_weighs_what_its_own_class_does() -> None:
    logits_BK, target_B = logits_and_targets(11)
    one_by_one_B = torch.nn.functional.cross_entropy(logits_BK, target_B, label_smoothing=0.3, reduction="none")
    got = cross_entropy(logits_BK, target_B, WEIGHT_K, smoothing=0.3)
    torch.testing.assert_close(got, (WEIGHT_K[target_B] * one_by_one_B).sum() / 11, rtol=1e-5, atol=1e-6)
    parts = [cross_entropy(logits_BK[i : i + 1], target_B[i : i + 1], WEIGHT_K, smoothing=0.3) for i in range(11)]
    torch.testing.assert_close(got, sum(parts) / 11, rtol=1e-5, atol=1e-6)  # so batches and processes add up
    torch.testing.assert_close(
        cross_entropy(logits_BK, target_B, torch.ones(5), smoothing=0.3), one_by_one_B.mean(), rtol=1e-6, atol=0
    )


def test_labels_of_next_tokens_are_smoothed_where_there_are_any() -> None:
    """Each text's mean over its real steps, as torch smooths them; padding is no step and gets no gradient."""
    logits_BTV = 3 * torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
    target_BT = torch.tensor([[2, 4, 3, 1], [3, 0, 0, 0], [1, 2, 0, 0]])
    got = cross_entropy(logits_BTV, target_BT, smoothing=0.2)
    of_texts = [
        torch.nn.functional.cross_entropy(logits_BTV[i, :length], target_BT[i, :length], label_smoothing=0.2)
        for i, length in enumerate((4, 1, 2))
    ]
    torch.testing.assert_close(got, sum(of_texts) / 3, rtol=1e-5, atol=1e-6)
    (gradient_BTV,) = torch.autograd.grad(got, logits_BTV)
    assert (gradient_BTV[target_BT == 0] == 0).all() and (gradient_BTV[target_BT != 0] != 0).all()
    assert abs(got.item() / cross_entropy(logits_BTV, target_BT).item() - 1) > 0.01


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
    logits_BK, target_B = logits_and_targets(count, name)
    total = torch.zeros(())
    for rank in range(3):
        mine, num_counted = Processes(Rank(rank, 3)).local_rows(torch.arange(count))
        total += loss(logits_BK[mine], target_B[mine]) * num_counted / count
    torch.testing.assert_close(total, loss(logits_BK, target_B), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", registry.constant("tasks", "classify", "LOSSES"))
def test_weights_of_one_change_nothing(name: str) -> None:
    loss, batch = LOSSES[name], logits_and_targets(11, name)
    torch.testing.assert_close(loss(*batch, weight_K=torch.ones(5)), loss(*batch), rtol=1e-6, atol=0)


def test_auxiliary_heads_are_weighted_too() -> None:
    logits_BK, target_B = logits_and_targets(11)
    loss = partial(cross_entropy, weight_K=WEIGHT_K)
    _, total = loss_of_heads(loss, (logits_BK, logits_BK.flip(1)), target_B)
    torch.testing.assert_close(total, loss(logits_BK, target_B) + 0.3 * loss(logits_BK.flip(1), target_B))


# --- what learning has to do better than ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "name"),
    [
        (task, name)
        for task in ("classify", "regress", "forecast", "next_token", "multilabel")
        for name in registry.constant("tasks", task, "LOSSES")
    ],
)
def test_no_answer_that_is_the_same_for_all_has_a_lower_loss_than_the_constant_one(task: str, name: str) -> None:
    """Found by descent from a random start, and never undercut by 500 others."""
    torch.manual_seed(0)
    labels, width = {
        "classify": (torch.tensor([0, 2, 2, 1, 2, 0, 2]), 3),
        **dict.fromkeys(("regress", "forecast"), (torch.randn(9, 2) * torch.tensor([3.0, 0.5]), 2)),
        "next_token": (torch.tensor([[1, 2, 3, 1], [3, PAD, PAD, PAD], [2, 2, PAD, PAD]]), 4),
        "multilabel": (torch.tensor([[1, 0, 1], [0, 0, 1], [1, 0, 0], [0, 1, 1]], dtype=torch.uint8), 3),
    }[task]
    if name in ONE_OUTPUT and task == "classify":
        labels, width = labels.clamp(max=1), 1
    lowest = constant_prediction_loss(name, labels)
    assert lowest is not None
    is_one_answer = labels.is_floating_point() or labels.dtype == torch.uint8
    shape = labels.shape if is_one_answer else (*labels.shape, width)
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
    assert constant_prediction_loss("cross_entropy", labels) == pytest.approx(math.log(10))
    assert constant_prediction_loss("cross_entropy", torch.tensor([3, 3, 3])) == 0
    assert constant_prediction_loss("binary_cross_entropy", torch.tensor([0, 1, 1, 1])) == pytest.approx(
        0.5623, abs=1e-4
    )
    assert (
        constant_prediction_loss("hinge", labels) is None
        and constant_prediction_loss("hinge", torch.rand(4, 1)) is None
    )
