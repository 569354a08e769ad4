"""Six networks that are ill on purpose, their data and settings: what benchmarks/ill_networks.py trains."""

import functools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from saccade.batching.arrays import LabelledArrays
from saccade.data.spec import Spec

NEGATIVE_BIAS = -10.0
TOO_HIGH = 100
UNEQUAL = (150, 60, 30, 12, 6)  # examples of each of five digits, with noise of a standard deviation of
NOISE = 1.2  # times the range of a pixel


@dataclass(frozen=True)
class Data:
    """A dataset in memory.

    Attributes:
        train: what is learnt from.
        validation: what is measured.
        spec: of both.
        mean: per channel or feature.
        std: likewise.
    """

    train: LabelledArrays
    validation: LabelledArrays
    spec: Spec
    mean: Sequence[float]
    std: Sequence[float]


@dataclass(frozen=True)
class Case:
    """One training, ill or cured.

    Attributes:
        title: for the table.
        expected: the verdict's name.
        data: from a seed.
        cured_data: the same, in order; where the data are what is wrong.
        model: name of its file.
        arguments: of ``build``.
        lr: of Adam, constant.
        epochs: how many.
        clip_norm: of the gradient.
        batch_size: examples an update.
        class_weights: of the training loss, as in params.yaml.
        keep: which epoch's weights are kept, last or best; each training here has all of its epochs.
        spoil: what is done to the first weights.
    """

    title: str
    expected: str
    data: Callable[[int], Data]
    model: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    lr: float = 0.004
    epochs: int = 12
    clip_norm: float | None = None
    batch_size: int = 64
    class_weights: str = "none"
    keep: str = "last"
    cured_data: Callable[[int], Data] | None = None
    spoil: Callable[[nn.Module], None] = lambda model: None


# --- data -------------------------------------------------------------------------------------------------------------


def digits(seed: int, *, side: int, shuffled: bool = False) -> Data:
    """1,300 digits to learn from and 497 to validate on, each pixel repeated up to the side."""
    from sklearn.datasets import load_digits

    images_NHW, labels_N = load_digits(return_X_y=True)[0].reshape(-1, 8, 8), load_digits().target
    images_NHW = np.kron(images_NHW, np.ones((1, side // 8, side // 8)))
    images_NHWC = (images_NHW * 255 / 16).astype(np.uint8)[..., None]
    random = np.random.default_rng(seed)
    order = random.permutation(len(labels_N))
    images_NHWC, labels_N = images_NHWC[order], labels_N[order].astype(np.int64)
    if shuffled:
        labels_N = random.permutation(labels_N)
    x, y = torch.from_numpy(images_NHWC), torch.from_numpy(labels_N)
    spec = Spec("image", (side, side, 1), tuple("0123456789"))
    return Data(
        LabelledArrays(x[None, :1300], y[:1300]), LabelledArrays(x[None, 1300:], y[1300:]), spec, [0.305], [0.376]
    )


def adding(seed: int, *, length: int, count: int = 6400) -> Data:
    """The adding problem, as ``saccade.datasets.adding`` draws it."""
    from saccade.datasets import adding

    with tempfile.TemporaryDirectory() as folder:
        adding.fetch(Path(folder), length=length, examples=count + 500, seed=seed)
        x_NTF, y_N1 = (torch.from_numpy(np.load(Path(folder, name))) for name in ("series.npy", "sums.npy"))
    spec = Spec("series", (length, 2), targets=("sum",))
    mean, std = x_NTF.mean(dim=(0, 1)).tolist(), x_NTF.std(dim=(0, 1)).tolist()
    return Data(
        LabelledArrays(x_NTF[None, 500:], y_N1[500:]), LabelledArrays(x_NTF[None, :500], y_N1[:500]), spec, mean, std
    )


def unequal_digits(seed: int) -> Data:
    """Five digits drawn by the seed, the first often and the last seldom, in noise; a third more to validate on."""
    from sklearn.datasets import load_digits

    images_NHW, labels_N = load_digits(return_X_y=True)[0].reshape(-1, 8, 8) / 16, load_digits().target
    random = np.random.default_rng([17, seed])
    chosen: tuple[list[int], list[int]] = ([], [])
    for digit, count in zip(random.permutation(10), UNEQUAL, strict=False):
        rows = np.resize(random.permutation(np.flatnonzero(labels_N == digit)), count + max(3, count // 3))
        chosen[0].extend(rows[:count])
        chosen[1].extend(rows[count:])
    classes = tuple(dict.fromkeys(labels_N[chosen[0]].tolist()))
    arrays = []
    for rows in chosen:
        noisy_NHW = images_NHW[rows] + random.normal(0, NOISE, (len(rows), 8, 8))
        x_NHWC = (np.clip((noisy_NHW + 3) / 7, 0, 1) * 255).astype(np.uint8)[..., None]
        y_N = [classes.index(label) for label in labels_N[rows]]
        arrays.append(LabelledArrays(torch.from_numpy(x_NHWC)[None], torch.tensor(y_N)))
    pixels = arrays[0].views / 255
    spec = Spec("image", (8, 8, 1), tuple(map(str, classes)))
    return Data(arrays[0], arrays[1], spec, [float(pixels.mean())], [float(pixels.std())])


@torch.no_grad()
def push_below_zero(model: nn.Module) -> None:
    """A large negative bias before every ReLU; where a batch norm follows, the layer has none to push."""
    *hidden, _ = [layer for layer in model.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    for layer in hidden:
        if layer.bias is not None:
            layer.bias.fill_(NEGATIVE_BIAS)


SMALL, LARGER = functools.partial(digits, side=8), functools.partial(digits, side=16)
CASES = {
    "sigmoids": Case(
        "20 layers of sigmoids", "vanishing", SMALL, "mlp", {"hidden": [64] * 20, "activation": "sigmoid"}
    ),
    "plain-rnn": Case(
        "plain RNN, adding problem over 100 steps", "vanishing", functools.partial(adding, length=100), "rnn",
        {"hidden_size": 64}, epochs=5, clip_norm=1.0,
    ),
    "high-rate": Case(f"learning rate {TOO_HIGH} times too high", "exploding", LARGER, "lenet5", lr=TOO_HIGH * 0.004),
    "negative-bias": Case(
        f"ReLUs behind biases of {NEGATIVE_BIAS:g}", "dead ReLUs", SMALL, "mlp", {"hidden": [64, 64]},
        spoil=push_below_zero,
    ),
    "shuffled": Case(
        "shuffled labels", "not learning", functools.partial(LARGER, shuffled=True), "lenet5", cured_data=LARGER
    ),
    "rare-classes": Case(
        "rare classes that weigh 25 times as much", "swinging about a constant answer", unequal_digits, "resnet9",
        {"width": 8}, lr=0.02, epochs=30, batch_size=32, class_weights="inverse",
    ),
}  # fmt: skip
