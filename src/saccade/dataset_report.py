"""What preprocess shows of a dataset: counts as Markdown, and a picture of examples."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from saccade.figures import draw_series
from saccade.prepared import Description, open_split
from saccade.spec import Spec

_SAMPLES = 10  # a class
_SERIES = 6
_LEAST_SIDE = 48  # pixels at which an example is shown, at least
_MARGIN = 6


def write_dataset_report(folder: Path, name: str, prepared: Path, description: Description) -> None:
    """Write summary.md and samples.png.

    Args:
        folder: an empty folder.
        name: of the dataset.
        prepared: the folder of its arrays.
        description: what they hold.
    """
    spec = description.spec
    train = open_split(prepared, "train")
    if spec.kind == "image":
        rows = [np.flatnonzero(train.labels == k)[:_SAMPLES] for k in range(len(spec.classes))]
        _draw_samples([train.examples[row] for row in rows], spec.classes, folder / "samples.png")
    else:
        draw_series(train.examples[:_SERIES], train.labels[:_SERIES], spec.targets, folder / "samples.png")
    (folder / "summary.md").write_text("\n".join(_summary(name, description)) + "\n", encoding="utf-8")


def _summary(name: str, description: Description) -> list[str]:
    spec, splits = description.spec, list(description.counts)
    head = ["class" if spec.classes else "", *splits]
    rows = [(name, [description.class_counts[s][k] for s in splits]) for k, name in enumerate(spec.classes)]
    rows.append(("all", [description.counts[split] for split in splits]))
    return [
        f"# {name}",
        "",
        f"{spec.plural} of {'x'.join(map(str, spec.shape))}, {_asked_for(spec)}. Training split: "
        f"mean {_numbers(description.mean)}, standard deviation {_numbers(description.std)}"
        f"{' (0..1)' if spec.kind == 'image' else ''}.",
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {name} | {' | '.join(f'{count:,}' for count in counts)} |" for name, counts in rows),
        "",
        f"![{'examples of each class' if spec.classes else 'the first examples'}](samples.png)",
    ]


def _asked_for(spec: Spec) -> str:
    return f"{len(spec.classes)} classes" if spec.classes else f"to predict: {', '.join(spec.targets)}"


def _numbers(values: list[float]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)


def _draw_samples(images_K: list[np.ndarray], classes: Sequence[str], path: Path) -> None:
    """One row a class: its name, then its first training examples, enlarged by whole pixels where they are small."""
    from PIL import Image, ImageDraw, ImageFont

    height, width = images_K[0].shape[1:3]
    zoom = max(1, -(-_LEAST_SIDE // min(height, width)))
    font = ImageFont.load_default(size=16)
    names = [name if len(name) <= 24 else name[:23] + "..." for name in classes]
    label_width = int(max(font.getlength(name) for name in names)) + 2 * _MARGIN
    step_y, step_x = height * zoom + _MARGIN, width * zoom + _MARGIN
    sheet = Image.new("RGB", (label_width + _SAMPLES * step_x + _MARGIN, len(classes) * step_y + _MARGIN), "white")
    pen = ImageDraw.Draw(sheet)
    for k, (name, images_NHWC) in enumerate(zip(names, images_K, strict=True)):
        top = _MARGIN + k * step_y
        pen.text((_MARGIN, top + height * zoom // 2), name, fill="black", font=font, anchor="lm")
        for n, image_HWC in enumerate(images_NHWC):
            flat = image_HWC[..., 0] if image_HWC.shape[2] == 1 else image_HWC
            big = Image.fromarray(flat).resize((width * zoom, height * zoom), Image.Resampling.NEAREST)
            sheet.paste(big.convert("RGB"), (label_width + n * step_x, top))
    sheet.save(path)
