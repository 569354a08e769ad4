"""A long short-term memory network that reads a sequence and answers once, at its end.

An image is read row by row: 28 rows of 28 pixels are 28 steps of 28 features.

Source: S. Hochreiter, J. Schmidhuber, "Long short-term memory", 1997; with the forget gate of Gers et al., 2000, as in
``torch.nn.LSTM``, which does the work. The forget gates' bias starts at 1 (R. Jozefowicz et al., 2015): with 0, half of
the memory would be gone after each step before anything is learnt.

Shapes: B batch, T time steps, F features, D hidden size (twice that when bidirectional), K classes.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from saccade.layers import Count, ImageRows, Share
from saccade.spec import Spec

ACCEPTS = ("image", "series")
TYPICAL_SHAPE = (28, 28, 1)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 10


class LSTMClassifier(nn.Module):
    """x to logits_BK; x is (B, C, H, W) for images and (B, T, F) for series."""

    def __init__(self, reader: nn.Module, recurrent: nn.LSTM, pool: str, head: nn.Sequential) -> None:
        super().__init__()
        self.reader = reader
        self.recurrent = recurrent
        self.pool = pool
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        h_BTD, (last_LBD, _) = self.recurrent(self.reader(x))
        if self.pool == "mean":
            return self.head(h_BTD.mean(dim=1))
        if self.pool == "max":
            return self.head(h_BTD.amax(dim=1))
        # last: the state after the final step; a backward direction has it at the first
        directions = 2 if self.recurrent.bidirectional else 1
        return self.head(torch.cat(last_LBD[-directions:].unbind(0), dim=1))


def build(
    spec: Spec,
    *,
    hidden_size: Count = 128,
    num_layers: Count = 1,
    bidirectional: bool = False,
    dropout: Share = 0.0,
    pool: Literal["last", "mean", "max"] = "last",
) -> LSTMClassifier:
    """Build the network for a dataset.

    Args:
        spec: kind image (H steps of W * C features) or series (T steps of F features).
        hidden_size: units of each direction of each layer, from 1.
        num_layers: stacked layers, from 1.
        bidirectional: read from both ends.
        dropout: share dropped between layers and before the output, in [0, 1).
        pool: what of the outputs over time is classified: the last state, their mean, or their maximum.

    Returns:
        A module from float x to logits (B, K).
    """
    features = spec.shape[1] * spec.shape[2] if spec.kind == "image" else spec.shape[1]
    recurrent = nn.LSTM(
        features,
        hidden_size,
        num_layers,
        batch_first=True,
        bidirectional=bidirectional,
        dropout=dropout if num_layers > 1 else 0.0,
    )
    _open_forget_gates(recurrent)
    width = hidden_size * (2 if bidirectional else 1)
    return LSTMClassifier(
        reader=ImageRows() if spec.kind == "image" else nn.Identity(),
        recurrent=recurrent,
        pool=pool,
        head=nn.Sequential(nn.Dropout(dropout), nn.Linear(width, len(spec.classes))),
    )


def _open_forget_gates(lstm: nn.LSTM) -> None:
    """Set the forget gates' bias to 1; torch adds two biases and keeps the gates in the order i, f, g, o."""
    size = lstm.hidden_size
    with torch.no_grad():
        for name, bias in lstm.named_parameters():
            if name.startswith("bias_ih"):
                bias[size : 2 * size] = 1.0
            elif name.startswith("bias_hh"):
                bias[size : 2 * size] = 0.0
