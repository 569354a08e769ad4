"""A sheet of what a list of transforms does to images: views of some examples, then each transform alone.

Shapes: H height, W width, C channels.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from saccade.augment.policies import resolve_transforms
from saccade.core.files import replacing_file
from saccade.data.prepared import Split
from saccade.data.sampling import rows_of_classes, spread
from saccade.transforms.albumentations_adapter import NESTING, apply_transforms, build, colors_for, walk_transforms
from saccade.transforms.views import ViewMaker

_MIN_SIDE = 64  # pixels at which an image is shown, at least
_MAX_SIDE = 128
_MARGIN = 6
_MAX_LABEL_CHARACTERS = 16  # characters
_MAX_VIEWS = 8
_DEFAULT_VIEWS = 6  # where none are stored


@dataclass(frozen=True)
class SheetRow:
    """One row of a sheet.

    Attributes:
        label: name of its class.
        image: uint8 (H, W, C).
        index: position in the training split, from 0.
    """

    label: str
    image: np.ndarray
    index: int


@dataclass(frozen=True)
class PreviewSheet:
    """What is drawn: a row an example.

    Attributes:
        examples: the rows.
        parts: title and columns of each part; a column is a heading and an image a row.
    """

    examples: Sequence[SheetRow]
    parts: Sequence[tuple[str, Sequence[tuple[str, Sequence[np.ndarray]]]]]


def draw_preview(
    path: Path,
    dataset: str,
    split: Split,
    classes: Sequence[str],
    transforms: str | Sequence[dict[str, Any]],
    *,
    views: int,
    seed: int,
    include_original: bool,
    is_padded: bool = False,
    rows: int = 10,
) -> None:
    """Draw what augmentation does to a training split, on examples spread over the classes.

    Args:
        path: the PNG to write.
        dataset: name of the dataset.
        split: images, uint8 (N, H, W, C).
        classes: their names; none where numbers are to be predicted.
        transforms: the name of a policy, or names and arguments; one at least.
        views: number of stored views: the first of them are shown, and a few where none are.
        seed: seed of the whole augmentation.
        include_original: whether view 0 is the images as they are.
        is_padded: whether columns of 0 stand right of narrower images, which no view touches.
        rows: examples, at most; of more classes than that, some are shown.

    Raises:
        UserError: a transform refuses its arguments or the images.
    """
    if classes:
        shown = spread(np.arange(len(classes)), rows).tolist()
        by_class = rows_of_classes(np.asarray(split.labels), shown, max(1, rows // len(shown)))
        chosen = [(classes[k], int(row)) for k, found in zip(shown, by_class, strict=True) for row in found]
    else:
        chosen = [(f"example {row}", int(row)) for row in spread(np.arange(len(split.examples)), rows)]
    height, width = split.examples.shape[1:3]
    transform_list = resolve_transforms(transforms, height=height, width=width)
    sheet = make_sheet(
        [SheetRow(label, np.array(split.examples[row]), row) for label, row in chosen],
        transform_list,
        colors_for(transform_list, split.examples),
        views=min(views or _DEFAULT_VIEWS, _MAX_VIEWS),
        seed=seed,
        include_original=include_original,
        is_padded=is_padded,
    )
    draw_sheet(sheet, f"{dataset}: {transforms if isinstance(transforms, str) else 'transforms of params.yaml'}", path)


def make_sheet(
    examples: Sequence[SheetRow],
    transforms: Sequence[Mapping[str, Any]],
    colors: np.ndarray | None,
    *,
    views: int,
    seed: int,
    include_original: bool = False,
    is_padded: bool = False,
) -> PreviewSheet:
    """Make the views, by the function that makes the stored ones, and apply each transform alone.

    Args:
        examples: the rows.
        transforms: names and arguments.
        colors: principal colours from ``colors_for``; None where no transform asks for them.
        views: number of views.
        seed: seed of the whole augmentation; the views are those that would be stored.
        include_original: whether view 0 is the images as they are.
        is_padded: whether columns of 0 stand right of narrower images.

    Returns:
        The original and the views; the original and each transform alone, always applied. A transform that changes the
        size is shown together with those that follow until it is back.

    Raises:
        UserError: a transform refuses its arguments or the images.
    """
    make = ViewMaker(build(transforms, colors), seed, include_original, is_padded)
    original = ("original", [example.image for example in examples])
    columns = [
        (f"view {view}", [make(example.image, view=view, index=example.index) for example in examples])
        for view in range(views)
    ]
    alone = []
    for group in _groups(transforms, colors, examples[0].image):
        make = ViewMaker(build(group, colors), seed, is_padded=is_padded)
        images = [make(example.image, view=0, index=example.index) for example in examples]
        alone.append((" + ".join(transform["name"] for transform in group), images))
    parts = [("views", [original, *columns])]
    return PreviewSheet(
        examples, [*parts, ("each transform alone, always applied", [original, *alone])] if alone else parts
    )


def _groups(
    transforms: Sequence[Mapping[str, Any]], colors: np.ndarray | None, image_HWC: np.ndarray
) -> list[list[dict[str, Any]]]:
    """Each transform by itself, the nested ones too; one that changes the size together with what follows."""
    groups: list[list[dict[str, Any]]] = []
    restoring: list[Mapping[str, Any]] = []  # shown already, behind what changed the size
    for transform, following in _leaves(transforms):
        if any(transform is one for one in restoring):
            continue
        group = [_always(transform)]
        image = apply_transforms(build(group, colors), image_HWC)
        for one in following:
            if image.shape == image_HWC.shape:
                break
            restoring += [inner for _, inner in walk_transforms([one])]
            group.append(_always(one))
            image = apply_transforms(build(group[-1:], colors), image)
        groups.append(group)
    return groups


def _leaves(
    transforms: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]] = ()
) -> Iterator[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Each transform that holds no others, and what is applied after it: of a choice, nothing of the other branches."""
    for i, transform in enumerate(transforms):
        following = [*transforms[i + 1 :], *after]
        if transform["name"] not in NESTING:
            yield transform, following
        elif transform["name"] == "Sequential":
            yield from _leaves(transform["transforms"], following)
        else:
            for branch in transform["transforms"]:
                yield from _leaves([branch], following)


def _always(transform: Mapping[str, Any]) -> dict[str, Any]:
    """The transform with certainty; of a choice one branch."""
    always = {**transform, "p": 1.0}
    if transform["name"] == "Sequential":
        always["transforms"] = [_always(inner) for inner in transform["transforms"]]
    return always


def draw_sheet(sheet: PreviewSheet, title: str, path: Path) -> None:
    """Draw a sheet.

    Args:
        sheet: sheet to draw.
        title: title over it.
        path: the PNG to write.
    """
    from PIL import Image, ImageDraw, ImageFont

    height, width = sheet.examples[0].image.shape[:2]
    enlarged = max(1, -(-_MIN_SIDE // max(height, width)))
    shrunk = max(1, -(-max(height, width) // _MAX_SIDE))
    cell_h, cell_w = (max(1, side * enlarged // shrunk) for side in (height, width))
    font, bold = ImageFont.load_default(size=11), ImageFont.load_default(size=15)
    labels = [example.label[:_MAX_LABEL_CHARACTERS] for example in sheet.examples]
    left = int(max(font.getlength(label) for label in labels)) + 2 * _MARGIN
    headings = [[_wrapped(heading) for heading, _ in columns] for _, columns in sheet.parts]
    widths = [
        [max(cell_w, *(int(font.getlength(line)) for line in lines)) + _MARGIN for lines in row] for row in headings
    ]
    heads = [max(len(lines) for lines in row) * 13 + 34 for row in headings]  # a title, then lines of 13 pixels
    rows_h = len(sheet.examples) * (cell_h + _MARGIN)
    across = max(left + max(map(sum, widths)), int(bold.getlength(title)) + _MARGIN) + _MARGIN
    sides = (across, 30 + sum(heads) + len(heads) * rows_h)
    mode = "L" if sheet.examples[0].image.shape[2] == 1 else "RGB"
    sheet_image = Image.new(mode, sides, "white")
    pen = ImageDraw.Draw(sheet_image)
    pen.text((_MARGIN, _MARGIN), title, fill="black", font=bold)
    top = 30
    for (name, columns), row, row_widths, head in zip(sheet.parts, headings, widths, heads, strict=True):
        pen.text((_MARGIN, top + 4), name, fill="black", font=bold)
        for n, label in enumerate(labels):
            middle = top + head + n * (cell_h + _MARGIN) + cell_h // 2
            pen.text((_MARGIN, middle), label, fill="black", font=font, anchor="lm")
        x = left
        for (_, images), lines, column_w in zip(columns, row, row_widths, strict=True):
            pen.text((x, top + 26), "\n".join(lines), fill="black", font=font, spacing=2)
            for n, image in enumerate(images):
                shown = Image.fromarray(np.ascontiguousarray(image[..., 0] if image.shape[2] == 1 else image))
                way = Image.Resampling.NEAREST if shrunk == 1 else Image.Resampling.BILINEAR
                sheet_image.paste(shown.resize((cell_w, cell_h), way), (x, top + head + n * (cell_h + _MARGIN)))
            x += column_w
        top += head + rows_h
    with replacing_file(path) as partial:
        sheet_image.save(partial, "PNG", optimize=True)


def _wrapped(heading: str) -> list[str]:
    """A heading on several short lines: the words of RandomBrightnessContrast are three.

    >>> _wrapped("Pad + RandomCrop"), _wrapped("view 0")
    (['Pad +', 'Random', 'Crop'], ['view 0'])
    """
    words = re.findall(r"[A-Z]+(?![a-z])\d*(?: \+)?|[A-Z][a-z0-9]+(?: \+)?", heading)
    return words or [heading]
