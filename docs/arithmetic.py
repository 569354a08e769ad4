"""The arithmetic of the course as a page: docs/arithmetic.md.

    python docs/arithmetic.py

writes it anew; every number on it comes from ``worked_numbers.py``. tests/saccade/test_arithmetic.py compares the page
with this program.

Shapes: H height, W width, C channels, K classes or rows of a weight, T time steps, F features, D hidden size.
"""

import itertools
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from worked_numbers import (
    B_H,
    CURVE,
    CURVE_DETECTOR,
    GRADIENT_INPUT,
    GRADIENT_OF_OUTPUT,
    LEARNING_RATE,
    LETTERS,
    LOSS_INPUT,
    LOSS_TARGET,
    LOSS_WEIGHT,
    LSTM_B,
    LSTM_STEPS,
    LSTM_W_H,
    LSTM_W_X,
    PADDING_IMAGE,
    PADDING_KERNEL,
    POOLED,
    PRINTED_H,
    PRINTED_Y,
    SHARPENED_CORNER,
    SHARPENING,
    STRIDE_IMAGE,
    STRIDE_KERNEL,
    W_HH,
    W_HY,
    W_XH,
    LSTMStep,
    convolve,
    kernel_gradient,
    losses_of,
    lstm_step,
    mse_gradient,
    one_hot,
    pool,
    rnn_step,
    softmax,
    updated,
)

from saccade.core.files import replacing_file
from saccade.explain.architecture.layer_windows import output_formula

PAGE = Path(__file__).with_suffix(".md")


# --- how numbers are shown --------------------------------------------------------------------------------------------


def number(value: float | Tensor, digits: int = 8) -> str:
    """At most so many digits after the point, without trailing noughts."""
    text = f"{float(value):.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def block(rows: Tensor, digits: int = 9) -> str:
    """A matrix as a block of code, in columns."""
    cells = [[number(value, digits) for value in row] for row in torch.atleast_2d(rows)]
    width = max(len(cell) for row in cells for cell in row)
    return "```\n" + "\n".join(" ".join(cell.rjust(width) for cell in row) for row in cells) + "\n```"


def side_by_side(*rows: Tensor) -> str:
    """Matrices in one block of code, next to each other."""
    blocks = [block(one).splitlines()[1:-1] for one in rows]
    widths = [len(lines[0]) for lines in blocks]
    padded = [lines + [""] * (max(map(len, blocks)) - len(lines)) for lines in blocks]
    lines = ["     ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in zip(*padded)]  # noqa: B905
    return "```\n" + "\n".join(line.rstrip() for line in lines) + "\n```"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def filled(text: str) -> str:
    """The same text with its paragraphs broken anew; headings, tables and blocks of code as they are."""
    parts = text.split("\n\n")
    is_prose = [not part.startswith(("#", "|", "```")) for part in parts]
    for place, part in enumerate(parts):
        if is_prose[place]:
            unbroken = re.sub("`[^`]*`", lambda code: code[0].replace(" ", "\0"), " ".join(part.split()))
            parts[place] = textwrap.fill(unbroken, 120, break_on_hyphens=False).replace("\0", " ")
    return "\n\n".join(parts)


# --- the sections -----------------------------------------------------------------------------------------------------


def output_sizes() -> str:
    sizes = [
        ("5x5 filter on 32x32", 32, 5, 1, 0),
        ("5x5 filter, `same`", 32, 5, 1, 4),
        ("3x3 filter, `valid`", 32, 3, 1, 0),
        ("3x3 filter, `same`", 32, 3, 1, 2),
        ("2x2 pooling, stride 2", 28, 2, 2, 0),
        ("AlexNet's first layer", 227, 11, 4, 0),
        ("ResNet's first layer", 224, 7, 2, 6),
        ("3x3 kernel on 7x7, stride 2", 7, 3, 2, 0),
        ("3x3 kernel on 5x5, stride 2, padding 1", 5, 3, 2, 2),
    ]
    rows = []
    for what, side, size, stride, padded in sizes:
        out = (side + padded - size) // stride + 1
        rows.append([what, f"`{output_formula(side, out, size, stride, padded)}`"])
    side = 32 - 5 + 1
    return f"""## Output sizes

A window of k positions that slides over i positions with p of padding at each end and a stride of s stops at

```
o = floor((i - k + 2p) / s) + 1
```

places: the window begins at 0, ends where its last position meets the last of the padded input, and what is left over
is not used.

{table(["", "output side"], rows)}

`valid` means p = 0, `same` the padding that keeps the side at stride 1: p = (k - 1) / 2 for an odd k.

One filter of 5x5 over an image of 32x32x3 makes {5 * 5 * 3} products at each of {side}x{side} = {side * side} places,
and adds one bias: {side}x{side}x1. Six filters make {side}x{side}x6, with 6 * ({5 * 5 * 3} + 1) = {6 * (5 * 5 * 3 + 1)}
parameters and {side * side} * 6 * {5 * 5 * 3} = {side * side * 6 * 5 * 5 * 3:,} multiply-adds. `saccade describe model
NAME` works this out for every layer of a network."""


def curve_detector() -> str:
    straight = torch.zeros(7, 7, dtype=torch.float64)
    straight[:, 0] = 50
    patches = [
        ("the curve", CURVE),
        ("the same, left and right exchanged: the stem still fits", CURVE.flip(1)),
        ("the same, turned by a quarter", CURVE.rot90()),
        ("a straight line at the left edge", straight),
        ("nothing", torch.zeros(7, 7, dtype=torch.float64)),
    ]
    rows = [[what, number((patch * CURVE_DETECTOR).sum())] for what, patch in patches]
    terms = (CURVE * CURVE_DETECTOR).flatten()
    products = " + ".join(
        f"{number(pixel)}*{number(weight)}"
        for pixel, weight, term in zip(CURVE.flatten(), CURVE_DETECTOR.flatten(), terms, strict=True)
        if term
    )
    return f"""## A filter answers to what looks like it

The filter (left) holds a curve; so does the piece of the image (right).

{side_by_side(CURVE_DETECTOR, CURVE)}

Multiplied place by place and summed: {products} = **{number(terms.sum())}**. What shares a part of the curve gets a
part of that; where nothing lies under the filter's weights, the answer is 0:

{table(["piece of the image", "answer"], rows)}"""


def stride() -> str:
    answer = convolve(STRIDE_IMAGE, STRIDE_KERNEL, stride=2)
    products = " + ".join(
        f"{number(pixel)}*{number(weight) if weight >= 0 else f'({number(weight)})'}"
        for pixel, weight in zip(STRIDE_IMAGE[:3, :3].flatten(), STRIDE_KERNEL.flatten(), strict=True)
    )
    return f"""## Stride

Image, kernel, and what a stride of 2 leaves:

{side_by_side(STRIDE_IMAGE, STRIDE_KERNEL, answer)}

The first value: {products} = **{number(answer[0, 0])}**. The next window begins two columns to the right, the next row
of windows two rows further down: `{output_formula(7, 3, 3, 2, 0)}` on each side."""


def padding() -> str:
    answer = convolve(PADDING_IMAGE, PADDING_KERNEL, stride=2, padding=1)
    every = convolve(PADDING_IMAGE, PADDING_KERNEL, padding=1)
    return f"""## Padding

Image and kernel; a border of one row or column of zeros lies around the image:

{side_by_side(PADDING_IMAGE, PADDING_KERNEL)}

With stride 1, the image keeps its size: `{output_formula(5, 5, 3, 1, 2)}`. With stride 2 every second row and column is
left: `{output_formula(5, 3, 3, 2, 2)}`.

{side_by_side(every, answer)}

The course material prints `1 6 5 / 7 10 9 / 7 10 8` as the result for stride 2. Those nine values are the upper left
corner of the result for **stride 1** (left); for stride 2 the same image and kernel give
`{" / ".join(" ".join(number(value) for value in row) for row in answer)}` (right)."""


def sharpening() -> str:
    answer = convolve(SHARPENED_CORNER, SHARPENING, padding=1)
    (a, b), (c, _) = SHARPENED_CORNER.tolist()
    return f"""## Sharpening

A pixel times five, less its four neighbours: where the image is even nothing changes (the weights sum to
{number(SHARPENING.sum())}), and at an edge the difference grows.

{side_by_side(SHARPENING, SHARPENED_CORNER)}

In the upper left corner of an image that begins as shown, with zeros around it: 5*{number(a)} - {number(b)} -
{number(c)} = **{number(answer[0, 0])}**."""


def pooling() -> str:
    maximum = pool(POOLED, 2, stride=2, reduce=torch.max)
    mean = pool(POOLED, 2, stride=2, reduce=torch.mean)
    channels_CHW = torch.stack([POOLED[:2, :2], POOLED[:2, 2:], POOLED[2:, :2], POOLED[2:, 2:]])
    depth_CHW = torch.stack([channels_CHW[:2].amax(0), channels_CHW[2:].amax(0)])
    return f"""## Pooling

Windows of 2x2 with stride 2 over the left matrix: the maximum of each, and the mean.

{side_by_side(POOLED, maximum, mean)}

Pooling across depth takes the maximum of neighbouring channels at the same place. Four channels of 2x2 (here the four
corners of the matrix above)

{side_by_side(*channels_CHW)}

become two; the sides stay:

{side_by_side(*depth_CHW)}

In a model file these are `pooling: max`, `average` and `depth`; `overlapping` is a maximum of 3x3 with stride 2."""


def gradient() -> str:
    answer = kernel_gradient(GRADIENT_INPUT, GRADIENT_OF_OUTPUT)
    products = " + ".join(
        f"{number(x)}*{number(h) if h >= 0 else f'({number(h)})'}"
        for x, h in zip(GRADIENT_INPUT[:2, :2].flatten(), GRADIENT_OF_OUTPUT.flatten(), strict=True)
    )
    return f"""## The gradient of a kernel

A 2x2 kernel W slides over a 3x3 input X, without padding. Each of its weights met four values of X, one for each value
of the output H; so

```
dW[a, b] = sum over (i, j) of X[i + a, j + b] * dH[i, j]
```

which is a convolution again, of X with dH. For X and dH as below, dW is the third matrix, whatever the weights are:

{side_by_side(GRADIENT_INPUT, GRADIENT_OF_OUTPUT, answer)}

dW[0, 0] = {products} = {number(answer[0, 0])}. `loss.backward()` gives the same."""


def hello() -> str:
    h_D, rows = torch.zeros(3, dtype=torch.float64), []
    for letter, following in itertools.pairwise("hello"):
        h_D = rnn_step(one_hot(letter), h_D)
        y_K = W_HY @ h_D
        shares = softmax(y_K)
        if letter == "e":
            after_e = (h_D, y_K)
        rows.append(
            [
                f'"{letter}"',
                " ".join(f"{value:.8f}" for value in h_D),
                " ".join(f"{value:.8f}" for value in y_K),
                " ".join(f"{value:.4f}" for value in shares),
                f'"{following}": {float(shares[LETTERS.index(following)]):.1%}',
            ]
        )
    return f"""## A recurrent network reads "hello"

Letters are one-hot in the order h, e, l, o. The network has three units:

```
h_t = tanh(W_hh h_{{t-1}} + W_xh x_t + b)     h_0 = 0
y_t = W_hy h_t
```

W_xh (3x4), and W_hy (4x3); W_hh is the single number {W_HH} for each unit and itself, b is {B_H}.

{side_by_side(W_XH, W_HY)}

A one-hot letter picks its column of W_xh. After "h", the first unit: tanh({number(W_XH[0, 0])} + {B_H}) =
{number(rnn_step(one_hot("h"), torch.zeros(3))[0])}.

{table(["read", "h", "y", "softmax of y: h e l o", "what should follow"], rows)}

The weights are not trained: the network always expects an h. After "e", the course material prints h =
{" ".join(f"{value:.8f}" for value in PRINTED_H)} and y = {" ".join(f"{value:.8f}" for value in PRINTED_Y)}. Its h
differs from ours by at most {number((after_e[0] - PRINTED_H).abs().max(), 7)}, its y by at most
{number((after_e[1] - PRINTED_Y).abs().max(), 7)}: it gives the first column of W_hy with five digits only, of which the
last may be off by half."""


def lstm() -> str:
    step = LSTMStep(*[torch.zeros(2, dtype=torch.float64)] * 6)
    rows = []
    for t, x_F in enumerate(LSTM_STEPS, 1):
        step = lstm_step(x_F, step.h, step.c)
        rows.append(
            [str(t), " ".join(number(value) for value in x_F)]
            + [" ".join(f"{value:.6f}" for value in part) for part in step]
        )
    return f"""## The gates of an LSTM

```
i = sigmoid(W_i x + U_i h + b_i)      what of the candidate is let in
f = sigmoid(W_f x + U_f h + b_f)      what of the memory is kept
g = tanh   (W_g x + U_g h + b_g)      the candidate, c~ in the course
o = sigmoid(W_o x + U_o h + b_o)      what of the memory is said
c = f * c + i * g
h = o * tanh(c)
```

`torch.nn.LSTM` keeps the four in one matrix, in this order: i, f, g, o. Weights for the input, for the last answer, and
the bias, of two units (no two rows are alike, so that gates in another order would give other numbers):

{side_by_side(LSTM_W_X, LSTM_W_H, LSTM_B[:, None])}

Three steps from h = c = 0:

{table(["t", "x", "i", "f", "g", "o", "c", "h"], rows)}

The memory is only multiplied by f and added to, so a gradient goes back through it undiminished where f is near 1; in a
plain recurrent network it passes W_hh and a tanh at every step."""


def loss_and_update() -> str:
    output_K = LOSS_WEIGHT @ LOSS_INPUT
    new = updated(LOSS_WEIGHT, LEARNING_RATE)
    before, after = losses_of(LEARNING_RATE, 1)
    terms = " + ".join(
        f"1/2 ({number(target)} - {number(output) if output >= 0 else f'({number(output)})'})^2"
        for target, output in zip(LOSS_TARGET, output_K, strict=True)
    )
    rates = (0.001, LEARNING_RATE, 0.19, 0.39, 0.45)
    rows = [[str(lr), *(f"{losses_of(lr, 20)[step]:.6f}" for step in (0, 1, 2, 5, 20))] for lr in rates]
    return f"""## A loss and one update

Three classes, two features, one linear layer: output = W x. The loss is `sum of 1/2 (target - output)^2` over a one-hot
target:

```
x = {" ".join(number(value) for value in LOSS_INPUT)}
target = {" ".join(number(value) for value in LOSS_TARGET)}
output = {" ".join(number(value) for value in output_K)}
L = {terms} = {number(before)}
```

The derivative of a square is twice what is squared, which the half takes away: dL/dW is (output - target) of each row
times x. One update, `W = W - lr * dL/dW` with lr = {LEARNING_RATE}: W, dL/dW, and the new W.

{side_by_side(LOSS_WEIGHT, mse_gradient(LOSS_WEIGHT), new)}

The loss falls from {number(before)} to {number(after)}. What the learning rate does, the loss after so many updates:

{table(["lr", "0", "1", "2", "5", "20"], rows)}

Each update multiplies the error by `1 - lr * |x|^2 = 1 - {number(LOSS_INPUT @ LOSS_INPUT)} lr`. Too low a rate crawls;
0.19 is close to the best here, 1/{number(LOSS_INPUT @ LOSS_INPUT)}; 0.39 overshoots each time and comes back slowly;
above {number(2 / (LOSS_INPUT @ LOSS_INPUT))} the loss grows. `train.loss: mse` is this loss on the softmax of the
output."""


def page() -> str:
    """The whole page."""
    sections = (
        *(output_sizes, curve_detector, stride, padding, sharpening, pooling, gradient),
        *(hello, lstm, loss_and_update),
    )
    head = """# Arithmetic, worked out

The numbers of the course, each computed by `docs/worked_numbers.py` with plain loops, and compared with torch by the
tests.
`python docs/arithmetic.py` writes this page."""
    return "\n\n".join(filled(part) for part in [head, *(section() for section in sections)]) + "\n"


if __name__ == "__main__":
    with replacing_file(PAGE) as partial:
        partial.write_text(page(), encoding="utf-8")
