"""``saccade augment DATASET``: augmented views of the training split, into data/augmented/<dataset>."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline import paths
from pipeline.console import Progress, say
from pipeline.schema.augment import AugmentBlock
from saccade.arrays import open_array
from saccade.errors import UserError
from saccade.evaluation_crop import evaluation_crop
from saccade.files import replacing_folder
from saccade.policies import transforms_of
from saccade.stored_views import write_views


def augment(dataset: str, *, block: AugmentBlock, seed: int) -> None:
    """Write the stored views of one dataset."""
    images = paths.prepared(dataset) / "train.npy"
    if not images.exists():
        raise UserError(f"{images} does not exist. Make it with `saccade preprocess {dataset}`.")
    shape = open_array(images).shape
    height, width = (shape[1], shape[2]) if len(shape) == 4 else (1, 1)  # series have no transforms
    transforms = transforms_of(block.transforms, height=height, width=width)
    share = evaluate_crop_of(block, transforms, height=height, width=width)
    with Progress("images") as progress, replacing_folder(paths.augmented(dataset)) as folder:
        write_views(
            folder,
            images,
            views=block.views,
            transforms=transforms,
            seed=seed if block.seed is None else block.seed,
            include_original=block.include_original,
            evaluate_crop=share,
            progress=progress,
        )
    original = ", the first of them the original" if block.include_original and block.views else ""
    middle = f"; evaluation looks at the middle {share:.1%} of each side" if share < 1 else ""
    say(f"augmented {dataset}: {block.views} views{original}{middle}")


def evaluate_crop_of(block: AugmentBlock, transforms: Sequence[Mapping[str, Any]], *, height: int, width: int) -> float:
    """The share of each side of an image that evaluation shall look at.

    Args:
        block: ``augment:``.
        transforms: those that it names.
        height: of the images, in pixels.
        width: likewise.

    Returns:
        What the block says; for auto, what follows from the transforms where every view is made by them, else 1.
    """
    if block.evaluate_crop != "auto":
        return block.evaluate_crop
    if not block.views or block.include_original:
        return 1.0
    return evaluation_crop(transforms, height=height, width=width)
