"""A small CNN reads each column strip of an image, and an LSTM reads the strips from left to right.

The choice for pictures that are read along a line: printed or handwritten words and numbers, meters, labels, spectra
over time. The CNN sees shapes, the LSTM their order, and the width of the picture may differ from the one it was built
for. For a single object in the middle of a picture a plain CNN is smaller and as good.

    strips    strip_width columns each, strip_stride from one to the next
    CNN       for each of channels: 3x3 convolution with a border of zeros, pooling 2x2 / 2 (maximum), ReLU
    LSTM      the strips' features, left to right; pooled over the strips, dropout, linear

All strips of all images go through the CNN as one batch. Running it once over the whole image and cutting its result
would save the work where strips overlap (half of it, at a stride of half the width), but pooling would tie the stride
to powers of two, and the edges of a strip would see its neighbours; so each strip is read alone, whatever stands beside
it, and the width and the stride are free. Where they do not fill the image's width, zeros are added at the right.

Source: the arrangement is that of sliding-window readers of text lines, such as B. Shi, X. Bai, C. Yao, "An end-to-end
trainable neural network for image-based sequence recognition", 2015, who run the CNN over the whole line and answer at
every strip. The LSTM is the one of ``lstm``, its forget gates open.

Shapes: B batch, S strips (the time steps), C channels, H height, W width of the image or of a strip, F features of a
strip, K outputs.
"""

from typing import Literal

from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.nn import geometry
from saccade.nn.arguments import Count, Share
from saccade.nn.geometry import Window
from saccade.nn.sequence_networks import Network, build_network, init_gate_biases

ACCEPTS = ("image",)
TYPICAL_SHAPE = (28, 28, 1)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 10


class ColumnStrips(nn.Module):
    """Cut an image into column strips, from left to right; zeros fill the last one.

    Args:
        width: columns of a strip.
        stride: columns from one strip to the next.
    """

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.width = width
        self.stride = stride

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """(B, C, H, W) to (B, S, C, H, width)."""
        missing = -(image_BCHW.shape[3] - self.width) % self.stride
        strips_BCHSW = nn.functional.pad(image_BCHW, (0, missing)).unfold(3, self.width, self.stride)
        return strips_BCHSW.permute(0, 3, 1, 2, 4)  # B S C H W

    def extra_repr(self) -> str:
        """What stands between the brackets where the module is printed."""
        return f"width={self.width}, stride={self.stride}"


class StripReader(nn.Module):
    """An image to one vector a strip: (B, C, H, W) to (B, S, F).

    Args:
        strips: module from (B, C, H, W) to (B, S, C, H, W).
        cnn: module from (B * S, C, H, W) to (B * S, F).
    """

    def __init__(self, strips: ColumnStrips, cnn: nn.Sequential) -> None:
        super().__init__()
        self.strips = strips
        self.cnn = cnn

    def forward(self, image_BCHW: Tensor) -> Tensor:
        strips_BSCHW = self.strips(image_BCHW)
        B, S = strips_BSCHW.shape[:2]
        return self.cnn(strips_BSCHW.flatten(0, 1)).unflatten(0, (B, S))  # (B S) F, then B S F


def build(
    spec: Spec,
    *,
    strip_width: Count = 8,
    strip_stride: Count = 4,
    channels: list[Count] = [16, 32],  # noqa: B006 - what params.yaml holds is a list; nobody writes to it
    hidden_size: Count = 128,
    bidirectional: bool = False,
    dropout: Share = 0.0,
    pool: Literal["last", "mean", "max", "attention"] = "last",
) -> Network:
    """Build the network for a dataset.

    Args:
        spec: kind image, any channels, any number of classes.
        strip_width: columns of a strip, in pixels, from 1.
        strip_stride: columns from one strip to the next, from 1 to strip_width.
        channels: channels of the CNN's convolutions, first to last; each halves both sides.
        hidden_size: units of each direction of the LSTM, from 1.
        bidirectional: read the strips from right to left too.
        dropout: share of the pooled values that training drops, in [0, 1).
        pool: summary of the outputs over the strips that the last layer sees: the last, their mean, their maximum, or a
            mean whose weights are learnt (additive attention).

    Returns:
        A module from float (B, C, H, W) to (B, K).

    Raises:
        UserError: channels are empty, the stride would skip columns, the image is narrower than a strip, or a strip is
            too small for the poolings.
    """
    height, width, image_channels = spec.shape
    if not channels:
        raise UserError("channels ([]) must hold at least one number, such as [16, 32]")
    if strip_stride > strip_width:
        raise UserError(
            f"strip_stride ({strip_stride}) must not exceed strip_width ({strip_width}): columns would be skipped"
        )
    if width < strip_width:
        raise UserError(
            f"cnn_lstm cannot take {height}x{width} images: strips of strip_width ({strip_width}) need a width of at "
            f"least {strip_width}; choose narrower strips, or enlarge the images with preprocess.size"
        )
    windows = [
        window
        for number in range(1, len(channels) + 1)
        for window in (Window(f"convolution {number}", 3, padding=1), Window(f"pooling {number}", 2, stride=2))
    ]
    sides = geometry.output_sides(
        "the CNN of cnn_lstm",
        (height, strip_width),
        windows,
        remedy="choose a larger strip_width or fewer channels; or ",
    )
    blocks: list[nn.Module] = []
    for before, after in zip([image_channels, *channels], channels, strict=False):
        # The maximum comes first: the activation does not change which is the largest, and has a quarter of the work.
        blocks += [nn.Conv2d(before, after, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()]
    reader = StripReader(ColumnStrips(strip_width, strip_stride), nn.Sequential(*blocks, nn.Flatten()))
    recurrent = nn.LSTM(channels[-1] * sides[0] * sides[1], hidden_size, batch_first=True, bidirectional=bidirectional)
    init_gate_biases(recurrent)
    return build_network(spec, reader, recurrent, pool, dropout)
