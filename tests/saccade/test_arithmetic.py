"""The worked numbers of the course: against the numbers themselves, against torch, and as docs/arithmetic.md has them.

Shapes: B batch, C channels, H height, W width, T time steps, F features, D hidden size, K classes.
"""

import importlib.util
import itertools
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from saccade.nn import geometry, layers
from saccade.optim import losses

DOCS = Path(__file__).parents[2] / "docs"


def _program(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


worked_numbers = _program("worked_numbers")  # first: the page imports it
arithmetic = _program("arithmetic")


def matrix(rows: str) -> Tensor:
    return torch.tensor([[float(number) for number in row.split()] for row in rows.split("/")], dtype=torch.float64)


def in_torch(image_HW: Tensor, kernel: Tensor, **how: int) -> Tensor:
    return F.conv2d(image_HW[None, None], kernel[None, None], **how)[0, 0]


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_is_what_the_program_writes() -> None:
    remedy = "python docs/arithmetic.py"
    assert arithmetic.PAGE.read_bytes() == arithmetic.page().encode(), f"docs/arithmetic.md is stale: run `{remedy}`"


def test_the_page_shows_the_numbers_of_the_course() -> None:
    page = arithmetic.page()
    for shown in (
        *("28x28 = 784", "75 products", "28x28x6", "(227 - 11 + 2*0)/4 + 1 = 55", "**6600**", "**91**", "**114**"),
        *("`1 6 5 / 7 10 9 / 7 10 8`", "`1 5 6 / 7 8 3 / 3 10 4`", "0.93653377 0.94910407 0.76234074"),
    ):
        assert shown in page
    assert "69  91 117" in page and "9 2     3.75 1.25" in page


def test_no_formula_is_broken_and_no_line_becomes_a_list() -> None:
    prose = [line for line in arithmetic.page().splitlines() if not line.startswith("|")]
    assert max(map(len, prose)) <= 120
    assert not any(line.startswith(("- ", "* ", "+ ")) for line in prose)
    outside = arithmetic.page().split("```")[::2]
    assert all(
        line.count("`") % 2 == 0 for part in outside for line in part.splitlines() if "(" in line and "=" in line
    )


# --- convolution ------------------------------------------------------------------------------------------------------


def test_a_5x5_filter_leaves_28x28_positions_of_32x32() -> None:
    one, six = nn.Conv2d(3, 1, 5), nn.Conv2d(3, 6, 5)
    x_BCHW = torch.randn(1, 3, 32, 32)
    assert one(x_BCHW).shape == (1, 1, 28, 28) and six(x_BCHW).shape == (1, 6, 28, 28)
    assert one(x_BCHW)[0, 0].numel() == 784
    assert one.weight.numel() == 75 and one.bias is not None and one.bias.numel() == 1
    assert nn.Conv2d(3, 1, 5, padding="same")(x_BCHW).shape == (1, 1, 32, 32)


@pytest.mark.parametrize(
    ("side", "size", "stride", "padding", "out"),
    [(32, 5, 1, 0, 28), (28, 2, 2, 0, 14), (227, 11, 4, 0, 55), (224, 7, 2, 3, 112), (7, 3, 2, 0, 3), (5, 3, 2, 1, 3)],
)
def test_output_sides(side: int, size: int, stride: int, padding: int, out: int) -> None:
    assert geometry.output_side(side, size, stride=stride, padding=padding) == out
    assert F.avg_pool1d(torch.zeros(1, 1, side + 2 * padding), size, stride).shape[2] == out


def test_the_curve_detector_answers_6600_to_its_curve_and_nothing_to_others() -> None:
    detector, curve = worked_numbers.CURVE_DETECTOR, worked_numbers.CURVE
    assert {tuple(place) for place in detector.nonzero().tolist()} == {(0, 5), (1, 4), (2, 3), (3, 3), (4, 3), (5, 3)}
    assert set(detector.flatten().tolist()) == {0, 30}
    assert in_torch(curve, detector).item() == 6600
    assert worked_numbers.convolve(curve, detector).item() == 6600
    elsewhere = torch.zeros(7, 7, dtype=torch.float64)
    elsewhere[:, 0] = elsewhere[6] = 50
    assert in_torch(elsewhere, detector).item() == 0


def test_stride_2_begins_with_91() -> None:
    expected = matrix("91 100 88 / 69 91 117 / 44 72 74")
    image, kernel = worked_numbers.STRIDE_IMAGE, worked_numbers.STRIDE_KERNEL
    assert torch.equal(in_torch(image, kernel, stride=2), expected)
    assert torch.equal(worked_numbers.convolve(image, kernel, stride=2), expected)


def test_padding_1_gives_the_printed_values_at_stride_1_and_others_at_stride_2() -> None:
    """The course material prints the first three rows and columns of stride 1 as the result for stride 2."""
    image, kernel = worked_numbers.PADDING_IMAGE, worked_numbers.PADDING_KERNEL
    printed = matrix("1 6 5 / 7 10 9 / 7 10 8")
    at_2 = matrix("1 5 6 / 7 8 3 / 3 10 4")
    for convolve in (in_torch, worked_numbers.convolve):
        assert torch.equal(convolve(image, kernel, padding=1)[:3, :3], printed)
        assert torch.equal(convolve(image, kernel, stride=2, padding=1), at_2)


def test_the_sharpened_corner_is_114() -> None:
    image = matrix("60 113 56 / 73 121 54 / 131 99 70")  # what follows the beginning does not matter
    assert in_torch(image, worked_numbers.SHARPENING, padding=1)[0, 0] == 114
    assert worked_numbers.convolve(worked_numbers.SHARPENED_CORNER, worked_numbers.SHARPENING, padding=1)[0, 0] == 114


def test_pooling() -> None:
    image = matrix("1 3 2 1 / 2 9 1 1 / 1 3 2 3 / 5 6 1 2")
    assert torch.equal(worked_numbers.POOLED, image)
    maximum, mean = matrix("9 2 / 6 3"), matrix("3.75 1.25 / 3.75 2")
    assert torch.equal(layers.pooling("max")(image[None])[0], maximum)
    assert torch.equal(layers.pooling("average")(image[None])[0], mean)
    assert torch.equal(worked_numbers.pool(image, 2, stride=2, reduce=torch.max), maximum)
    assert torch.equal(worked_numbers.pool(image, 2, stride=2, reduce=torch.mean), mean)
    corners_CHW = torch.stack([image[:2, :2], image[:2, 2:], image[2:, :2], image[2:, 2:]])
    expected_CHW = torch.stack([matrix("2 3 / 2 9"), matrix("2 3 / 5 6")])
    assert torch.equal(layers.pooling("depth")(corners_CHW[None])[0], expected_CHW)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, 2)])
def test_convolving_by_hand_is_torchs(stride: int, padding: int) -> None:
    generator = torch.Generator().manual_seed(stride)
    image, kernel = (torch.randn(*size, generator=generator, dtype=torch.float64) for size in ((7, 9), (3, 2)))
    how = {"stride": stride, "padding": padding}
    torch.testing.assert_close(worked_numbers.convolve(image, kernel, **how), in_torch(image, kernel, **how))


def test_the_kernel_gradient_is_autograds() -> None:
    x, gradient = worked_numbers.GRADIENT_INPUT, worked_numbers.GRADIENT_OF_OUTPUT
    kernel = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    (in_torch(x, kernel) * gradient).sum().backward()
    assert kernel.grad is not None
    torch.testing.assert_close(worked_numbers.kernel_gradient(x, gradient), kernel.grad)
    # Its first value, as the formula has it: X[0,0] dH[0,0] + X[0,1] dH[0,1] + X[1,0] dH[1,0] + X[1,1] dH[1,1].
    assert kernel.grad[0, 0].item() == pytest.approx(1 * 1 + 2 * -2 + 4 * 3 + 5 * 5)
    # Sides that differ: rows and columns may not be exchanged.
    x, gradient = (torch.randn(*size, dtype=torch.float64) for size in ((4, 6), (3, 4)))
    kernel = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    (in_torch(x, kernel) * gradient).sum().backward()
    torch.testing.assert_close(worked_numbers.kernel_gradient(x, gradient), kernel.grad)


# --- recurrent networks -----------------------------------------------------------------------------------------------


def test_hello_to_six_digits() -> None:
    h_D = torch.zeros(3, dtype=torch.float64)
    expected_h = [
        torch.tensor([0.69316804, 0.89955366, 0.8021184], dtype=torch.float64),
        torch.tensor([0.93653372, 0.94910403, 0.76234056], dtype=torch.float64),
    ]
    for letter, expected_D in zip("he", expected_h, strict=True):
        h_D = worked_numbers.rnn_step(worked_numbers.one_hot(letter), h_D)
        torch.testing.assert_close(h_D, expected_D, rtol=0, atol=5e-7)
    y_K = worked_numbers.W_HY @ h_D
    expected_K = torch.tensor([1.90607732, 1.13779113, 0.95666016, 1.27422602], dtype=torch.float64)
    # The first column of W_hy is printed with five digits: its rounding alone moves y by up to 5e-6 times h.
    torch.testing.assert_close(y_K, expected_K, rtol=0, atol=5e-6)
    assert (y_K - expected_K).abs().max() > 1e-6
    ours_K = torch.tensor([1.90607489, 1.13779168, 0.95666393, 1.27422796], dtype=torch.float64)
    torch.testing.assert_close(y_K, ours_K, rtol=0, atol=5e-9)
    shares_K = torch.tensor([0.419747, 0.194682, 0.162429, 0.223141], dtype=torch.float64)
    torch.testing.assert_close(worked_numbers.softmax(y_K), shares_K, rtol=0, atol=5e-7)
    torch.testing.assert_close(worked_numbers.softmax(y_K), y_K.softmax(0))


def test_hello_is_torchs_rnn() -> None:
    rnn = nn.RNN(4, 3, batch_first=True).double()
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(worked_numbers.W_XH)
        rnn.weight_hh_l0.copy_(0.427043 * torch.eye(3, dtype=torch.float64))
        rnn.bias_ih_l0.fill_(0.567001)
        rnn.bias_hh_l0.zero_()
    x_TF = torch.stack([worked_numbers.one_hot(letter) for letter in "hell"])
    h_D, expected_TD = torch.zeros(3, dtype=torch.float64), rnn(x_TF[None])[0][0]
    for x_F, expected_D in zip(x_TF, expected_TD, strict=True):
        h_D = worked_numbers.rnn_step(x_F, h_D)
        torch.testing.assert_close(h_D, expected_D, rtol=1e-12, atol=1e-12)


def lstm_of(rows: list[int]) -> nn.LSTM:
    """torch's, with the page's weights, the blocks of its gates in another order."""
    lstm = nn.LSTM(2, 2, batch_first=True).double()
    order = [2 * block + unit for block in rows for unit in (0, 1)]
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(worked_numbers.LSTM_W_X[order])
        lstm.weight_hh_l0.copy_(worked_numbers.LSTM_W_H[order])
        lstm.bias_ih_l0.copy_(worked_numbers.LSTM_B[order])
        lstm.bias_hh_l0.zero_()
    return lstm


def by_hand() -> tuple[Tensor, Tensor]:
    """Every h, and the last c."""
    h_D = c_D = torch.zeros(2, dtype=torch.float64)
    h_TD = []
    for x_F in worked_numbers.LSTM_STEPS:
        step = worked_numbers.lstm_step(x_F, h_D, c_D)
        h_D, c_D = step.h, step.c
        h_TD.append(h_D)
    return torch.stack(h_TD), c_D


def test_the_gates_are_torchs() -> None:
    h_BTD, (_, c_LBD) = lstm_of([0, 1, 2, 3])(worked_numbers.LSTM_STEPS[None])
    h_TD, c_D = by_hand()
    torch.testing.assert_close(h_TD, h_BTD[0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(c_D, c_LBD[0, 0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("swapped", list(itertools.combinations(range(4), 2)))
def test_a_swapped_gate_is_seen(swapped: tuple[int, int]) -> None:
    one, other = swapped
    rows = [0, 1, 2, 3]
    rows[one], rows[other] = rows[other], rows[one]
    h_BTD, _ = lstm_of(rows)(worked_numbers.LSTM_STEPS[None])
    assert (by_hand()[0] - h_BTD[0]).abs().max() > 0.01


def test_no_two_rows_of_the_gates_are_alike() -> None:
    rows = torch.cat([worked_numbers.LSTM_W_X, worked_numbers.LSTM_W_H, worked_numbers.LSTM_B[:, None]], dim=1)
    assert len({tuple(row) for row in rows.tolist()}) == 8


# --- loss and update --------------------------------------------------------------------------------------------------


def test_one_update_is_autograds() -> None:
    weight_KF = worked_numbers.LOSS_WEIGHT.clone().requires_grad_()
    output_K = weight_KF @ worked_numbers.LOSS_INPUT
    loss = 0.5 * F.mse_loss(output_K, worked_numbers.LOSS_TARGET, reduction="sum")
    assert loss.item() == pytest.approx(worked_numbers.mse(output_K.detach(), worked_numbers.LOSS_TARGET).item())
    assert loss.item() == pytest.approx(0.71)  # (0.5^2 + 0.9^2 + 0.6^2) / 2
    loss.backward()
    assert weight_KF.grad is not None
    torch.testing.assert_close(worked_numbers.mse_gradient(worked_numbers.LOSS_WEIGHT), weight_KF.grad)
    optimizer = torch.optim.SGD([weight_KF], lr=0.1)
    optimizer.step()
    expected = matrix("0.05 0.1 / 0.39 0.08 / -0.26 0.28")
    torch.testing.assert_close(weight_KF.detach(), expected)
    torch.testing.assert_close(worked_numbers.updated(worked_numbers.LOSS_WEIGHT, 0.1), expected)
    assert worked_numbers.losses_of(0.1, 1) == pytest.approx([0.71, 0.1775])


def test_the_loss_is_the_one_that_training_takes() -> None:
    logits_BK = torch.tensor([[0.2, -0.4, 0.9], [1.5, 0.1, -0.3]])
    by_hand = [
        worked_numbers.mse(row.softmax(0), F.one_hot(torch.tensor(k), 3))
        for row, k in zip(logits_BK, (2, 1), strict=True)
    ]
    torch.testing.assert_close(losses.mse(logits_BK, torch.tensor([2, 1])), torch.stack(by_hand).mean())


def test_a_rate_too_high_overshoots_and_one_too_low_crawls() -> None:
    crawling, good, diverging = (worked_numbers.losses_of(lr, 20) for lr in (0.001, 0.19, 0.45))
    assert crawling[-1] > 0.5 * crawling[0] and good[-1] < 1e-9 and diverging[-1] > 1000 * diverging[0]
    assert all(after > before for before, after in itertools.pairwise(diverging))
