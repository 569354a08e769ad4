"""``saccade preview DATASET``: a sheet of what augmentation does to a prepared dataset. Nothing is stored."""

from pathlib import Path

import numpy as np

from pipeline import paths
from pipeline.console import say
from pipeline.params_problems import nearest
from pipeline.schema.augment import AugmentBlock
from saccade.errors import UserError
from saccade.policies import POLICIES, transforms_of

_MOST_VIEWS = 8
_VIEWS_WITHOUT_ANY = 6  # where params.yaml stores none yet


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
    from saccade.augmentation import colors_for
    from saccade.prepared import open_split, read_description
    from saccade.preview_sheet import Example, draw_sheet, make_sheet
    from saccade.report.contact_sheets import rows_of_classes, spread

    if policy is not None and policy not in POLICIES:
        raise UserError(f"no policy is called {policy!r}; {nearest(policy, list(POLICIES))}")
    if out is not None and out.suffix.lower() != ".png":
        raise UserError(f"--out ({out.name}) must end in .png")
    description = read_description(paths.prepared(dataset))
    spec = description.spec
    if spec.kind != "image":
        raise UserError(f"{dataset} holds {spec.plural}, and transforms are for images")
    height, width, channels = spec.shape
    chosen = block.transforms if policy is None else policy
    if isinstance(chosen, str) and channels == 1 and (reason := POLICIES[chosen].only_colour):
        raise UserError(f"{chosen} takes images of 3 channels, but {dataset} has 1: {reason}")
    transforms = transforms_of(chosen, height=height, width=width)
    if not transforms:
        raise UserError(
            f"{dataset} has no transforms to show. `saccade preview {dataset} --policy NAME` tries a policy."
        )
    split = open_split(paths.prepared(dataset), "train")
    if spec.classes:
        classes = spread(np.arange(len(spec.classes)), rows).tolist()
        by_class = rows_of_classes(np.asarray(split.labels), classes, max(1, rows // len(classes)))
        chosen_rows = [(spec.classes[k], int(row)) for k, found in zip(classes, by_class, strict=True) for row in found]
    else:
        chosen_rows = [(f"example {row}", int(row)) for row in spread(np.arange(len(split.examples)), rows)]
    sheet = make_sheet(
        [Example(label, np.array(split.examples[row]), row) for label, row in chosen_rows],
        transforms,
        colors_for(transforms, split.examples),
        views=min(block.views or _VIEWS_WITHOUT_ANY, _MOST_VIEWS),
        seed=seed if block.seed is None else block.seed,
        include_original=block.include_original,
    )
    path = out or Path("reports") / f"{dataset}-preview.png"
    draw_sheet(sheet, f"{dataset}: {chosen if isinstance(chosen, str) else 'transforms of params.yaml'}", path)
    say(f"drawn: {path}")
