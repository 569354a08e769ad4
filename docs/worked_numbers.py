"""The numbers of the course, and the arithmetic over them in plain loops; ``arithmetic.py`` makes a page of both.

tests/saccade/test_arithmetic.py compares what is here with torch.

Shapes: H height, W width, C channels, K classes or rows of a weight, T time steps, F features, D hidden size.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


def matrix(text: str) -> Tensor:
    """``"1 2 / 3 4"`` as a float64 matrix: full double precision, so that every printed digit is right."""
    return torch.tensor([[float(number) for number in row.split()] for row in text.split("/")], dtype=torch.float64)


# --- the numbers of the course ----------------------------------------------------------------------------------------

CURVE_DETECTOR = torch.zeros(7, 7, dtype=torch.float64)
for _row, _column in ((0, 5), (1, 4), (2, 3), (3, 3), (4, 3), (5, 3)):
    CURVE_DETECTOR[_row, _column] = 30
CURVE = matrix(
    "0 0 0 0 0 0 30 / 0 0 0 0 50 50 50 / 0 0 0 20 50 0 0 / 0 0 0 50 50 0 0 / 0 0 0 50 50 0 0 / 0 0 0 50 50 0 0"
    "/ 0 0 0 50 50 0 0"
)

STRIDE_IMAGE = matrix(
    "2 3 7 4 6 2 9 / 6 6 9 8 7 4 3 / 3 4 8 3 8 9 7 / 7 8 3 6 6 3 4 / 4 2 1 8 3 4 6 / 3 2 4 1 9 8 3 / 0 1 3 9 2 1 4"
)
STRIDE_KERNEL = matrix("3 4 4 / 1 0 2 / -1 0 3")

PADDING_IMAGE = matrix("2 2 3 3 3 / 0 1 3 0 3 / 2 3 0 1 3 / 3 3 2 1 2 / 3 3 0 2 3")
PADDING_KERNEL = matrix("2 0 1 / 1 0 0 / 0 1 1")

SHARPENING = matrix("0 -1 0 / -1 5 -1 / 0 -1 0")
SHARPENED_CORNER = matrix("60 113 / 73 121")

POOLED = matrix("1 3 2 1 / 2 9 1 1 / 1 3 2 3 / 5 6 1 2")

LETTERS = "helo"
W_XH = matrix(
    "0.287027 0.84606 0.572392 0.486813 / 0.902874 0.871522 0.691079 0.18998 / 0.537524 0.09224 0.558159 0.491528"
)
W_HH = 0.427043
B_H = 0.567001
W_HY = matrix(
    "0.37168 0.974829459 0.830034886 / 0.39141 0.282585823 0.659835709 / 0.64985 0.09821557 0.334287084"
    "/ 0.91266 0.32581642 0.144630018"
)
PRINTED_H = matrix("0.93653372 0.94910403 0.76234056").flatten()  # after "e"
PRINTED_Y = matrix("1.90607732 1.13779113 0.95666016 1.27422602").flatten()

# --- numbers of our own, where the course gives none ------------------------------------------------------------------

GRADIENT_INPUT = matrix("1 2 3 / 4 5 6 / 7 8 9")
GRADIENT_OF_OUTPUT = matrix("1 -2 / 3 5")

LSTM_STEPS = matrix("1.0 -0.5 / 0.3 0.8 / -1.2 0.4")  # T F
# Rows in torch's order: two units each of the input gate, the forget gate, the candidate, the output gate.
LSTM_W_X = matrix("0.5 -0.3 / 0.2 0.7 / -0.6 0.1 / 0.4 0.9 / 0.8 -0.2 / -0.5 0.3 / 0.1 0.6 / -0.4 -0.7")
LSTM_W_H = matrix("0.3 0.1 / -0.2 0.5 / 0.6 -0.4 / 0.2 0.7 / -0.1 0.9 / 0.4 -0.3 / 0.8 0.2 / -0.6 0.1")
LSTM_B = matrix("0.1 -0.2 / 1.0 0.9 / 0.0 0.3 / -0.1 0.2").flatten()

LOSS_INPUT = matrix("1.0 2.0").flatten()
LOSS_TARGET = matrix("0 1 0").flatten()
LOSS_WEIGHT = matrix("0.1 0.2 / 0.3 -0.1 / -0.2 0.4")
LEARNING_RATE = 0.1


# --- convolution and pooling ------------------------------------------------------------------------------------------


def convolve(image_HW: Tensor, kernel: Tensor, *, stride: int = 1, padding: int = 0) -> Tensor:
    """Slide a kernel over an image: at each place, the sum of the products.

    As deep learning has it, without turning the kernel round.

    Args:
        image_HW: one channel.
        kernel: no larger than the padded image.
        stride: positions from one place to the next.
        padding: rows and columns of zeros on each side.

    Returns:
        A value for each place.
    """
    H, W = image_HW.shape
    padded = torch.zeros(H + 2 * padding, W + 2 * padding, dtype=image_HW.dtype)
    padded[padding : padding + H, padding : padding + W] = image_HW
    return _slide(padded, tuple(kernel.shape), stride, lambda patch: (patch * kernel).sum())


def pool(image_HW: Tensor, size: int, *, stride: int, reduce: Callable[[Tensor], Tensor]) -> Tensor:
    """Slide an empty window over an image: at each place the maximum, or the mean, of what lies in it.

    Args:
        image_HW: one channel.
        size: positions a side of the window.
        stride: positions from one place to the next.
        reduce: such as torch.max.

    Returns:
        A value for each place.
    """
    return _slide(image_HW, (size, size), stride, reduce)


def _slide(image_HW: Tensor, size: tuple[int, ...], stride: int, look: Callable[[Tensor], Tensor]) -> Tensor:
    rows, columns = ((side - k) // stride + 1 for side, k in zip(image_HW.shape, size, strict=True))
    result = torch.zeros(rows, columns, dtype=image_HW.dtype)
    for i, j in itertools.product(range(rows), range(columns)):
        top, left = i * stride, j * stride
        result[i, j] = look(image_HW[top : top + size[0], left : left + size[1]])
    return result


def kernel_gradient(image_HW: Tensor, gradient_HW: Tensor) -> Tensor:
    """How the loss changes with each weight of the kernel of a valid convolution with stride 1.

    ``dW[a, b] = sum over (i, j) of X[i + a, j + b] * dH[i, j]``: each place of the output tells, times what the weight
    met there. That is a convolution again, of the input with the output's gradient.

    Args:
        image_HW: X, what was convolved.
        gradient_HW: dH, of the loss with respect to the convolution's output.

    Returns:
        dW, shaped like the kernel.
    """
    rows, columns = (side - out + 1 for side, out in zip(image_HW.shape, gradient_HW.shape, strict=True))
    result = torch.zeros(rows, columns, dtype=image_HW.dtype)
    for a, b in itertools.product(range(rows), range(columns)):
        for i, j in itertools.product(*map(range, gradient_HW.shape)):
            result[a, b] += image_HW[i + a, j + b] * gradient_HW[i, j]
    return result


# --- recurrent networks -----------------------------------------------------------------------------------------------


def one_hot(letter: str) -> Tensor:
    """1 at the letter's place among h, e, l, o."""
    return torch.tensor([float(letter == other) for other in LETTERS], dtype=torch.float64)


def rnn_step(x_F: Tensor, h_D: Tensor) -> Tensor:
    """``h_t = tanh(W_hh h_{t-1} + W_xh x_t + b)``; W_hh is one number, the same for each unit and itself."""
    return torch.tanh(W_HH * h_D + W_XH @ x_F + B_H)


def softmax(y_K: Tensor) -> Tensor:
    """``exp(y) / sum of exp(y)``: numbers of any size become shares of 1."""
    return torch.exp(y_K) / torch.exp(y_K).sum()


class LSTMStep(NamedTuple):
    """Gates, candidate and states of one step of an LSTM, each of shape (D,)."""

    input_gate: Tensor
    forget_gate: Tensor
    candidate: Tensor
    output_gate: Tensor
    c: Tensor
    h: Tensor


def lstm_step(x_F: Tensor, h_D: Tensor, c_D: Tensor) -> LSTMStep:
    """One step: three gates and a candidate of what is new and what was said last; then the memory, then the answer.

    Args:
        x_F: what is new.
        h_D: what was said last.
        c_D: the memory.

    Returns:
        All that the step computes.
    """
    size = len(h_D)
    z_4D = LSTM_W_X @ x_F + LSTM_W_H @ h_D + LSTM_B
    i, f, g, o = (z_4D[number * size : (number + 1) * size] for number in range(4))
    i, f, o = (1 / (1 + torch.exp(-gate)) for gate in (i, f, o))
    g = torch.tanh(g)
    c = f * c_D + i * g
    return LSTMStep(i, f, g, o, c, o * torch.tanh(c))


# --- loss and update --------------------------------------------------------------------------------------------------


def mse(output_K: Tensor, target_K: Tensor) -> Tensor:
    """``sum of 1/2 (target - output)^2``."""
    return (0.5 * (target_K - output_K) ** 2).sum()


def mse_gradient(weight_KF: Tensor) -> Tensor:
    """dL/dW of ``mse(W x, target)``: ``(output - target)`` of each row, times x."""
    error_K = weight_KF @ LOSS_INPUT - LOSS_TARGET
    return error_K[:, None] * LOSS_INPUT


def updated(weight_KF: Tensor, lr: float) -> Tensor:
    """``w = w - lr * dL/dw``."""
    return weight_KF - lr * mse_gradient(weight_KF)


def losses_of(lr: float, steps: int) -> list[float]:
    """The loss before the first update and after each."""
    weight_KF, losses = LOSS_WEIGHT, []
    for _ in range(steps + 1):
        losses.append(mse(weight_KF @ LOSS_INPUT, LOSS_TARGET).item())
        weight_KF = updated(weight_KF, lr)
    return losses
