"""A long short-term memory network that reads a sequence and answers at its end, or at each step.

The choice for sequences whose beginning decides the answer dozens or hundreds of steps later: gates decide what a
memory keeps, and along the memory a gradient does not vanish as it does in ``rnn``. ``gru`` often does as well with
three quarters of the weights; ``conv1d`` is faster where what matters lies close together.

An image is read row by row: 28 rows of 28 pixels are 28 steps of 28 features. A text is read token by token, each of
which becomes a vector that is learnt, and padding behind its end changes nothing; asked for the next token, the network
answers at each step.

Source: S. Hochreiter, J. Schmidhuber, "Long short-term memory", 1997; with the forget gate of Gers et al., 2000, as in
``torch.nn.LSTM``, which does the work. The forget gates' bias starts at 1 (R. Jozefowicz et al., 2015): with 0, half of
the memory would be gone after each step before anything is learnt.

Shapes: B batch, C channels, H height, W width, T time steps, F features, K outputs, V tokens.
"""

from typing import Literal

from torch import nn

from saccade.data.spec import Spec
from saccade.nn.arguments import Count, Share
from saccade.nn.sequence_networks import Network, build_network, build_reader, init_gate_biases

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
    recurrent = nn.LSTM(
        features,
        hidden_size,
        num_layers,
        batch_first=True,
        bidirectional=bidirectional,
        dropout=dropout if num_layers > 1 else 0.0,
    )
    init_gate_biases(recurrent)
    return build_network(spec, reader, recurrent, pool, dropout, from_last=from_last, linear_skip=linear_skip)
