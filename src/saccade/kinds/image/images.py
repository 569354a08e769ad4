"""Labelled images: decode once, compare all with all, split, write."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import numpy as np

from saccade.core.errors import UserError
from saccade.core.messages import pluralise, printable
from saccade.core.options import Between, Example, Length
from saccade.data.prepared import DatasetInfo
from saccade.kinds import Job, Prepared
from saccade.kinds.image.arrays import image_arrays, say_scale, sides_of, with_scale
from saccade.kinds.image.checks.decode_pass import inspect_images
from saccade.kinds.image.checks.findings import examine, require_sound_images
from saccade.kinds.image.page.checked import Checked
from saccade.kinds.image.page.sections import image_sections
from saccade.kinds.image.pixels.grey_levels import Wanted
from saccade.kinds.origins import write_origins
from saccade.prepare.arrays import rows_of_splits, write_arrays
from saccade.prepare.groups import group_keys
from saccade.prepare.split_settings import SplitSettings, assign, group_names
from saccade.readers.examples import ImageExamples

SPLIT = ("group_near_duplicates", "allow_leakage", "group_by", "folds", "fold", "train_fraction")


def prepare(
    examples: ImageExamples,
    job: Job,
    *,
    size: Annotated[list[Annotated[int, Between(1, 4096)]], Length(2), Example("[32, 32]")],
    channels: Annotated[Literal[1, 3], Example("1")],
    fit: Literal["stretch", "crop", "pad"] = "stretch",
    on_unreadable: Literal["error", "quarantine"] = "error",
    on_conflict: Literal["error", "quarantine"] = "error",
    near_duplicates: bool = True,
    value_range: Annotated[list[float], Length(2)] | Literal["found", "type"] = "found",
) -> Prepared:
    """Decode once, compare all with all, split, write; stop before anything is written where the data are not sound.

    Args:
        examples: images of a source.
        job: folders and splits.
        size: height and width in pixels
        channels: 1: grey, 3: RGB
        fit: images of other proportions: stretch the sides, crop the middle, or pad with black
        on_unreadable: files that are no whole images: stop, or leave them out and list them
        on_conflict: the same image under several classes: stop, or leave all its copies out and list them
        near_duplicates: search for images that are nearly the same, and report them
        value_range: values that become black and white where a picture holds more than 8 bits: [low, high], before
            what a file says of itself; found: the least full number of bits that holds all values, 0 to 1 for such
            floats, else the least and the largest value; type: the range of the type

    Returns:
        What was written, and the sections of its page.

    Raises:
        UserError: something is wrong with the images that nobody has decided about, or a split is empty.
    """
    groups = group_names(job.split, examples.groups, examples.paths or examples.names)
    limits = _checked_limits(value_range)
    with TemporaryDirectory(dir=job.folder) as scratch:
        inspected = inspect_images(
            examples,
            Path(scratch),
            size=(size[0], size[1]),
            channels=channels,
            fit=fit,
            value_range=limits,
            progress=job.progress,
        )
        notes = [*examples.notes, *examples.warnings, *say_scale(inspected, job)]
        if inspected.several:
            such = printable(examples.name(inspected.several[0]))
            files = pluralise(len(inspected.several), "file")
            job.say(f"{files} of several frames, such as {such}: the first of each is taken")
        examples = with_scale(examples, inspected)
        findings = examine(
            examples,
            inspected,
            published=job.split.published(examples.published_splits),
            groups=groups,
            with_near=near_duplicates,
            progress=job.progress,
        )
        for note in require_sound_images(
            examples,
            findings,
            on_unreadable=on_unreadable,
            on_conflict=on_conflict,
            allow_leakage=job.split.allow_leakage,
        ):
            job.warn(note)
        near = [[pair.first, pair.second] for pair in findings.near or []]
        keys = group_keys(groups or examples.ids, findings.equal + near * job.split.group_near_duplicates)
        labels, classes = examples.labels, examples.classes
        if examples.targets:  # numbers: all are of one class
            labels, classes = np.zeros(len(labels), dtype=np.int64), ("all",)
        splits_N = assign(
            job.split,
            labels,
            classes,
            keys,
            published=examples.published_splits,
            left_out=findings.left_out,
            small_class_remedy=examples.small_class_option,
        )
        _warn_of_near_duplicates([set(splits_N[pair]) for pair in near], examples, job)
        builder, rows_of = image_arrays(examples, inspected, fit), rows_of_splits(splits_N)
        info = write_arrays(job.folder, builder, rows_of, job.progress, groups=groups)
        name = examples.name if examples.names else None
        write_origins(job.folder, rows_of, name=name, groups=groups, measures=sides_of(inspected))
        _warn_of_missing_classes(info, job)
        checked = Checked(examples, inspected, findings, splits_N)
        sections = image_sections(info, job.folder, checked, job.samples, job.views_address)
    return Prepared(info, sections, notes=notes)


def _checked_limits(value_range: list[float] | Literal["found", "type"]) -> Wanted:
    if isinstance(value_range, str):
        return value_range
    low, high = value_range
    if not low < high:
        raise UserError(f"preprocess.value_range ([{low:g}, {high:g}]) must begin with the smaller value")
    return low, high


def _warn_of_missing_classes(info: DatasetInfo, job: Job) -> None:
    """Of several classes an example, one may be too rare to be in every split."""
    if not info.spec.multilabel:
        return
    for split, lost in (("validation", "its threshold stays 0.5"), ("test", "nothing is measured of it")):
        missing = [name for name, n in zip(info.spec.classes, info.class_counts[split], strict=True) if n == 0]
        if missing and info.counts[split]:
            names = ", ".join(map(repr, missing[:5])) + (f" and {len(missing) - 5:,} more" if len(missing) > 5 else "")
            job.warn(f"no picture of the {split} split has {names}: {lost}")


def _warn_of_near_duplicates(splits_of_pairs: Sequence[set[str]], examples: ImageExamples, job: Job) -> None:
    apart = [splits for splits in splits_of_pairs if len(splits - {""}) > 1]
    if not apart:
        return
    published = _published(examples, job.split)
    ours = sum(not splits & published for splits in apart)
    remedy = f"; split.group_near_duplicates: true keeps {ours:,} of them together" if ours else ""
    count = pluralise(len(apart), "pair")
    looks = "one picture saved twice, one thing photographed again, or plain things that look alike"
    job.warn(f"{count} of pictures in two splits look nearly the same: {looks} (see the report){remedy}")


def _published(examples: ImageExamples, split: SplitSettings) -> set[str]:
    """Names of the splits that are as published, and that we cannot change."""
    return set(split.published(examples.published_splits) or ()) - {"train"}
