"""The contract between data, models and tasks: what one prepared example looks like."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["image", "tokens", "series"]


@dataclass(frozen=True)
class Spec:
    """What every example of a prepared dataset has in common.

    Attributes:
        kind: image, tokens or series.
        shape: of one example: (H, W, C) for an image, (T,) for tokens, (T, F) for a series.
        classes: class names in the order of the labels; empty where there are none.
        vocabulary: tokens in the order of their ids; empty for images and series.
    """

    kind: Kind
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Spec":
        """The inverse of ``to_dict``; keys this version does not know are an error (TypeError)."""
        plain: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        return cls(**plain)
