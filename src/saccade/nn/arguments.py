"""Types of the arguments of models, which params.yaml is checked against; read as text, without importing torch."""

from collections.abc import Sequence
from typing import Literal

from saccade.core.errors import UserError

# What a model's arguments may be; params.yaml is checked against these names.
Share = float  # in [0, 1)
Count = int  # from 1
Size = int  # from 0
ActivationName = Literal["relu", "tanh", "sigmoid"]
PoolingName = Literal["max", "average", "overlapping", "depth"]
NormalisationName = Literal["none", "batch", "local_response"]
PaddingName = Literal["valid", "same"]


def check_choice(setting: str, value: object, known: Sequence[str]) -> None:
    """Refuse a value that a model does not know, before it is taken for one that it does.

    Args:
        setting: name of the argument.
        value: value that was given.
        known: values that are allowed.

    Raises:
        UserError: it is none of these.
    """
    if value not in known:
        raise UserError(f"{setting} ({value!r}) must be one of {', '.join(known)}")
