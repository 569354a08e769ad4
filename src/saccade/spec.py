"""The contract between data, models and tasks: what one prepared example looks like."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from saccade.errors import UserError

Kind = Literal["image", "tokens", "series"]
Unit = Literal["", "characters", "words"]
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
        unit: what a token is, characters or words; empty for images and series.
        lower_case: whether capitals in text are made small before it is looked up in the vocabulary.
        answers: once an example, or at each of its steps: what comes next.
        fit: what is done with images of other proportions than ``shape``: stretch, crop or pad.
        features: of a series: names of what is measured at each step.
        step: of a series: from each time to the next, such as "1 month"; empty where it is not known.
        horizon: how many steps of a series' own future the targets are; 0 where they are something else.
    """

    kind: Kind
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    unit: Unit = ""
    lower_case: bool = False
    answers: Literal["once", "each_step"] = "once"
    fit: Fit = "stretch"
    features: tuple[str, ...] = ()
    step: str = ""
    horizon: int = 0

    @property
    def plural(self) -> str:
        """What several examples are called: images, texts or series."""
        return {"image": "images", "tokens": "texts", "series": "series"}[self.kind]

    @property
    def num_outputs(self) -> int:
        """How many numbers a network answers with: a logit a class, a number a target, or a logit a token."""
        return len(self.classes) or len(self.targets) or len(self.vocabulary)

    def require_two_classes(self) -> None:
        """Refuse what one output cannot answer.

        Raises:
            UserError: there are not two classes.
        """
        if len(self.classes) != 2:
            raise UserError(
                f"loss (binary_cross_entropy) must have two classes to tell apart, not {len(self.classes)}: "
                "use cross_entropy"
            )

    def with_one_output(self) -> "Spec":
        """What a network is built for that answers two classes with one number: the logit of the second."""
        self.require_two_classes()
        return replace(self, classes=(), targets=(f"logit of {self.classes[1]}",))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Spec":
        """The inverse of ``to_dict``; keys this version does not know are an error (TypeError)."""
        plain: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        return cls(**plain)
