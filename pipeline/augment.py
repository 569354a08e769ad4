"""``saccade augment DATASET``: augmented views of the training split, into data/augmented/<dataset>."""

from pipeline import paths
from pipeline.console import Progress, say
from pipeline.schema.augment import AugmentBlock
from saccade.augmentation import write_views
from saccade.errors import UserError
from saccade.files import replacing_folder


def augment(dataset: str, *, block: AugmentBlock, seed: int) -> None:
    """Write the stored views of one dataset."""
    images = paths.prepared(dataset) / "train.npy"
    if not images.exists():
        raise UserError(f"{images} does not exist. Make it with `saccade preprocess {dataset}`.")
    with Progress("images") as progress, replacing_folder(paths.augmented(dataset)) as folder:
        write_views(
            folder,
            images,
            views=block.views,
            transforms=block.transforms,
            seed=seed if block.seed is None else block.seed,
            progress=progress,
        )
    say(f"augmented {dataset}: {block.views} views")
