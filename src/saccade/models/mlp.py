"""A multilayer perceptron: the flattened image or series, or a vector, through fully connected layers.

It knows nothing of what lies beside what: shuffle the pixels of all images alike, and it learns as well. What a CNN
gains from neighbourhood shows beside it. With ``hidden: []`` it is a softmax regression.

Source: D. Rumelhart, G. Hinton, R. Williams, "Learning representations by back-propagating errors", 1986; there with
sigmoids, here with ReLU unless ``activation`` says otherwise.

Shapes: B batch, C channels, H height, W width, T time steps, F features, K outputs.
"""

from typing import Literal

from torch import nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.nn import layers
from saccade.nn.arguments import ActivationName, Count, Share

ACCEPTS = ("image", "series", "vector")
TYPICAL_SHAPE = (28, 28, 1)  # and classes: what it is usually built for, and described with
TYPICAL_CLASSES = 10


def build(
    spec: Spec,
    *,
    hidden: list[Count] = [256, 128],  # noqa: B006  read, never changed; the default must be a literal list
    activation: ActivationName = "relu",
    normalisation: Literal["none", "batch"] = "none",
    dropout: Share = 0.0,
) -> nn.Sequential:
    """Build the network for a dataset.

    Args:
        spec: layout image (H * W * C inputs), series (T * F inputs) or vector (F inputs).
        hidden: units of each hidden layer, from 1, in their order; none makes a softmax regression.
        activation: activation after every hidden layer.
        normalisation: batch puts a batch norm over each hidden unit before its activation; its shift takes the place of
            the layer's bias.
        dropout: share of every hidden layer's outputs that training drops, in [0, 1).

    Returns:
        A module from float (B, C, H, W), (B, T, F) or (B, F) to (B, K).

    Raises:
        UserError: a hidden layer without units, or another normalisation.
    """
    if normalisation not in ("none", "batch"):
        raise UserError(f"normalisation ({normalisation!r}) must be none or batch: an mlp has no maps to compare")
    parts: list[nn.Module] = [nn.Flatten()]
    width = 1
    for side in spec.shape:
        width *= side
    for units in hidden:
        if units < 1:
            raise UserError(f"hidden ({hidden}) must hold numbers of units from 1; leave the {units} out")
        parts.append(nn.Linear(width, units, bias=normalisation == "none"))
        if normalisation == "batch":
            parts.append(nn.BatchNorm1d(units))
        parts += [layers.activation(activation), nn.Dropout(dropout)]
        width = units
    return nn.Sequential(*parts, nn.Linear(width, spec.num_outputs))
