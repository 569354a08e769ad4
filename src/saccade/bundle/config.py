"""What makes a network beside its weights, as plain values: what bundle.json holds. Nothing here needs torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from saccade.bundle.intervals import PredictionInterval
from saccade.data.spec import Spec

if TYPE_CHECKING:
    from torch import nn

FORMAT = 1
SPECIAL_FORMAT = 2  # with evaluate_crop or one_output: a saccade that knows nothing of them must not answer
ENSEMBLE_FORMAT = 3  # with members: an older saccade must not answer either
OWN_UNIT_FORMAT = 4  # with thresholds or the targets' own unit: likewise
CALIBRATED_FORMAT = 5  # with a temperature or the reason why there is none, or with a band of varying width: likewise
TRANSCRIPT_FORMAT = 6  # of what reads lines: likewise
FORMATS = (FORMAT, SPECIAL_FORMAT, ENSEMBLE_FORMAT, OWN_UNIT_FORMAT, CALIBRATED_FORMAT, TRANSCRIPT_FORMAT)
_USUAL: dict[str, tuple[Any, int]] = {
    "evaluate_crop": (1, SPECIAL_FORMAT),
    "one_output": (False, SPECIAL_FORMAT),
    "members": (1, ENSEMBLE_FORMAT),
    "thresholds": ([], OWN_UNIT_FORMAT),
    "target_mean": ([], OWN_UNIT_FORMAT),
    "target_std": ([], OWN_UNIT_FORMAT),
    "temperature": (1.0, CALIBRATED_FORMAT),
    "temperature_reason": ("", CALIBRATED_FORMAT),
}


@dataclass(frozen=True)
class NetworkConfig:
    """Everything but the weights that makes a network.

    Attributes:
        model: name of a file in ``models/``.
        arguments: all keyword arguments of its ``build``.
        spec: shape and meaning of the dataset's examples.
        task: name of a file in ``tasks/``.
        mean: mean of the training split, one value a channel (scale 0..1) or feature.
        std: standard deviation of the training split, one value a channel or feature, above 0.
        identity: SHA-256 that names the run.
        evaluate_crop: share of each side of an image that evaluation and prediction look at, in (0, 1]; 1: all of it.
        one_output: whether two classes are told apart by one number, the logit of the second.
        interval: bounds of the truth around a forecast, as measured on the validation split; None of anything else.
            bundle.json calls it ``band``.
        members: number of networks that predict together; see ``saccade.bundle.ensemble``.
        thresholds: probability from which an example has each class, where it may have several, chosen on the
            validation split; empty elsewhere.
        target_mean: mean of each number to predict over the training split, where the network learns them standardised
            and answers in their own unit; empty elsewhere.
        target_std: standard deviation of the same, above 0.
        temperature: number that a classifier's logits are divided by, above 0, fitted on the validation split; the
            output layer of the network divides them. 1 elsewhere. Several networks that predict together have one of
            their own, for the mean of what each answers without its temperature.
        temperature_reason: why the temperature of a classifier was kept at 1; empty elsewhere.
    """

    model: str
    arguments: dict[str, Any]
    spec: Spec
    task: str
    mean: list[float]
    std: list[float]
    identity: str
    evaluate_crop: float = 1.0
    one_output: bool = False
    interval: PredictionInterval | None = None
    members: int = 1
    thresholds: list[float] = field(default_factory=list)
    target_mean: list[float] = field(default_factory=list)
    target_std: list[float] = field(default_factory=list)
    temperature: float = 1.0
    temperature_reason: str = ""

    @property
    def built_for(self) -> Spec:
        """The spec that the model is built for: the dataset's, or one output in place of two."""
        return self.spec.with_one_output() if self.one_output else self.spec

    def build_network(self) -> "nn.Sequential":
        """A new network with random weights: stored arrays in, the model's outputs out. Only this takes torch."""
        from saccade.bundle.networks import network_of

        return network_of(
            self.model,
            self.arguments,
            self.spec,
            mean=self.mean,
            std=self.std,
            evaluate_crop=self.evaluate_crop,
            one_output=self.one_output,
            members=self.members,
            target_mean=self.target_mean,
            target_std=self.target_std,
            temperature=self.temperature,
        )


def to_values(config: NetworkConfig) -> dict[str, Any]:
    """What bundle.json holds, ``format`` among it. What is as usual is left out, so that an older saccade can read it.

    Args:
        config: config of a network.

    Returns:
        Plain values for JSON.
    """
    values = {"format": FORMAT, **vars(config), "spec": config.spec.to_dict(), "classes": list(config.spec.classes)}
    for key, (usual, format_number) in _USUAL.items():
        if values[key] == usual:
            del values[key]
        else:
            values["format"] = max(values["format"], format_number)
    if config.spec.output == "transcript":
        values["format"] = TRANSCRIPT_FORMAT
    interval = values.pop("interval")
    if interval is not None:
        band = dict(vars(interval))
        if interval.width == "constant":
            del band["width"], band["floor"]
        else:
            values["format"] = max(values["format"], CALIBRATED_FORMAT)
        values["band"] = band
    return values


def from_values(values: Mapping[str, Any]) -> NetworkConfig:
    """The inverse of ``to_values``, less ``format``, which says whether this saccade may read the others.

    Args:
        values: what bundle.json holds without ``format``.

    Returns:
        What the network is built from.

    Raises:
        ValueError: a value is missing, unknown or impossible; its text says which.
    """
    try:
        others = dict(values)
        others.pop("classes")  # for other readers; the same as spec.classes
        band = others.pop("band", None)
        interval = PredictionInterval(**band) if band else None
        if not values.get("temperature", 1.0) > 0:
            raise ValueError(f"temperature ({values['temperature']}) must be above 0")
        return NetworkConfig(**{**others, "spec": Spec.from_dict(values["spec"]), "interval": interval})
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
