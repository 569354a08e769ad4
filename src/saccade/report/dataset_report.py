"""What preprocess shows of a dataset: one page to look at, the same facts as Markdown, and a picture of examples."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from saccade.figures import draw_series
from saccade.imbalance import constant_accuracy, is_imbalanced
from saccade.prepared import Description, Split, open_split
from saccade.report.checked import Checked
from saccade.report.choosing import rows_of_classes
from saccade.report.contact_sheets import draw_samples, embedded_png, plan_sheets, sheet_picture
from saccade.report.page import (
    Block,
    Cell,
    Code,
    Figure,
    Line,
    LinkedPicture,
    Name,
    Page,
    Section,
    Share,
    Sheet,
    Table,
    percent,
)
from saccade.report.rendering import to_html, to_markdown
from saccade.report.sizes import brightness, fit_line, sizes
from saccade.report.trouble import conflicts, exact_duplicates, leaks, left_out, near_duplicates
from saccade.spec import Spec

_SERIES = 6
_MOST_CLASSES = 200  # in the table of classes
_ENDS = 20  # of more classes: so many of the largest, and of the smallest


def write_dataset_report(
    folder: Path,
    name: str,
    prepared: Path,
    description: Description,
    checked: Checked | None = None,
    views_address: str | None = None,
) -> None:
    """Write report.html, summary.md and samples.png. The same data give the same bytes.

    Args:
        folder: an empty folder.
        name: of the dataset.
        prepared: the folder of its arrays.
        description: what they hold.
        checked: of images: what was found on the way.
        views_address: of images: where a sheet of their views will be, relative to ``folder``.
    """
    spec, train, samples = description.spec, open_split(prepared, "train"), folder / "samples.png"
    sections = [_prepared(description, checked)]
    if spec.kind == "image":
        draw_samples(train.examples, train.labels, spec.classes, samples)
        sections += [_class_balance(description), _class_sheets(description, train, checked)]
        if views_address is not None:
            sections.append(_views(views_address))
    else:
        draw_series(train.examples[:_SERIES], train.labels[:_SERIES], spec.targets, samples)
        figure = Figure(embedded_png(samples), Name("the first examples, with what is to be predicted"))
        sections.append(Section("samples", "Examples", blocks=[Sheet((figure.name.text,), [figure])]))
    if checked is not None:
        sections += [
            left_out(checked),
            conflicts(checked),
            leaks(checked),
            exact_duplicates(checked),
            near_duplicates(checked),
            sizes(checked, spec.shape),
            brightness(checked),
            _source_notes(checked.examples.notes),
        ]
    facts = [(split, f"{count:,}") for split, count in description.counts.items()]
    facts.append((spec.plural, " × ".join(map(str, spec.shape))))
    page = Page(Name(name), _lead(spec), facts, sections)
    (folder / "report.html").write_text(to_html(page), encoding="utf-8")
    (folder / "summary.md").write_text(to_markdown(page, samples.name), encoding="utf-8")


def _lead(spec: Spec) -> Line:
    if spec.classes:
        return (f"What the dataset looks like after preprocess: {spec.plural} of {len(spec.classes):,} classes.",)
    targets = (part for target in spec.targets for part in (", ", Name(target)))
    return (f"What the dataset looks like after preprocess: {spec.plural}, to predict: ", *list(targets)[1:], ".")


def _prepared(description: Description, checked: Checked | None) -> Section:
    spec = description.spec
    lines: list[Line] = []
    if spec.kind == "image":
        height, width, channels = spec.shape
        kind = "grey" if channels == 1 else "RGB"
        lines.append(
            (f"{height} × {width} pixels (height × width), {channels} channel{'s'[: channels - 1]} ({kind}).",)
        )
        if checked is not None:
            lines.append(fit_line(checked, spec.shape, spec.fit))
        columns = ["channel", "mean (0..1)", "standard deviation"]
        names = ["grey"] if channels == 1 else ["red", "green", "blue"]
    else:
        lines.append((f"{spec.shape[0]:,} steps of {spec.shape[1]} features.",))
        columns = ["feature", "mean", "standard deviation"]
        names = [str(i) for i in range(spec.shape[-1])]
    lines.append(("Of the training split, which normalises all three:",))
    rows = [
        (name, f"{mean:.4f}", f"{std:.4f}")
        for name, mean, std in zip(names, description.mean, description.std, strict=True)
    ]
    return Section("prepared", f"The prepared {spec.plural}", lines=lines, blocks=[Table(columns, rows)])


def _class_balance(description: Description) -> Section:
    classes, splits = description.spec.classes, list(description.counts)
    counts_K = np.array([description.class_counts[split] for split in splits]).sum(axis=0)
    order, lines = list(range(len(classes))), []
    if len(classes) > _MOST_CLASSES:
        by_size = np.argsort(-counts_K, kind="stable").tolist()
        order = by_size[:_ENDS] + by_size[-_ENDS:]
        lines.append((f"The table shows the {_ENDS} largest and the {_ENDS} smallest of {len(classes):,} classes.",))
    rows: list[list[Cell]] = []
    for k in order:
        count = int(counts_K[k])
        share = Share(count / max(int(counts_K.sum()), 1), count / max(int(counts_K.max()), 1))
        rows.append([Name(classes[k]), *(description.class_counts[split][k] for split in splits), count, share])
    blocks: list[Block] = [Table(["class", *splits, "all", "share"], rows)]
    result, balance = _balance(classes, description)
    is_fine = not is_imbalanced(description.class_counts["train"])
    return Section("classes", "Classes", result, is_fine, [*balance, *lines], blocks)


def _balance(classes: Sequence[str], description: Description) -> tuple[str, list[Line]]:
    """In a few words, and in full."""
    counts = description.class_counts["train"]
    if not is_imbalanced(counts):
        return "balanced", [("Balanced: no class has twice the training images of another.",)]
    least, most = counts.index(min(counts)), counts.index(max(counts))
    ratio = f"{counts[most] / counts[least]:.3g} : 1" if counts[least] else "some have none"
    return f"imbalanced, {ratio}", [
        (
            "Imbalanced: ",
            Name(classes[most]),
            f" has {counts[most]:,} training images, ",
            Name(classes[least]),
            f" has {counts[least]:,}. Always answering the largest class would be right for "
            f"{percent(constant_accuracy(description.class_counts['test']))} of the test split. Evaluation therefore "
            "reports balanced accuracy first: the mean over the classes of how much of each is recognised.",
        ),
        (
            "To make rare classes count as much as frequent ones in training: ",
            Code("train.class_weights: inverse"),
            " or ",
            Code("effective"),
            ", or ",
            Code("train.sampler: balanced"),
            ".",
        ),
    ]


def _class_sheets(description: Description, train: Split, checked: Checked | None) -> Section:
    spec = description.spec
    plan = plan_sheets(len(spec.classes), spec.shape)
    blocks: list[Block] = []
    for k, rows in zip(plan.classes, rows_of_classes(train.labels, plan.classes, plan.most), strict=True):
        names = [Name("") if checked is None else checked.name(int(train.rows[row])) for row in rows]
        figures = [
            Figure(sheet_picture(train.examples[row], plan.shrunk), name) for row, name in zip(rows, names, strict=True)
        ]
        blocks.append(
            Sheet((Name(spec.classes[k]), f": {len(rows):,} of {description.class_counts['train'][k]:,}"), figures)
        )
    lines: list[Line] = [("Training images of each class, as the network sees them, spread evenly over the class.",)]
    if plan.shrunk > 1:
        lines.append((f"Sides are divided by {plan.shrunk} here, to keep this page small.",))
    if len(plan.classes) < len(spec.classes):
        lines.append((f"{len(plan.classes)} of {len(spec.classes):,} classes are shown, spread evenly over all.",))
    return Section("sheets", "Examples of each class", lines=lines, blocks=blocks)


def _views(address: str) -> Section:
    about: Line = (
        "Training images as they are, as training sees them, and below that each transform alone, always applied. "
        "A view in which you do not see the class any more teaches the network something wrong. ",
        Code("saccade augment DATASET"),
        " draws this anew.",
    )
    without = "There is no such picture: no views are made of this dataset, or augment has not run."
    return Section("views", "Augmented views", lines=[about], blocks=[LinkedPicture(address, without)])


def _source_notes(notes: Sequence[str]) -> Section:
    title = "What the source left out"
    if not notes:
        return Section("notes", title, "nothing", lines=[("The source left out nothing.",)])
    told = Table(["as the source tells it"], [(Name(note),) for note in notes])
    return Section("notes", title, f"{len(notes):,} note{'s'[: len(notes) - 1]}", blocks=[told])
