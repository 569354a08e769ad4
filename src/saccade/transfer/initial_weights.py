"""The weights that a training starts from, where they are not drawn: published ones, a file, or another run's."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from saccade.bundle.bundle import read_config
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file
from saccade.data.spec import Spec
from saccade.transfer.weight_files import read_weights


@dataclass(frozen=True)
class InitialWeights:
    """Weights to start from.

    Attributes:
        origin: name of their source, for people.
        path: file that holds them.
        sha256: digest of the file's bytes.
        model: name of the model's file, which may know other names for its tensors.
        normalisation: mean and std that the weights were trained with; None: those of the dataset.
        vocabulary: tokens that the outputs of the weights stand for, where they are others than the dataset's; empty:
            they are not.
    """

    origin: str
    path: Path
    sha256: str
    model: str
    normalisation: tuple[list[float], list[float]] | None = None
    vocabulary: tuple[str, ...] = ()

    def read(self) -> dict[str, Tensor]:
        """Name to tensor, under the names that the model has for them."""
        weights = read_weights(self.path)
        renamed = getattr(registry.module("models", self.model), "from_published", None)
        return weights if renamed is None else renamed(weights)


def find_initial_weights(
    *, model: str, pretrained: str | None, bundle: Path | None, spec: Spec, mean: list[float], dataset: str
) -> InitialWeights | None:
    """Find the weights that a training starts from.

    Args:
        model: name of a file in ``models/``.
        pretrained: "imagenet", or the path of a file; None: no such weights.
        bundle: folder of the run to start from, such as models/lenet5-digits; None: no such run.
        spec: spec of the dataset.
        mean: mean of the dataset's training split, one value a channel or feature.
        dataset: name of the dataset, for messages.

    Returns:
        None where the weights are drawn.

    Raises:
        UserError: they are not there, or of another vocabulary.
    """
    if bundle is not None:
        return _of_bundle(bundle, model, spec, mean, dataset)
    if pretrained is None:
        return None
    from saccade.transfer.published_weights import published_normalisation, published_weights

    path = published_weights(model) if pretrained == "imagenet" else Path(pretrained).expanduser()
    if not path.is_file():
        raise UserError(f"model.pretrained ({pretrained}) must be imagenet, or a file that is there")
    normalisation = published_normalisation(model, spec.shape[2])
    return InitialWeights(f"pretrained weights {path.name}", path, sha256_of_file(path), model, normalisation)


def advice_on_size(model: str, arguments: Mapping[str, Any], spec: Spec) -> str:
    """What to do about images that are much smaller than those that published weights have learnt from.

    Args:
        model: name of a file in ``models/``.
        arguments: arguments of its ``build``.
        spec: spec of the dataset.

    Returns:
        A line for people; empty where images are large enough, or the model cannot enlarge them.
    """
    learnt_at, _, _ = registry.constant_or((0, 0, 0), "models", model, "TYPICAL_SHAPE")
    side = max(spec.shape[:2])
    if arguments.get("input_side") != 0 or 2 * side > learnt_at:
        return ""
    return (
        f"images of {side} pixels are small for weights that were learnt at {learnt_at}: `input_side: {learnt_at}` of "
        "the model enlarges them"
    )


def _of_bundle(bundle: Path, model: str, spec: Spec, mean: list[float], dataset: str) -> InitialWeights:
    path, run = bundle / "weights.safetensors", bundle.name
    if not path.exists():
        raise UserError(f"{path} does not exist, and training starts from it: `saccade train {run}` first")
    before = read_config(bundle)
    is_other = before.spec.vocabulary != spec.vocabulary
    both_read = before.spec.output == spec.output == "transcript"  # characters are outputs alone: rows of the head
    if is_other and not both_read:
        raise UserError(
            f"train.init_from ({run}) must be a run over the same vocabulary, so that each id means the same token; "
            f"its {len(before.spec.vocabulary):,} are not the {len(spec.vocabulary):,} of {dataset}. Leave init_from "
            f"out, or train {run} on {dataset}"
        )
    has_same_channels = len(before.mean) == len(mean)  # else a first convolution is summed over colours
    normalisation = (before.mean, before.std) if has_same_channels else None
    vocabulary = before.spec.vocabulary if is_other else ()
    return InitialWeights(f"run {run}", path, sha256_of_file(path), model, normalisation, vocabulary)
