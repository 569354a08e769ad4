"""A plain recurrent network that reads a sequence and answers at its end, or at each step.

The choice for showing what a recurrence is, and for short sequences: it has a quarter of an LSTM's weights. What it
read is multiplied by the same matrix at every step, so over dozens of steps its gradient vanishes or explodes;
``lstm`` and ``gru`` were made for that. Train it with ``clip_norm``.

    h_t = tanh(W_x x_t + b_x + W_h h_{t-1} + b_h)

An image is read row by row: 28 rows of 28 pixels are 28 steps of 28 features. A text is read token by token, each of
which becomes a vector that is learnt, and padding behind its end changes nothing; asked for the next token, the network
answers at each step.

Source: J. Elman, "Finding structure in time", 1990, as in ``torch.nn.RNN``, which does the work. The first W_h is not
torch's, whose largest eigenvalue is about 0.6: the gradient that reaches the first of 28 rows would be 0.6^27, a
millionth, of what it is at the last. With tanh W_h starts orthogonal, which keeps the length of what it multiplies
(A. Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", 2013). With
relu it starts as the identity, since an orthogonal one would lose the negative half at every step (Q. Le, N. Jaitly,
G. Hinton, "A simple way to initialize recurrent networks of rectified linear units", 2015). Both biases start at 0.

Shapes: B batch, C channels, H height, W width, T time steps, F features, K outputs, V tokens.
"""

from typing import Literal

import torch
from torch import nn

from saccade.data.spec import Spec
from saccade.nn.arguments import Count, Share
from saccade.nn.sequence_networks import Network, build_network, build_reader

ACCEPTS = ("image", "tokens", "series")
OUTPUTS = ("per_example", "per_token")
TAKES_PADDED_SERIES = True  # series of unequal length: what stands behind their ends changes nothing
TOKEN_ARGUMENTS = ("embedding_size",)  # arguments that images and series have no use for
FORECAST_ARGUMENTS = ("from_last", "linear_skip")  # what nothing else has a use for
SINGLE_OUTPUT_ARGUMENTS = ("bidirectional", "pool")  # what would see, or hide, the answer where each step is asked
TYPICAL_SHAPE = (28, 28, 1)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 10


def build(
    spec: Spec,
    *,
    hidden_size: Count = 128,
    num_layers: Count = 1,
    nonlinearity: Literal["tanh", "relu"] = "tanh",
    bidirectional: bool = False,
    dropout: Share = 0.0,
    pool: Literal["last", "mean", "max", "attention"] = "last",
    embedding_size: Count | None = None,
    from_last: bool = False,
    linear_skip: bool = False,
) -> Network:
    """Build the network for a dataset.

    Args:
        spec: kind image (H steps of W * C features), series (T steps of F features) or tokens (T steps, each a vector
            that is learnt).
        hidden_size: units of each direction of each layer, from 1.
        num_layers: stacked layers, from 1.
        nonlinearity: nonlinearity of every step.
        bidirectional: read from both ends.
        dropout: share dropped between layers and before the output, in [0, 1).
        pool: summary of the outputs over time that the last layer sees: the last, their mean, their maximum, or a mean
            whose weights are learnt (additive attention).
        embedding_size: numbers that a token becomes, from 1; None: 64. Of tokens only.
        from_last: whether what is learnt is added to the last step, so that a forecast begins near persistence; false
            where nothing is forecast.
        linear_skip: whether a linear map of the whole window is added, so that a forecast begins as a linear one; with
            from_last, all is read from the last step on; false where nothing is forecast.

    Returns:
        A module from x to (B, K), or to (B, T, V) where each step of a text is asked for the next token; x is float
        (B, C, H, W) for images, float (B, T, F) for series, and int64 (B, T) for tokens.

    Raises:
        UserError: the pool is not one of these, or an argument has no place with this kind of data or answer.
    """
    reader, features = build_reader(spec, embedding_size)
    recurrent = nn.RNN(
        features,
        hidden_size,
        num_layers,
        nonlinearity=nonlinearity,
        batch_first=True,
        bidirectional=bidirectional,
        dropout=dropout if num_layers > 1 else 0.0,
    )
    _init_recurrent_weights(recurrent)
    return build_network(spec, reader, recurrent, pool, dropout, from_last=from_last, linear_skip=linear_skip)


@torch.no_grad()
def _init_recurrent_weights(rnn: nn.RNN) -> None:
    """Let the first W_h neither shrink nor stretch, and start both biases at 0: relu would add them up over time."""
    for name, parameter in rnn.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
        elif name.startswith("weight_hh"):
            (nn.init.orthogonal_ if rnn.nonlinearity == "tanh" else nn.init.eye_)(parameter)
