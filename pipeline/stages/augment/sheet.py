"""The sheet that the report of a dataset shows: what augmentation does to its training images."""

from pathlib import Path

from pipeline import paths
from pipeline.console import say, warn
from pipeline.schema.augment import AugmentBlock
from saccade.core.errors import UserError
from saccade.core.files import replacing_folder
from saccade.data.prepared import open_split, read_dataset_info


def draw_views(dataset: str, *, block: AugmentBlock, seed: int) -> None:
    """Draw reports/datasets/<dataset>.views/views.png; where there is nothing to draw, none.txt says why.

    Call it when the views have been written: the processes that write them are forked, and drawing may start threads.

    Args:
        dataset: its key.
        block: of the dataset.
        seed: of the whole augmentation.
    """
    with replacing_folder(paths.views_report(dataset)) as folder:
        if not block.makes_views or block.transforms in ("none", []):
            _say_why(folder, f"no views are made of {dataset}: its augment: in params.yaml asks for none")
            return
        from saccade.augment.preview import draw_preview

        prepared = paths.prepared(dataset)
        spec = read_dataset_info(prepared).spec
        try:
            draw_preview(
                folder / "views.png",
                dataset,
                open_split(prepared, "train"),
                spec.classes,
                block.transforms,
                views=block.views,
                seed=seed,
                include_original=block.include_original,
                is_padded=spec.is_padded,
            )
        except UserError as error:  # of a transform alone: the views themselves are there
            warn(f"{dataset}: no sheet of its views was drawn, because {error}")
            _say_why(folder, f"no sheet was drawn, because {error}")
            return
    say(f"drawn: {paths.views_report(dataset) / 'views.png'}")


def _say_why(folder: Path, reason: str) -> None:
    """Leave a file: DVC wants this output, and warns of an empty one."""
    (folder / "none.txt").write_text(f"{reason}\n", encoding="utf-8")
