"""A trained network as two files that anyone can open: weights.safetensors and bundle.json. No pickle."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from saccade import registry
from saccade.bands import Band
from saccade.errors import UserError
from saccade.files import read_json, sha256_of_file, write_json
from saccade.inputs import input_for
from saccade.outputs import output_for
from saccade.spec import Spec

FORMAT = 1
SPECIAL_FORMAT = 2  # with evaluate_crop or one_output: a saccade that knows nothing of them must not answer


@dataclass(frozen=True)
class Recipe:
    """Everything but the weights that makes a network.

    Attributes:
        model: name of a file in ``models/``.
        arguments: of its ``build``, all of them.
        spec: of the dataset.
        task: name of a file in ``tasks/``.
        mean: of the training split, per channel (scale 0..1) or per feature.
        std: likewise.
        identity: of the run.
        evaluate_crop: the share of each side of an image that evaluation and prediction look at; 1: all of it.
        one_output: two classes are answered with one number, the logit of the second.
        band: of a forecast: where the truth lies around it, as measured on the validation split.
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
    band: Band | None = None

    @property
    def built_for(self) -> Spec:
        """What the model is built for: the dataset, or one output in place of two."""
        return self.spec.with_one_output() if self.one_output else self.spec

    def build_network(self) -> nn.Sequential:
        """A new network with random weights: stored arrays in, the model's outputs out."""
        model = registry.module("models", self.model).build(self.built_for, **self.arguments)
        output = output_for(self.spec, self.mean, self.std)
        before = input_for(self.spec, self.mean, self.std, self.evaluate_crop)
        return nn.Sequential(before, model, *([output] if output else []))


def save(folder: Path, recipe: Recipe, network: nn.Sequential) -> str:
    """Write a bundle into an empty folder.

    Args:
        folder: the caller moves it into place.
        recipe: what the network was built from.
        network: from ``recipe.build_network()``.

    Returns:
        SHA-256 of weights.safetensors.
    """
    from safetensors.torch import save

    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network[1].state_dict().items()}
    # Bytes first: safetensors' own writing tells a full disk as an error of another kind than OSError.
    (folder / "weights.safetensors").write_bytes(save(weights))
    values = {"format": FORMAT, **vars(recipe), "spec": recipe.spec.to_dict(), "classes": list(recipe.spec.classes)}
    for key, usual in (("evaluate_crop", 1), ("one_output", False)):
        if values[key] == usual:
            del values[key]
        else:
            values["format"] = SPECIAL_FORMAT
    band = values.pop("band")
    values |= {"band": vars(band)} if band else {}
    write_json(folder / "bundle.json", values)
    return sha256_of_file(folder / "weights.safetensors")


def read_recipe(folder: Path) -> Recipe:
    """Read bundle.json.

    Args:
        folder: such as models/lenet5-digits.

    Returns:
        What the network is built from.

    Raises:
        UserError: there is no bundle, or one that is damaged or of another format.
    """
    make_with = f"saccade train {folder.name}"
    values = read_json(folder / "bundle.json", format_number=(FORMAT, SPECIAL_FORMAT), make_with=make_with)
    try:
        values.pop("classes")  # for other readers; the same as spec.classes
        band = Band(**values["band"]) if values.get("band") else None
        return Recipe(**{**values, "spec": Spec.from_dict(values["spec"]), "band": band})
    except (KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{folder / 'bundle.json'} is damaged ({reason}). Run `dvc checkout`.") from error
