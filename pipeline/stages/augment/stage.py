"""``saccade augment DATASET``: augmented views of the training split, or how to make them: data/augmented/<dataset>."""

from typing import Any

from pipeline import paths
from pipeline.console import Progress, say
from pipeline.schema.augment import AugmentBlock
from pipeline.stages.augment.sheet import draw_views
from saccade.augment.evaluation_crop import evaluation_crop
from saccade.augment.policies import resolve_transforms
from saccade.augment.stored_views import describe_online_views, write_views
from saccade.core.errors import UserError
from saccade.core.files import replacing_folder
from saccade.data.arrays import open_array
from saccade.data.prepared import read_dataset_info


def augment(dataset: str, *, block: AugmentBlock, seed: int) -> None:
    """Write the views of one dataset, or how they are made while training runs."""
    images = paths.prepared(dataset) / "train.npy"
    if not images.exists():
        raise UserError(f"{images} does not exist. Make it with `saccade preprocess {dataset}`.")
    shape = open_array(images).shape
    is_padded = len(shape) == 4 and read_dataset_info(paths.prepared(dataset)).spec.is_padded
    height, width = (shape[1], shape[2]) if len(shape) == 4 else (1, 1)  # series have no transforms
    transforms = resolve_transforms(block.transforms, height=height, width=width)
    how: dict[str, Any] = {
        "transforms": transforms,
        "seed": seed if block.seed is None else block.seed,
        "include_original": block.include_original,
        "evaluate_crop": 1.0 if is_padded else _evaluate_crop(block, transforms, height, width),
        "is_padded": is_padded,
    }
    with Progress("images") as progress, replacing_folder(paths.augmented(dataset)) as folder:
        if block.mode == "online":
            describe_online_views(folder, images, **how)
        else:
            write_views(folder, images, views=block.views, progress=progress, **how)
    amount = "views are made while training runs" if block.mode == "online" else f"{block.views} views"
    original = ", the first of them the original" if block.include_original and block.makes_views else ""
    share = how["evaluate_crop"]
    middle = f"; evaluation looks at the middle {100 * share:.3g} % of each side" if share < 1 else ""
    say(f"augmented {dataset}: {amount}{original}{middle}")
    draw_views(dataset, block=block, seed=how["seed"])


def _evaluate_crop(block: AugmentBlock, transforms: list[dict[str, Any]], height: int, width: int) -> float:
    """The share of each side that evaluation shall look at; auto: all of it, where training sees images as they are."""
    if block.evaluate_crop != "auto":
        return block.evaluate_crop
    return evaluation_crop(transforms, height=height, width=width) if block.makes_views else 1.0
