"""Pictures: decode once, compare all with all, split, write."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline import paths
from pipeline.console import Progress, pluralise, warn
from pipeline.schema.preprocess import PreprocessBlock
from pipeline.schema.split import SplitBlock
from pipeline.stages.preprocess.splits import assign, groups_of
from saccade.data.prepared import Description
from saccade.kinds.image.checks.decode_pass import inspect_images
from saccade.kinds.image.checks.findings import examine, refuse_trouble
from saccade.prepare.groups import unit_keys
from saccade.prepare.write import write_prepared
from saccade.readers.examples import ImageExamples
from saccade.report.dataset_page import Checked, write_dataset_report


def prepare_images(
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
    assert block.size is not None and block.channels is not None and block.on_conflict != "keep"
    groups = groups_of(examples, split)
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
        splits_N = assign(examples, examples.labels, examples.classes, keys, split, seed, left_out=findings.left_out)
        _tell_near_duplicates(dataset, [set(splits_N[pair]) for pair in near], examples, split)
        description = write_prepared(folder, examples, splits_N, inspected=inspected, fit=block.fit, progress=progress)
        write_dataset_report(
            report,
            dataset,
            folder,
            description,
            Checked(examples, inspected, findings, splits_N),
            paths.views_address(dataset),
        )
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
    count = pluralise(len(apart), "pair")
    warn(f"{dataset}: {count} of pictures in two splits are nearly the same picture (see the report){remedy}")
