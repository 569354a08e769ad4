"""``saccade augment DATASET``: augmented views of the training split, into data/augmented/<dataset>."""

from pipeline import paths
from pipeline.console import Progress, say
from pipeline.schema.augment import AugmentBlock
from saccade.arrays import open_array
from saccade.errors import UserError
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
    with Progress("images") as progress, replacing_folder(paths.augmented(dataset)) as folder:
        write_views(
            folder,
            images,
            views=block.views,
            transforms=transforms_of(block.transforms, height=height, width=width),
            seed=seed if block.seed is None else block.seed,
            include_original=block.include_original,
            progress=progress,
        )
    original = ", the first of them the original" if block.include_original and block.views else ""
    say(f"augmented {dataset}: {block.views} views{original}")
