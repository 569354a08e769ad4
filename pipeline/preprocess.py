"""``saccade preprocess DATASET``: data/raw/<dataset>, checked, to arrays in data/prepared/<dataset>, with a report."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pipeline import paths
from pipeline.console import Progress, number_of, say, warn
from pipeline.schema.named import Named
from pipeline.schema.preprocess import PreprocessBlock
from pipeline.schema.split import SplitBlock
from saccade import registry
from saccade.checks.findings import examine, refuse_trouble
from saccade.checks.inspecting import inspect_images
from saccade.errors import UserError
from saccade.examples import ImageExamples, SeriesExamples
from saccade.files import replacing_folder
from saccade.path_patterns import compile_field, shown
from saccade.prepared import Description
from saccade.preparing import write_prepared
from saccade.report.dataset_report import Checked, write_dataset_report
from saccade.splits import assign_splits
from saccade.units import unit_keys


def preprocess(dataset: str, *, source: Named, split: SplitBlock, block: PreprocessBlock, seed: int) -> None:
    """Check, resize, split and write one dataset."""
    raw = paths.raw(dataset)
    if not raw.is_dir():
        raise UserError(f"{raw} does not exist. Make it with `saccade fetch {dataset}`.")
    examples = registry.call_with_known(registry.module("datasets", source.name).read, raw, **source.arguments)
    for note in examples.notes:
        say(f"{dataset}: {note}")
    seed = seed if split.seed is None else split.seed
    with (
        Progress() as progress,
        replacing_folder(paths.prepared(dataset)) as folder,
        replacing_folder(paths.dataset_report(dataset)) as report,
    ):
        if isinstance(examples, SeriesExamples):
            labels_N = np.zeros(len(examples.labels), dtype=np.int64)  # numbers: all are of one class
            keys = unit_keys(_groups(examples, split) or examples.ids)
            splits_N = _assign(examples, labels_N, ("all",), keys, split, seed)
            description = write_prepared(folder, examples, splits_N, progress=progress)
            write_dataset_report(report, dataset, folder, description)
        else:
            description = _prepare_images(dataset, examples, split, block, seed, folder, report, progress)
    counts = ", ".join(f"{split} {count:,}" for split, count in description.counts.items())
    spec = description.spec
    asked_for = f"{len(spec.classes)} classes" if spec.classes else f"to predict: {', '.join(spec.targets)}"
    shape, page = "x".join(map(str, spec.shape)), paths.dataset_report(dataset) / "report.html"
    say(f"prepared {dataset}: {counts} {spec.plural} of {shape}, {asked_for}; see {page}")


def _prepare_images(
    dataset: str,
    examples: ImageExamples,
    split: SplitBlock,
    block: PreprocessBlock,
    seed: int,
    folder: Path,
    report: Path,
    progress: Progress,
) -> Description:
    """Decode once, compare all with all, split, write; stop before anything is written where the data are not sound."""
    assert block.size is not None and block.channels is not None
    groups = _groups(examples, split)
    with TemporaryDirectory(dir=folder) as scratch:
        inspected = inspect_images(
            examples,
            Path(scratch),
            size=(block.size[0], block.size[1]),
            channels=block.channels,
            fit=block.fit,
            progress=progress,
        )
        findings = examine(
            examples,
            inspected,
            published=examples.published_splits if split.test == "given" else None,
            groups=groups,
            with_near=block.near_duplicates,
            progress=progress,
        )
        for note in refuse_trouble(
            examples,
            findings,
            on_unreadable=block.on_unreadable,
            on_conflict=block.on_conflict,
            allow_leakage=split.allow_leakage,
        ):
            warn(f"{dataset}: {note}")
        near = [[pair.first, pair.second] for pair in findings.near or []]
        together = findings.equal + near * split.group_near_duplicates
        keys = unit_keys(groups or examples.ids, together)
        splits_N = _assign(examples, examples.labels, examples.classes, keys, split, seed, left_out=findings.left_out)
        _tell_near_duplicates(dataset, [set(splits_N[pair]) for pair in near], examples, split)
        description = write_prepared(folder, examples, splits_N, inspected=inspected, fit=block.fit, progress=progress)
        write_dataset_report(report, dataset, folder, description, Checked(examples, inspected, findings, splits_N))
    return description


def _tell_near_duplicates(
    dataset: str, splits_of_pairs: Sequence[set[str]], examples: ImageExamples, split: SplitBlock
) -> None:
    apart = [splits for splits in splits_of_pairs if len(splits - {""}) > 1]
    if not apart:
        return
    published = set(examples.published_splits or ()) - {"train"} if split.test == "given" else set()
    ours = sum(not splits & published for splits in apart)
    remedy = f"; split.group_near_duplicates: true keeps {ours:,} of them together" if ours else ""
    count = number_of(len(apart), "pair")
    warn(f"{dataset}: {count} of pictures in two splits are nearly the same picture (see the report){remedy}")


def _assign(
    examples: ImageExamples | SeriesExamples,
    labels_N: np.ndarray,
    classes: Sequence[str],
    keys: Sequence[str],
    split: SplitBlock,
    seed: int,
    left_out: np.ndarray | None = None,
) -> np.ndarray:
    return assign_splits(
        labels_N,
        keys,
        classes=classes,
        test=split.test,
        validation=split.validation,
        order=split.order,
        published=examples.published_splits,
        left_out=left_out,
        train_fraction=split.train_fraction,
        seed=seed,
    )


def _groups(examples: ImageExamples | SeriesExamples, split: SplitBlock) -> Sequence[str] | None:
    """The value of ``split.group_by`` of each example."""
    if split.group_by is None:
        return None
    if split.group_by in examples.groups:
        return examples.groups[split.group_by]
    names = examples.names if isinstance(examples, ImageExamples) else ()
    if "{group}" not in split.group_by or not names:
        known = ", ".join(examples.groups) or "none"
        raise UserError(
            f"split.group_by ({split.group_by!r}) must be a column of the source, which has {known}, or a pattern of "
            "its paths such as 'patient-{group}/*'"
        )
    group_of = compile_field(split.group_by, "group")
    groups = []
    for name in names:
        if (group := group_of(name)) is None:
            raise UserError(
                f"split.group_by ({split.group_by!r}) must fit every path, but does not fit {shown(name)}. "
                "Correct it, or leave such files out"
            )
        groups.append(group)
    return groups
