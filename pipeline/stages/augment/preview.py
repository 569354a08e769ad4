"""``saccade preview DATASET``: a sheet of what augmentation does to a prepared dataset. Nothing is stored."""

from pathlib import Path

from pipeline import paths
from pipeline.console import say
from pipeline.params.problems import nearest
from pipeline.schema.augment import AugmentBlock
from saccade.augment.policies import POLICIES, resolve_transforms
from saccade.core.errors import UserError


def preview(dataset: str, *, block: AugmentBlock, seed: int, policy: str | None, rows: int, out: Path | None) -> None:
    """Draw the sheet.

    By default it goes beside the reports of the runs, and not into reports/datasets: that is the preprocess stage's
    output, which DVC deletes and restores. No run can be in its way, for their names hold no dot.

    Args:
        dataset: its key.
        block: of the dataset.
        seed: of the file.
        policy: to show instead of the block's transforms.
        rows: examples, at most; of many classes, some are shown.
        out: the PNG; None: reports/<dataset>-preview.png.

    Raises:
        UserError: there is nothing to show, or the dataset is not prepared.
    """
    from saccade.augment.preview import draw_preview
    from saccade.data.prepared import open_split, read_dataset_info

    if policy is not None and policy not in POLICIES:
        raise UserError(f"no policy is called {policy!r}; {nearest(policy, list(POLICIES))}")
    if out is not None and out.suffix.lower() != ".png":
        raise UserError(f"--out ({out.name}) must end in .png")
    description = read_dataset_info(paths.prepared(dataset))
    spec = description.spec
    if spec.layout != "image":
        raise UserError(f"{dataset} holds {spec.plural}, and transforms are for images")
    height, width, channels = spec.shape
    chosen = block.transforms if policy is None else policy
    if isinstance(chosen, str) and channels == 1 and (reason := POLICIES[chosen].only_colour):
        raise UserError(f"{chosen} takes images of 3 channels, but {dataset} has 1: {reason}")
    if not resolve_transforms(chosen, height=height, width=width):
        raise UserError(
            f"{dataset} has no transforms to show. `saccade preview {dataset} --policy NAME` tries a policy."
        )
    path = out or Path("reports") / f"{dataset}-preview.png"
    draw_preview(
        path,
        dataset,
        open_split(paths.prepared(dataset), "train"),
        spec.classes,
        chosen,
        views=block.views,
        seed=seed if block.seed is None else block.seed,
        include_original=block.include_original,
        is_padded=spec.is_padded,
        rows=rows,
    )
    say(f"drawn: {path}")
