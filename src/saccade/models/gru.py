"""A gated recurrent unit network that reads a sequence and answers once, at its end.

The choice where an LSTM would do and should be smaller: two gates instead of three and no second state, so three
quarters of the weights and of the multiplications, and often the same accuracy. (On a CPU, torch takes about as long
for either.) Where the answer hangs on something kept over hundreds of steps, try ``lstm`` beside it.

An image is read row by row: 28 rows of 28 pixels are 28 steps of 28 features.

Source: K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
2014, as in ``torch.nn.GRU``, which does the work. The update gates' bias starts at 1 (C. Tallec, Y. Ollivier, "Can
recurrent neural networks warp time?", 2018), for the reason that opens the forget gates of ``lstm``.

Shapes: B batch, C channels, H height, W width, T time steps, F features, K outputs.
"""

from typing import Literal

from torch import nn

from saccade import recurrence
from saccade.layers import Count, Share
from saccade.recurrence import SequenceNetwork
from saccade.spec import Spec

ACCEPTS = ("image", "series")
TYPICAL_SHAPE = (28, 28, 1)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 10


def build(
    spec: Spec,
    *,
    hidden_size: Count = 128,
    num_layers: Count = 1,
    bidirectional: bool = False,
    dropout: Share = 0.0,
    pool: Literal["last", "mean", "max", "attention"] = "last",
) -> SequenceNetwork:
    """Build the network for a dataset.

    Args:
        spec: kind image (H steps of W * C features) or series (T steps of F features).
        hidden_size: units of each direction of each layer, from 1.
        num_layers: stacked layers, from 1.
        bidirectional: read from both ends.
        dropout: share dropped between layers and before the output, in [0, 1).
        pool: what of the outputs over time is answered from: the last, their mean, their maximum, or a mean whose
            weights are learnt (additive attention).

    Returns:
        A module from float x to (B, K); x is (B, C, H, W) for images and (B, T, F) for series.

    Raises:
        UserError: the pool is not one of these.
    """
    reader, features = recurrence.steps_of(spec)
    recurrent = nn.GRU(
        features,
        hidden_size,
        num_layers,
        batch_first=True,
        bidirectional=bidirectional,
        dropout=dropout if num_layers > 1 else 0.0,
    )
    recurrence.open_gates(recurrent)
    return recurrence.assemble(reader, recurrent, pool, dropout, spec.num_outputs)
