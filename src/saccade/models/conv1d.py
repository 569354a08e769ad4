"""Convolutions over time: the same few weights look for short patterns everywhere in a sequence.

The choice for signals whose answer lies in short patterns, wherever they occur: vibration, heartbeats, motion, sound.
All steps are computed at once: on a CPU it trains two to three times as fast as ``lstm``. It does not see further than
its windows reach, and the pooling at the end forgets the order of what was found: where a far beginning decides, take
``lstm``; for ordinary images, a network with two-dimensional windows.

    for each of channels:  convolution over time, batch norm, activation; between two of them, pooling 2 / 2
    mean or maximum over time, dropout, linear

An image is read as its rows: 28 rows of 28 pixels are 28 steps of 28 features.

Source: K. Lang, A. Waibel, G. Hinton, "A time-delay neural network architecture for isolated word recognition", 1990;
the maximum over time is R. Collobert's et al., "Natural language processing (almost) from scratch", 2011.

Shapes: B batch, C channels, H height, W width, T time steps, F features, K outputs.
"""

from typing import Literal

from torch import Tensor, nn

from saccade import layers, recurrence
from saccade.errors import UserError
from saccade.layers import ActivationName, Count, PaddingName, Share, Window
from saccade.spec import Spec

ACCEPTS = ("image", "series")
TYPICAL_SHAPE = (28, 28, 1)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 10


class Conv1dNetwork(nn.Module):
    """x to (B, K); x is (B, C, H, W) for images and (B, T, F) for series."""

    def __init__(self, reader: nn.Module, features: nn.Sequential, pool: nn.Module, head: nn.Sequential) -> None:
        super().__init__()
        self.reader = reader
        self.features = features
        self.pool = pool
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        x_BFT = self.reader(x).transpose(1, 2)  # from B T F: torch's convolutions want time last
        h_BTF = self.features(x_BFT).transpose(1, 2)  # from B F T
        return self.head(self.pool(h_BTF))


def build(
    spec: Spec,
    *,
    channels: list[Count] = [64, 128],  # noqa: B006 - what params.yaml holds is a list; nobody writes to it
    kernel_size: Count = 5,
    padding: PaddingName = "same",
    activation: ActivationName = "relu",
    normalisation: Literal["none", "batch"] = "batch",
    pooling: Literal["max", "average", "none"] = "max",
    pool: Literal["mean", "max"] = "max",
    dropout: Share = 0.0,
) -> Conv1dNetwork:
    """Build the network for a dataset.

    Args:
        spec: kind image (H steps of W * C features) or series (T steps of F features).
        channels: what each convolution returns, first to last.
        kernel_size: steps that a convolution sees, from 1.
        padding: same keeps the length (odd kernels only); valid adds no zeros.
        activation: after each convolution.
        normalisation: batch puts a batch norm before each activation; its shift takes the place of a bias.
        pooling: of two neighbouring steps, between two convolutions.
        pool: over all steps that are left, at the end.
        dropout: share of the pooled values that training drops, in [0, 1).

    Returns:
        A module from float x to (B, K); x is (B, C, H, W) for images and (B, T, F) for series, of any T that is
        long enough.

    Raises:
        UserError: channels are empty, padding is same with an even kernel, the sequence is too short, or a name is none
            of these.
    """
    if not channels:
        raise UserError("channels ([]) must hold at least one number, such as [64, 128]")
    layers.one_of("normalisation", normalisation, ("none", "batch"))
    layers.one_of("pooling", pooling, ("max", "average", "none"))
    layers.one_of("pool", pool, ("mean", "max"))
    reader, features = recurrence.steps_of(spec)
    padded = layers.padding_of(padding, kernel_size)
    windows: list[Window] = []
    blocks: list[nn.Module] = []
    for number, (before, after) in enumerate(zip([features, *channels], channels, strict=False), 1):
        if number > 1 and pooling != "none":
            windows.append(Window(f"pooling {number - 1}", 2, stride=2))
            blocks.append(nn.MaxPool1d(2) if pooling == "max" else nn.AvgPool1d(2))
        windows.append(Window(f"convolution {number}", kernel_size, padding=padded))
        has_norm = normalisation == "batch"
        blocks.append(nn.Conv1d(before, after, kernel_size, padding=padded, bias=not has_norm))
        blocks += [nn.BatchNorm1d(after)] if has_norm else []
        blocks.append(layers.activation(activation))
    remedy = "enlarge the images with preprocess.size, or " if spec.kind == "image" else ""
    layers.sides_after("conv1d", spec.shape[:1], windows, remedy=f"{remedy}use fewer channels or padding: same; or ")
    return Conv1dNetwork(
        reader=reader,
        features=nn.Sequential(*blocks),
        pool=recurrence.pool_over_time(pool, channels[-1], bidirectional=False),
        head=nn.Sequential(nn.Dropout(dropout), nn.Linear(channels[-1], spec.num_outputs)),
    )
