"""``saccade preprocess DATASET``: data/raw/<dataset> to arrays in data/prepared/<dataset>, with a report."""

import numpy as np

from pipeline import paths
from pipeline.console import Progress, say
from pipeline.schema.named import Named
from pipeline.schema.preprocess import PreprocessBlock
from pipeline.schema.split import SplitBlock
from saccade import registry
from saccade.dataset_report import write_dataset_report
from saccade.errors import UserError
from saccade.examples import ImageExamples
from saccade.files import replacing_folder
from saccade.preparing import write_prepared
from saccade.splits import assign_splits


def preprocess(dataset: str, *, source: Named, split: SplitBlock, block: PreprocessBlock, seed: int) -> None:
    """Split, resize and write one dataset."""
    raw = paths.raw(dataset)
    if not raw.is_dir():
        raise UserError(f"{raw} does not exist. Make it with `saccade fetch {dataset}`.")
    examples = registry.call_with_known(registry.module("datasets", source.name).read, raw, **source.arguments)
    for note in examples.notes:
        say(f"{dataset}: {note}")
    if split.group_by is not None and split.group_by not in examples.groups:
        known = ", ".join(examples.groups) or "none"
        raise UserError(
            f"split.group_by ({split.group_by!r}) must be a column of the source {source.name}; it has {known}"
        )
    splits_N = assign_splits(
        examples.labels if isinstance(examples, ImageExamples) else np.zeros(len(examples.labels), dtype=np.int64),
        examples.ids,
        classes=examples.classes if isinstance(examples, ImageExamples) else ("all",),
        test=split.test,
        validation=split.validation,
        order=split.order,
        groups=examples.groups[split.group_by] if split.group_by else None,
        published=examples.published_splits,
        train_fraction=split.train_fraction,
        seed=seed if split.seed is None else split.seed,
    )
    with (
        Progress("examples") as progress,
        replacing_folder(paths.prepared(dataset)) as folder,
        replacing_folder(paths.dataset_report(dataset)) as report,
    ):
        size = (block.size[0], block.size[1]) if block.size else None
        description = write_prepared(folder, examples, splits_N, size=size, channels=block.channels, progress=progress)
        write_dataset_report(report, dataset, folder, description)
    counts = ", ".join(f"{split} {count:,}" for split, count in description.counts.items())
    spec = description.spec
    asked_for = f"{len(spec.classes)} classes" if spec.classes else f"to predict: {', '.join(spec.targets)}"
    say(f"prepared {dataset}: {counts} {spec.plural} of {'x'.join(map(str, spec.shape))}, {asked_for}")
