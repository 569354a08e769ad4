"""The sections of the page of a dataset of images, in their order."""

from pathlib import Path

import numpy as np

from saccade.data.prepared import DatasetInfo, Split, open_split
from saccade.data.sampling import rows_of_classes, spread
from saccade.display.class_balance import class_balance
from saccade.display.labels import co_occurrence, target_values
from saccade.display.page import Code, Figure, Line, LinkedImage, Name, PageBlock, Section, Sheet
from saccade.display.prepared_values import prepared_values
from saccade.kinds.image.page.checked import Checked
from saccade.kinds.image.page.contact_sheets import draw_samples, plan_sheets, sheet_picture
from saccade.kinds.image.page.image_sizes import brightness, fit_line, sizes
from saccade.kinds.image.page.problems import conflicts, exact_duplicates, leaks, left_out, near_duplicates


def image_sections(
    info: DatasetInfo, prepared: Path, checked: Checked, samples: Path, views_address: str | None = None
) -> list[Section]:
    """All sections, in their order.

    Args:
        info: of the prepared arrays.
        prepared: their folder.
        checked: what was found on the way.
        samples: where to draw examples of each class, for whoever reads the Markdown.
        views_address: address of a sheet of augmented views, relative to the page; None: there will be none.

    Returns:
        Sections of a page.
    """
    spec, shape, train = info.spec, info.spec.shape, open_split(prepared, "train")
    if spec.classes:
        draw_samples(train.examples, train.labels, spec.classes, samples)
        about = [class_balance(info), _class_sheets(info, train, checked)]
        if spec.multilabel:
            about.insert(1, co_occurrence(spec.classes, train.labels))
    else:
        about = [target_values(info, checked.examples.labels, checked.splits), _example_sheet(info, train, checked)]
    return [
        _prepared(info, checked),
        *about,
        *([] if views_address is None else [_views(views_address)]),
        left_out(checked),
        conflicts(checked),
        leaks(checked),
        exact_duplicates(checked),
        near_duplicates(checked),
        sizes(checked, shape),
        brightness(checked),
    ]


def _prepared(info: DatasetInfo, checked: Checked) -> Section:
    height, width, channels = info.spec.shape
    colors = "grey" if channels == 1 else "RGB"
    lines: list[Line] = [
        (f"{height} × {width} pixels (height × width), {channels} channel{'s'[: channels - 1]} ({colors}).",),
        fit_line(checked, info.spec.shape, info.spec.fit),
    ]
    names = ["grey"] if channels == 1 else ["red", "green", "blue"]
    return prepared_values(info, lines, names, titles=("channel", "mean (0..1)", "standard deviation"))


def _class_sheets(info: DatasetInfo, train: Split, checked: Checked) -> Section:
    spec = info.spec
    plan = plan_sheets(len(spec.classes), spec.shape)
    blocks: list[PageBlock] = []
    for k, rows in zip(plan.classes, rows_of_classes(train.labels, plan.classes, plan.most), strict=True):
        names = [checked.name(int(train.rows[row])) for row in rows]
        figures = [
            Figure(sheet_picture(train.examples[row], plan.shrunk), name) for row, name in zip(rows, names, strict=True)
        ]
        blocks.append(Sheet((Name(spec.classes[k]), f": {len(rows):,} of {info.class_counts['train'][k]:,}"), figures))
    lines: list[Line] = [("Training images of each class, as the network sees them, spread evenly over the class.",)]
    if plan.shrunk > 1:
        lines.append((f"Sides are divided by {plan.shrunk} here, to keep this page small.",))
    if len(plan.classes) < len(spec.classes):
        lines.append((f"{len(plan.classes)} of {len(spec.classes):,} classes are shown, spread evenly over all.",))
    return Section("sheets", "Examples of each class", lines=lines, blocks=blocks)


def _example_sheet(info: DatasetInfo, train: Split, checked: Checked) -> Section:
    """Training images in the order of the first number, from the least to the greatest."""
    plan = plan_sheets(1, info.spec.shape)
    figures = []
    for row in spread(np.argsort(train.labels[:, 0], kind="stable"), plan.most):
        source_row = int(train.rows[row])
        picture = sheet_picture(train.examples[row], plan.shrunk)
        figures.append(Figure(picture, checked.name(source_row), (checked.class_name(source_row),)))
    title: Line = ("By ", Name(info.spec.targets[0]), ", from the least to the greatest")
    lines: list[Line] = [("Training images as the network sees them, spread evenly over their numbers.",)]
    return Section("sheets", "Examples", lines=lines, blocks=[Sheet(title, figures)])


def _views(address: str) -> Section:
    about: Line = (
        "Training images as they are, as training sees them, and below that each transform alone, always applied. "
        "A view in which you do not see the class any more teaches the network something wrong. ",
        Code("saccade augment DATASET"),
        " draws this anew.",
    )
    without = "There is no such picture: no views are made of this dataset, or augment has not run."
    return Section("views", "Augmented views", lines=[about], blocks=[LinkedImage(address, without)])
