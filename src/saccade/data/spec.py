"""The contract between data, models and tasks: what one prepared example looks like."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from saccade.core import registry
from saccade.core.errors import UserError
from saccade.data.forecast_inputs import ForecastInputs

Unit = Literal["", "characters", "words"]
Fit = Literal["stretch", "crop", "pad"]
Output = Literal["per_example", "per_token", "transcript"]

LAYOUTS = ("image", "tokens", "series", "vector")
"""How the examples of a split lie in an array, which is what models accept: images (N, H, W, C), tokens (N, T), series
(N, T, F) or vectors (N, F). Each kind of data yields one of them."""

SPLITS = ("train", "validation", "test")
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "devel", "development"), "validation"),
    **dict.fromkeys(("eval", "evaluation"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "holdout", "hold-out", "hold_out", "held-out", "held_out"), "test"),
}
"""What published splits are called, in small letters, and which split that is."""

NO_CLASS = "none"
"""What is said of an example that may have several classes and has none."""

PAD = 0  # fills up after a text's end, no text holds it; of a transcript's outputs the blank of CTC
UNKNOWN = 1  # what the vocabulary does not have
RESERVED = ("<pad>", "<unknown>")  # the first two of every vocabulary; longer than a character, and not one word


@dataclass(frozen=True)
class Spec:
    """What every example of a prepared dataset has in common.

    Attributes:
        kind: name of a folder in ``kinds/``, such as image, tokens or series.
        shape: shape of one example: (H, W, C) for an image, (T,) for tokens, (T, F) for a series, (F,) for a vector.
        classes: class names in the order of the labels; empty where there are none.
        targets: names of the numbers to predict, where numbers are predicted and not classes.
        vocabulary: tokens in the order of their ids; for images of lines the characters of their transcripts, behind
            ``RESERVED``; empty for other images and for series.
        unit: what a token is, characters or words; empty where there are none.
        lower_case: whether capitals in text are made small before it is looked up in the vocabulary.
        output: per_example; per_token: at each step of a text what comes next; transcript: a text of any length that is
            read along the width of an image, from logits (B, T, V) in which token 0 is the blank of CTC.
        fit: what is done with images of other proportions than ``shape``: stretch, crop or pad.
        features: of a series: names of what is measured at each step.
        step: of a series: from each time to the next, such as "1 month"; empty where it is not known.
        horizon: how many steps of a series' own future the targets are; 0 where they are something else.
        is_padded: whether series differ in length: behind the end of shorter ones stand steps of NaN. Of images,
            whether they differ in width: right of narrower ones stand columns of 0, which is then no grey level.
        layout: one of ``LAYOUTS``, which the kind yields; where it is not given, that which is called as the kind is.
        value_range: of images: values that became black and white where a picture held more than 8 bits; empty: there
            was none, and the type's range is taken.
        ignores_file_range: whether ``value_range`` goes before what a file says of itself, such as a DICOM's window.
        inputs: how the channels of a forecast are made, where they are not just the columns of one series; None: they
            are.
        multilabel: whether an example may have several of the classes, or none; each class is then an answer of its
            own, the sigmoid of its logit.
    """

    kind: str
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    unit: Unit = ""
    lower_case: bool = False
    output: Output = "per_example"
    fit: Fit = "stretch"
    features: tuple[str, ...] = ()
    step: str = ""
    horizon: int = 0
    layout: str = ""
    is_padded: bool = False
    value_range: tuple[float, ...] = ()
    ignores_file_range: bool = False
    inputs: ForecastInputs | None = None
    multilabel: bool = False

    def __post_init__(self) -> None:
        if not self.layout:
            object.__setattr__(self, "layout", self.kind)
        if self.layout not in LAYOUTS:
            raise ValueError(f"layout ({self.layout!r}) of kind {self.kind} must be one of {', '.join(LAYOUTS)}")

    @property
    def plural(self) -> str:
        """What several examples are called, such as images or texts: ``PLURAL`` of their kind."""
        is_known = self.kind in registry.names("kinds")
        return str(registry.constant("kinds", self.kind, "PLURAL")) if is_known else f"examples of {self.kind}"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example as a network is given it: of an image channels first, (C, H, W), as torch has it."""
        return (self.shape[2], *self.shape[:2]) if self.layout == "image" else self.shape

    @property
    def shape_unit(self) -> str:
        """What the numbers of ``shape`` count, where they are no pixels, steps or features: characters, words, ..."""
        return "" if self.layout == "image" else self.unit

    @property
    def has_lengths(self) -> bool:
        """Whether examples may end before their array does: texts, series of unequal length, lines of unequal width."""
        return self.layout == "tokens" or self.is_padded

    @property
    def num_measured(self) -> int:
        """How many of the features, the first ones, are measured; the others are known ahead, or never change."""
        return len(self.features) if self.inputs is None else len(self.inputs.measured)

    @property
    def num_outputs(self) -> int:
        """How many numbers a network answers with (at each step, where it has any): one a class, target or token."""
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
        """Plain values for JSON. What is as usual is left out, so an older saccade can read it: a layout that is called
        as the kind is, examples of one length, and one class an example.
        """
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        if self.layout == self.kind:
            del values["layout"]
        for key in ("is_padded", "multilabel"):
            if not values[key]:
                del values[key]
        if not self.value_range:
            del values["value_range"], values["ignores_file_range"]
        if self.inputs is None:
            del values["inputs"]
        else:
            values["inputs"] = self.inputs.to_dict()
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Spec":
        """The inverse of ``to_dict``; keys this version does not know are an error (TypeError).

        What older files call ``answers`` (once, each_step) is read as ``output``.
        """
        plain: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        if "answers" in plain:  # the name and words of older files
            plain["output"] = {"once": "per_example", "each_step": "per_token"}[plain.pop("answers")]
        if plain.get("inputs") is not None:
            plain["inputs"] = ForecastInputs.from_dict(plain["inputs"])
        return cls(**plain)


def names_of_targets(targets: Sequence[str], horizon: int) -> tuple[str, ...]:
    """What each number that a forecast holds is called, in its order: all targets one step ahead, then two, ...

    >>> names_of_targets(("a", "b"), 2)
    ('a +1', 'b +1', 'a +2', 'b +2')
    """
    return tuple(f"{target} +{step}" for step in range(1, horizon + 1) for target in targets)


def targets_of_names(names: Sequence[str], horizon: int) -> tuple[str, ...]:
    """The inverse of ``names_of_targets``.

    >>> targets_of_names(("a", "b", "a +1"), 0), targets_of_names(("a +1", "b +1", "a +2", "b +2"), 2)
    ((), ('a', 'b'))
    """
    return tuple(name.removesuffix(" +1") for name in names[: len(names) // horizon]) if horizon else ()


def middle(side: int, share: float) -> tuple[int, int]:
    """Where the middle of a side begins, and how many pixels it has: those of torchvision's ``CenterCrop``.

    >>> middle(32, 0.875), middle(227, 0.875), middle(5, 0.01), middle(28, 1.0)
    ((2, 28), (14, 199), (2, 1), (0, 28))
    """
    length = max(1, round(share * side))
    return round((side - length) / 2), length
