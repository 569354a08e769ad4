"""A convolutional recurrent network that reads a line of print: characters from left to right, of any number.

Convolutions make of a line a row of steps, one for every four columns of pixels; two bidirectional LSTM layers read
them in both directions; at each step a character is said, or none (CTC, ``optim/ctc.py``). The first choice for lines
of text, plates, meters and labels; for a character in a picture of its own take ``classic_stack`` or ``resnet9``.

    conv 3x3 / 2 24    conv 3x3 48, pool 2x2    2 x conv 3x3 96, pool 2x1    conv 3x3 192, maximum over the height
    2 x bidirectional LSTM 160    one output a character at each step

That is what the defaults build: about 1.4 million parameters. In training a convolution of its own says characters
straight from the features, too (a shortcut that teaches the convolutions before the LSTM has learnt anything); its
loss weighs 0.3, and it is not asked later.

Lines narrower than the widest of a batch are filled up on their right, and what stands there changes nothing.

Source: B. Shi, X. Bai, C. Yao, "An end-to-end trainable neural network for image-based sequence recognition and its
application to scene text recognition", 2015; the maximum over the height and the shortcut are those of G. Retsinas et
al., "Best practices for a handwritten text recognition system", 2022.

Shapes: B batch, C channels, H height, W width, T steps, F features, V tokens.
"""

from typing import Literal

from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.nn import arguments
from saccade.nn.arguments import Count, Share
from saccade.nn.images.line_layers import LineConvolution, LinePool, LineResidual, certain_blanks
from saccade.nn.padding import sequence_lengths
from saccade.nn.sequence_networks import init_gate_biases
from saccade.nn.text_networks import BidirectionalRNN

ACCEPTS = ("image",)
OUTPUTS = ("transcript",)
HEAD = "head"  # the layer that answers
COLUMNS_A_STEP = 4  # of pixels
TYPICAL_SHAPE = (32, 320, 1)
TYPICAL_CHARACTERS = 95  # those of ASCII that are printed, the space among them


class CRNN(nn.Module):
    """Normalised lines, float (B, C, H, W) with columns of NaN behind their ends, to logits (B, T, V).

    In training a pair: these, and the shortcut's.

    Args:
        blocks: convolutions and poolings.
        recurrent: reads (B, T, F) in both directions.
        dropout: share that training drops before and behind it.
        head: module from (B, T, W) to (B, T, V).
        shortcut: module from (B, F, T) to (B, V, T); None: there is none.
    """

    def __init__(
        self,
        blocks: nn.ModuleList,
        recurrent: BidirectionalRNN,
        dropout: float,
        head: nn.Linear,
        shortcut: nn.Conv1d | None,
    ) -> None:
        super().__init__()
        self.blocks = blocks
        self.recurrent = recurrent
        self.dropout = nn.Dropout(dropout)
        self.head = head
        self.shortcut = shortcut

    def forward(self, x_BCHW: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        length_B = sequence_lengths(x_BCHW)
        x_BCHW = x_BCHW.masked_fill(x_BCHW.isnan(), 0.0)  # the mean of what is normalised
        length_B = (length_B + 1) // 2  # the first convolution takes every other column
        for block in self.blocks:
            if isinstance(block, LinePool):
                x_BCHW, length_B = block(x_BCHW, length_B)
            else:
                x_BCHW = block(x_BCHW, length_B)
        x_BFT = x_BCHW.amax(dim=2)
        h_BTW = self.recurrent(self.dropout(x_BFT.transpose(1, 2)), length_B)
        said_BTV = certain_blanks(self.head(self.dropout(h_BTW)), length_B)
        if self.shortcut is None or not self.training:
            return said_BTV
        return said_BTV, certain_blanks(self.shortcut(x_BFT).transpose(1, 2), length_B)


def build(
    spec: Spec,
    *,
    channels: list[Count] = [24, 48, 96, 192],  # noqa: B006  read, never changed; the default must be a literal list
    backbone: Literal["plain", "residual"] = "plain",
    hidden_size: Count = 160,
    num_layers: Count = 2,
    dropout: Share = 0.2,
    shortcut: bool = True,
) -> CRNN:
    """Build the network for a dataset.

    Args:
        spec: lines, 8 pixels high at least, and the characters of their transcripts.
        channels: channels of the four groups of convolutions.
        backbone: plain convolutions, or in each group two with a sum around them.
        hidden_size: units of each direction of each LSTM layer.
        num_layers: stacked LSTM layers.
        dropout: share dropped before, between and behind them, in [0, 1).
        shortcut: whether the convolutions answer, too, in training.

    Returns:
        A module from float (B, C, H, W) to (B, T, V), T a quarter of W.

    Raises:
        UserError: the dataset holds no lines, they are too low, or there are not four numbers of channels.
    """
    if spec.output != "transcript":
        raise UserError("model (crnn) must have lines with transcripts to read: take a model of images for classes")
    if len(channels) != 4:
        raise UserError(f"channels ({channels}) must hold four numbers, such as [24, 48, 96, 192]")
    arguments.check_choice("backbone", backbone, ("plain", "residual"))
    height, _, channels_in = spec.shape
    if height < 8:
        raise UserError(f"preprocess.height ({height}) must be at least 8 pixels, which three poolings halve")
    first, second, third, fourth = channels
    pools: list[LinePool | None] = [None, LinePool(2, 2), LinePool(2, 1)]
    if backbone == "residual":
        groups: list[list[nn.Module]] = [
            [LineConvolution(channels_in, first, stride=2)],
            [LineResidual(first, second)],
            [LineResidual(second, third)],
            [LineResidual(third, fourth)],
        ]
    else:
        groups = [
            [LineConvolution(channels_in, first, stride=2)],
            [LineConvolution(first, second)],
            [LineConvolution(second, third), LineConvolution(third, third)],
            [LineConvolution(third, fourth)],
        ]
    blocks: list[nn.Module] = []
    for number, group in enumerate(groups):
        blocks += [*group, *(pool for pool in pools[number : number + 1] if pool is not None)]
    recurrent = nn.LSTM(
        fourth,
        hidden_size,
        num_layers,
        batch_first=True,
        bidirectional=True,
        dropout=dropout if num_layers > 1 else 0.0,
    )
    init_gate_biases(recurrent)
    return CRNN(
        nn.ModuleList(blocks),
        BidirectionalRNN(recurrent),
        dropout,
        nn.Linear(2 * hidden_size, spec.num_outputs),
        nn.Conv1d(fourth, spec.num_outputs, 3, padding=1) if shortcut else None,
    )
