"""Where the first weights of a training come from, when they are not drawn: published ones, a file, another run."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import paths
from saccade.bundle.bundle import read_recipe
from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file
from saccade.data.prepared import Description

if TYPE_CHECKING:
    from pipeline.stages.train.setup import TrainingRun


@dataclass(frozen=True)
class Origin:
    """Where the first weights come from.

    Attributes:
        what: for people.
        weights: the file.
        sha256: of its bytes.
        normalisation: mean and std that the weights were trained with; None: the dataset's own.
    """

    what: str
    weights: Path
    sha256: str
    normalisation: tuple[list[float], list[float]] | None = None


def origin_of(run: "TrainingRun", description: Description) -> Origin | None:
    """Where the first weights of a run come from.

    Args:
        run: what is to be trained.
        description: of its dataset.

    Returns:
        None where they are drawn.

    Raises:
        UserError: they are not there, or of another vocabulary.
    """
    pretrained, init_from = run.model.arguments.get("pretrained"), run.block.init_from
    if init_from is not None:
        weights = paths.model(init_from) / "weights.safetensors"
        if not weights.exists():
            raise UserError(
                f"{weights} does not exist, and {run.name} starts from it: `saccade train {init_from}` first"
            )
        before = read_recipe(weights.parent)
        if before.spec.vocabulary != description.spec.vocabulary:
            raise UserError(
                f"train.init_from ({init_from}) must be a run over the same vocabulary, so that each id means the same "
                f"token; its {len(before.spec.vocabulary):,} are not the {len(description.spec.vocabulary):,} of "
                f"{run.dataset}. Leave init_from out, or train {init_from} on {run.dataset}"
            )
        is_alike = len(before.mean) == len(description.mean)  # else a first convolution is summed over colours
        normalisation = (before.mean, before.std) if is_alike else None
        return Origin(f"run {init_from}", weights, sha256_of_file(weights), normalisation)
    if pretrained is None:
        return None
    from saccade.bundle.published_weights import published_normalisation, published_weights

    weights = published_weights(run.model.name) if pretrained == "imagenet" else Path(pretrained).expanduser()
    if not weights.is_file():
        raise UserError(f"model.pretrained ({pretrained}) must be imagenet, or a file that is there")
    normalisation = published_normalisation(run.model.name, description.spec.shape[2])
    return Origin(f"pretrained weights {weights.name}", weights, sha256_of_file(weights), normalisation)
