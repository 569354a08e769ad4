"""A trained network as two files that anyone can open: weights.safetensors and bundle.json. No pickle.

Several that answer together are a bundle.json and a folder for each, members/0, members/1, ..., with a bundle of its
own.
"""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from saccade.bundle.ensemble import Ensemble, OutputKind
from saccade.bundle.inputs import input_for
from saccade.bundle.intervals import PredictionInterval
from saccade.bundle.outputs import DivideLogits, Rescale, output_for
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.core.files import read_json, sha256_of_file, write_json
from saccade.data.spec import Spec

FORMAT = 1
SPECIAL_FORMAT = 2  # with evaluate_crop or one_output: a saccade that knows nothing of them must not answer
ENSEMBLE_FORMAT = 3  # with members: an older saccade must not answer either
OWN_UNIT_FORMAT = 4  # with thresholds or the targets' own unit: likewise
CALIBRATED_FORMAT = 5  # with a temperature or the reason why there is none, or with a band of varying width: likewise
_FORMATS = (FORMAT, SPECIAL_FORMAT, ENSEMBLE_FORMAT, OWN_UNIT_FORMAT, CALIBRATED_FORMAT)
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

    def build_network(self) -> nn.Sequential:
        """A new network with random weights: stored arrays in, the model's outputs out."""
        model = self._build_model() if self.members == 1 else self._build_ensemble()
        output: nn.Module | None = Rescale(self.target_mean, self.target_std) if self.target_std else None
        output = output or output_for(self.spec, self.mean, self.std)
        if self.temperature != 1:
            output = DivideLogits(self.temperature)
        before = input_for(self.spec, self.mean, self.std, self.evaluate_crop)
        return nn.Sequential(before, model, *([output] if output else []))

    def _build_model(self) -> nn.Module:
        if self.spec.is_padded and not registry.constant_or(False, "models", self.model, "TAKES_PADDED_SERIES"):
            takers = registry.names("models")
            takers = [name for name in takers if registry.constant_or(False, "models", name, "TAKES_PADDED_SERIES")]
            raise UserError(
                f"model ({self.model}) must be one that knows where a series ends, for they differ in length: take "
                f"{', '.join(takers)}, or cut all series to the shortest with preprocess.length"
            )
        return registry.module("models", self.model).build(self.built_for, **self.arguments)

    def _build_ensemble(self) -> Ensemble:
        is_of_classes = bool(self.spec.classes) or self.spec.output == "per_token"
        is_of_sigmoids = self.one_output or self.spec.multilabel
        kind: OutputKind = "sigmoids" if is_of_sigmoids else "classes" if is_of_classes else "numbers"
        return Ensemble([self._build_model() for _ in range(self.members)], kind)


def save(folder: Path, config: NetworkConfig, network: nn.Sequential) -> str:
    """Write a bundle into an empty folder.

    Args:
        folder: an empty folder; the caller moves it into place.
        config: config that the network was built from.
        network: network from ``config.build_network()``.

    Returns:
        SHA-256 of weights.safetensors.
    """
    from safetensors.torch import save

    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network[1].state_dict().items()}
    # Bytes first: safetensors' own writing tells a full disk as an error of another kind than OSError.
    (folder / "weights.safetensors").write_bytes(save(weights))
    write_config(folder, config)
    return sha256_of_file(folder / "weights.safetensors")


def save_ensemble(folder: Path, config: NetworkConfig, members: Sequence[Path]) -> str:
    """Put bundles together into one whose networks answer together.

    Args:
        folder: an empty folder; the caller moves it into place.
        config: config of the ensemble; ``members`` is the number of bundles.
        members: folders of their bundles, which are copied.

    Returns:
        ``weights_sha256`` of the folder.
    """
    assert config.members == len(members)
    for number, member in enumerate(members):
        shutil.copytree(member, folder / "members" / str(number))
    write_config(folder, config)
    return weights_sha256(folder)


def write_config(folder: Path, config: NetworkConfig) -> None:
    """Write bundle.json. What is as usual is left out, so that an older saccade can read it."""
    values = {"format": FORMAT, **vars(config), "spec": config.spec.to_dict(), "classes": list(config.spec.classes)}
    for key, (usual, format_number) in _USUAL.items():
        if values[key] == usual:
            del values[key]
        else:
            values["format"] = max(values["format"], format_number)
    interval = values.pop("interval")
    if interval is not None:
        band = dict(vars(interval))
        if interval.width == "constant":
            del band["width"], band["floor"]
        else:
            values["format"] = max(values["format"], CALIBRATED_FORMAT)
        values["band"] = band
    write_json(folder / "bundle.json", values)


def weight_files(folder: Path, members: int) -> list[Path]:
    """Where the weights of a bundle lie, a file for each of its networks."""
    folders = [folder] if members == 1 else [folder / "members" / str(number) for number in range(members)]
    return [one / "weights.safetensors" for one in folders]


def weights_sha256(folder: Path) -> str:
    """What names the weights of a bundle.

    Args:
        folder: folder of a bundle, such as models/lenet5-digits.

    Returns:
        SHA-256 of weights.safetensors; of several networks, that of the SHA-256 of each, a line each.

    Raises:
        UserError: there is no bundle, or one without its weights.
    """
    files = weight_files(folder, read_config(folder).members)
    for path in files:
        if not path.exists():
            raise UserError(f"{path} does not exist. Make it with `saccade train {folder.name}`.")
    digests = [sha256_of_file(path) for path in files]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()


def read_config(folder: Path) -> NetworkConfig:
    """Read bundle.json.

    Args:
        folder: folder of a bundle, such as models/lenet5-digits.

    Returns:
        What the network is built from.

    Raises:
        UserError: there is no bundle, or one that is damaged or of another format.
    """
    make_with = f"saccade train {folder.name}"
    values = read_json(folder / "bundle.json", format_number=_FORMATS, make_with=make_with)
    try:
        values.pop("classes")  # for other readers; the same as spec.classes
        band = values.pop("band", None)
        interval = PredictionInterval(**band) if band else None
        if not values.get("temperature", 1.0) > 0:
            raise ValueError(f"temperature ({values['temperature']}) must be above 0")
        return NetworkConfig(**{**values, "spec": Spec.from_dict(values["spec"]), "interval": interval})
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{folder / 'bundle.json'} is damaged ({reason}). Run `dvc checkout`.") from error
