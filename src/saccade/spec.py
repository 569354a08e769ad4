"""The contract between data, models and tasks: what one prepared example looks like."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["image", "tokens", "series"]
Fit = Literal["stretch", "crop", "pad"]


@dataclass(frozen=True)
class Spec:
    """What every example of a prepared dataset has in common.

    Attributes:
        kind: image, tokens or series.
        shape: of one example: (H, W, C) for an image, (T,) for tokens, (T, F) for a series.
        classes: class names in the order of the labels; empty where there are none.
        targets: names of the numbers to predict, where numbers are predicted and not classes.
        vocabulary: tokens in the order of their ids; empty for images and series.
        fit: what is done with images of other proportions than ``shape``: stretch, crop or pad.
    """

    kind: Kind
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    fit: Fit = "stretch"

    @property
    def plural(self) -> str:
        """What several examples are called: images, tokens or series."""
        return "images" if self.kind == "image" else self.kind

    @property
    def num_outputs(self) -> int:
        """How many numbers a network answers with: one logit a class, or one number a target."""
        return len(self.classes) or len(self.targets)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Spec":
        """The inverse of ``to_dict``; keys this version does not know are an error (TypeError)."""
        plain: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        return cls(**plain)
