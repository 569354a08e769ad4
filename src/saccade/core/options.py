"""What an option of params.yaml may be, as metadata of an annotation: ``Annotated[int, Between(1, 4096)]``.

Signatures are read as text and their annotations evaluated with these names, so that nothing heavy is imported; the
pipeline makes its own checks of them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Between:
    """Bounds of a number.

    Attributes:
        low: smallest value.
        high: largest value; None: there is no bound.
    """

    low: float
    high: float | None = None


@dataclass(frozen=True)
class Length:
    """The number of values in a list.

    Attributes:
        count: how many there must be.
    """

    count: int


@dataclass(frozen=True)
class Example:
    """A value to show where a required option is missing.

    Attributes:
        text: the value as YAML writes it.
    """

    text: str
