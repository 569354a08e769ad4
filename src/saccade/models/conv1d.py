"""Convolutions over time: the same few weights look for short patterns everywhere in a sequence.

The choice for signals whose answer lies in short patterns, wherever they occur: vibration, heartbeats, motion, sound.
All steps are computed at once: on a CPU it trains two to three times as fast as ``lstm``. It does not see further than
its windows reach, and the pooling at the end forgets the order of what was found: where a far beginning decides, take
``lstm``; for ordinary images, a network with two-dimensional windows.

    for each of channels:  convolution over time, batch norm, activation; between two of them, pooling 2 / 2
    mean or maximum over time, dropout, linear

An image is read as its rows: 28 rows of 28 pixels are 28 steps of 28 features. Of a text each token becomes a vector
that is learnt; where it is padded, every convolution sees the zeros that it would see at the end of the bare text, and
norms and pooling count real steps alone. A text that is shorter than the windows reach is read as if zeros followed it.

Source: K. Lang, A. Waibel, G. Hinton, "A time-delay neural network architecture for isolated word recognition", 1990;
the maximum over time is R. Collobert's et al., "Natural language processing (almost) from scratch", 2011.

Shapes: B batch, C channels, H height, W width, T time steps, F features, K outputs.
"""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.nn import arguments, geometry, layers
from saccade.nn.arguments import ActivationName, Count, PaddingName, Share
from saccade.nn.geometry import Window
from saccade.nn.last_value_skip import LinearForecast, build_skip, set_to_zero
from saccade.nn.padding import MaskedBatchNorm1d, length_mask, sequence_lengths
from saccade.nn.pooling import pool_over_time
from saccade.nn.sequence_networks import build_reader

ACCEPTS = ("image", "tokens", "series")
OUTPUTS = ("per_example",)  # its windows reach forwards, and would see the token that is asked for
TAKES_PADDED_SERIES = True  # series of unequal length: what stands behind their ends changes nothing
TOKEN_ARGUMENTS = ("embedding_size",)  # arguments that images and series have no use for
FORECAST_ARGUMENTS = ("from_last", "linear_skip")  # what nothing else has a use for
TYPICAL_SHAPE = (28, 28, 1)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 10


class Conv1dNetwork(nn.Module):
    """x to (B, K); x is (B, C, H, W) for images and (B, T, F) for series."""

    def __init__(
        self,
        reader: nn.Module,
        features: nn.Sequential,
        pool: nn.Module,
        head: nn.Sequential,
        skip: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.reader = reader
        self.features = features
        self.pool = pool
        self.head = head
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        x_BFT = self.reader(x).transpose(1, 2)  # from B T F: torch's convolutions want time last
        h_BTF = self.features(x_BFT).transpose(1, 2)  # from B F T
        answer_BK = self.head(self.pool(h_BTF))
        return answer_BK if self.skip is None else answer_BK + self.skip(x)


class PaddedConv1dNetwork(nn.Module):
    """Token ids int64 (B, T), or series float (B, T, F) with NaN behind their ends, to (B, K); padding changes nothing.

    Args:
        reader: the embedding of texts; of series, ``ZeroPadding``.
        features: convolutions, norms, activations and poolings.
        pool: module from (B, T, F) and lengths to (B, F).
        head: module from (B, F) to (B, K).
        min_length: number of steps without which a window would find nothing.
    """

    def __init__(
        self, reader: nn.Module, features: nn.Sequential, pool: nn.Module, head: nn.Sequential, min_length: int
    ) -> None:
        super().__init__()
        self.reader = reader
        self.features = features
        self.pool = pool
        self.head = head
        self.min_length = min_length

    def forward(self, x: Tensor) -> Tensor:
        length_B = sequence_lengths(x)
        read_BTF = functional.pad(self.reader(x), (0, 0, 0, self.missing_steps(x.shape[1])))
        x_BFT = _without_padding(read_BTF.transpose(1, 2), length_B)  # from B T F
        length_B = length_B.clamp(min=self.min_length)
        for layer in self.features:
            if isinstance(layer, nn.Conv1d):
                x_BFT = layer(_without_padding(x_BFT, length_B))
                length_B = length_B + (2 * int(layer.padding[0]) - layer.kernel_size[0] + 1)
            elif isinstance(layer, MaskedBatchNorm1d):
                x_BFT = layer(x_BFT, length_B)
            elif isinstance(layer, nn.MaxPool1d | nn.AvgPool1d):
                x_BFT, length_B = layer(x_BFT), length_B // 2  # a last step without a neighbour is dropped, as always
            else:
                x_BFT = layer(x_BFT)
        return self.head(self.pool(x_BFT.transpose(1, 2), length_B))

    def missing_steps(self, steps: int) -> int:
        """How many steps of padding are put behind sequences of so many: what the windows need at least."""
        return max(self.min_length - steps, 0)


def _without_padding(x_BFT: Tensor, length_B: Tensor) -> Tensor:
    return x_BFT.masked_fill(~length_mask(length_B, x_BFT.shape[2])[:, None], 0.0)


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
    embedding_size: Count | None = None,
    from_last: bool = False,
    linear_skip: bool = False,
) -> Conv1dNetwork | PaddedConv1dNetwork:
    """Build the network for a dataset.

    Args:
        spec: kind image (H steps of W * C features), series (T steps of F features) or tokens (T steps, each a vector
            that is learnt), answered once.
        channels: channels of each convolution, first to last.
        kernel_size: steps that a convolution sees, from 1.
        padding: same keeps the length (odd kernels only); valid adds no zeros.
        activation: activation after each convolution.
        normalisation: batch puts a batch norm before each activation; its shift takes the place of a bias.
        pooling: pooling of two neighbouring steps, between two convolutions.
        pool: summary over all steps that are left, at the end.
        dropout: share of the pooled values that training drops, in [0, 1).
        embedding_size: numbers that a token becomes, from 1; None: 64. Of tokens only.
        from_last: whether what is learnt is added to the last step, so that a forecast begins near persistence; false
            where nothing is forecast.
        linear_skip: whether a linear map of the whole window is added, so that a forecast begins as a linear one; with
            from_last, all is read from the last step on; false where nothing is forecast.

    Returns:
        A module from x to (B, K); x is float (B, C, H, W) for images, float (B, T, F) for series, of any T that is long
        enough, and int64 (B, T) for tokens, of any T.

    Raises:
        UserError: channels are empty, padding is same with an even kernel, the sequence is too short, a name is none
            of these, or an argument has no place with this kind of data or answer.
    """
    if spec.output == "per_token":
        raise UserError(
            "model (conv1d) cannot answer at each step what comes next: its windows reach forwards and would see it; "
            "take rnn, gru or lstm"
        )
    if not channels:
        raise UserError("channels ([]) must hold at least one number, such as [64, 128]")
    arguments.check_choice("normalisation", normalisation, ("none", "batch"))
    arguments.check_choice("pooling", pooling, ("max", "average", "none"))
    arguments.check_choice("pool", pool, ("mean", "max"))
    reader, features = build_reader(spec, embedding_size)
    skip = build_skip(spec, from_last=from_last, linear_skip=linear_skip)
    padded = geometry.padding_size(padding, kernel_size)
    windows: list[Window] = []
    blocks: list[nn.Module] = []
    for number, (before, after) in enumerate(zip([features, *channels], channels, strict=False), 1):
        if number > 1 and pooling != "none":
            windows.append(Window(f"pooling {number - 1}", 2, stride=2))
            blocks.append(nn.MaxPool1d(2) if pooling == "max" else nn.AvgPool1d(2))
        windows.append(Window(f"convolution {number}", kernel_size, padding=padded))
        has_norm = normalisation == "batch"
        blocks.append(nn.Conv1d(before, after, kernel_size, padding=padded, bias=not has_norm))
        blocks += [(MaskedBatchNorm1d if spec.has_lengths else nn.BatchNorm1d)(after)] if has_norm else []
        blocks.append(layers.activation(activation))
    if spec.has_lengths:
        return PaddedConv1dNetwork(
            reader, *_stack_pool_head(spec, blocks, pool, channels[-1], dropout), geometry.min_side(windows)
        )
    remedy = "enlarge the images with preprocess.size, or " if spec.layout == "image" else ""
    geometry.output_sides("conv1d", spec.shape[:1], windows, remedy=f"{remedy}use fewer channels or padding: same; or ")
    features_and_head = _stack_pool_head(spec, blocks, pool, channels[-1], dropout)
    if isinstance(skip, LinearForecast):
        reader = skip.reader
        set_to_zero(features_and_head[-1])
    return Conv1dNetwork(reader, *features_and_head, skip)


def _stack_pool_head(
    spec: Spec, blocks: list[nn.Module], pool: str, width: int, dropout: float
) -> tuple[nn.Sequential, nn.Module, nn.Sequential]:
    """The blocks as one, the pooling over time, and the last layer."""
    head = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, spec.num_outputs))
    return nn.Sequential(*blocks), pool_over_time(pool, width, bidirectional=False), head
