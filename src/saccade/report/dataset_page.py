"""What preprocess shows of a dataset: one page to look at, the same facts as Markdown, and a picture of examples."""

from collections.abc import Sequence
from pathlib import Path

from saccade.data.prepared import Description, Split, open_split
from saccade.data.sampling import rows_of_classes
from saccade.data.spec import Spec, targets_of_names
from saccade.display.class_balance import class_balance
from saccade.display.figures import draw_series
from saccade.display.page import Code, Figure, Line, LinkedImage, Name, Page, PageBlock, Section, Sheet, Table
from saccade.kinds.image.page.checked import Checked
from saccade.kinds.image.page.contact_sheets import draw_samples, embedded_png, plan_sheets, sheet_picture
from saccade.kinds.image.page.image_sizes import brightness, fit_line, sizes
from saccade.kinds.image.page.problems import conflicts, exact_duplicates, leaks, left_out, near_duplicates
from saccade.kinds.series.forecast_windows import ForecastData
from saccade.kinds.series.page.checked import CheckedSeries
from saccade.kinds.series.page.forecasts import forecast_sections
from saccade.kinds.series.page.labelled_series import labelled_series_sections
from saccade.kinds.tokens.page.checked import CheckedStream, CheckedTexts
from saccade.kinds.tokens.page.labelled_texts import text_sections
from saccade.kinds.tokens.page.long_text import stream_sections
from saccade.report.rendering import to_html, to_markdown

_SERIES = 6


def write_dataset_report(
    folder: Path,
    name: str,
    prepared: Path,
    description: Description,
    checked: Checked | CheckedTexts | CheckedStream | CheckedSeries | ForecastData | None = None,
    views_address: str | None = None,
) -> None:
    """Write report.html and summary.md; of what can be seen, samples.png. The same data give the same bytes.

    Args:
        folder: an empty folder.
        name: of the dataset.
        prepared: the folder of its arrays.
        description: what they hold.
        checked: what was found on the way; None of what was generated.
        views_address: of images: where a sheet of their views will be, relative to ``folder``.
    """
    spec, picture = description.spec, None
    if isinstance(checked, CheckedTexts):
        sections = text_sections(description, prepared, checked)
    elif isinstance(checked, CheckedStream):
        sections = stream_sections(description, prepared, checked)
    elif isinstance(checked, ForecastData):
        picture = folder / "samples.png"
        sections = forecast_sections(description, prepared, checked, picture)
    elif isinstance(checked, CheckedSeries):
        picture = folder / "samples.png"
        sections = labelled_series_sections(description, prepared, checked, picture)
    elif spec.kind == "image":
        picture = folder / "samples.png"
        sections = _image_sections(description, open_split(prepared, "train"), checked, picture, views_address)
    else:
        picture = folder / "samples.png"
        sections = _series_sections(description, open_split(prepared, "train"), picture)
    if checked is not None:
        sections.append(_source_notes(checked.notes))
    facts = [(split, f"{count:,}") for split, count in description.counts.items()]
    things = "windows" if spec.answers == "each_step" or spec.horizon else spec.plural
    facts.append((things, " × ".join(map(str, spec.shape)) + f" {spec.unit}" * bool(spec.unit)))
    page = Page(Name(name), _lead(spec), facts, sections)
    (folder / "report.html").write_text(to_html(page), encoding="utf-8")
    (folder / "summary.md").write_text(to_markdown(page, None if picture is None else picture.name), encoding="utf-8")


def _image_sections(
    description: Description, train: Split, checked: Checked | None, picture: Path, views_address: str | None
) -> list[Section]:
    shape, classes = description.spec.shape, description.spec.classes
    draw_samples(train.examples, train.labels, classes, picture)
    sections = [_prepared(description, checked), class_balance(description), _class_sheets(description, train, checked)]
    if views_address is not None:
        sections.append(_views(views_address))
    if checked is not None:
        sections += [
            left_out(checked),
            conflicts(checked),
            leaks(checked),
            exact_duplicates(checked),
            near_duplicates(checked),
            sizes(checked, shape),
            brightness(checked),
        ]
    return sections


def _series_sections(description: Description, train: Split, picture: Path) -> list[Section]:
    draw_series(train.examples[:_SERIES], train.labels[:_SERIES], description.spec.targets, picture)
    figure = Figure(embedded_png(picture), Name("the first examples, with what is to be predicted"))
    shown = Section("samples", "Examples", blocks=[Sheet((figure.name.text,), [figure])])
    return [_prepared(description, None), shown]


def _lead(spec: Spec) -> Line:
    if spec.answers == "each_step":
        return (f"What the text looks like after preprocess: windows of {spec.unit}, each asked for what comes next.",)
    if spec.classes:
        return (f"What the dataset looks like after preprocess: {spec.plural} of {len(spec.classes):,} classes.",)
    if spec.horizon:
        targets = (part for name in targets_of_names(spec.targets, spec.horizon) for part in (", ", Name(name)))
        ahead = f" {spec.horizon:,} steps of {spec.step} ahead."
        return (
            "What the dataset looks like after preprocess: windows of a series, to forecast ",
            *list(targets)[1:],
            ahead,
        )
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
        names = list(spec.features)
    lines.append(("Of the training split, which normalises all three:",))
    rows = [
        (Name(name), f"{mean:.4f}", f"{std:.4f}")
        for name, mean, std in zip(names, description.mean, description.std, strict=True)
    ]
    return Section("prepared", f"The prepared {spec.plural}", lines=lines, blocks=[Table(columns, rows)])


def _class_sheets(description: Description, train: Split, checked: Checked | None) -> Section:
    spec = description.spec
    plan = plan_sheets(len(spec.classes), spec.shape)
    blocks: list[PageBlock] = []
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
    return Section("views", "Augmented views", lines=[about], blocks=[LinkedImage(address, without)])


def _source_notes(notes: Sequence[str]) -> Section:
    title = "What the source left out"
    if not notes:
        return Section("notes", title, "nothing", lines=[("The source left out nothing.",)])
    told = Table(["as the source tells it"], [(Name(note),) for note in notes])
    return Section("notes", title, f"{len(notes):,} note{'s'[: len(notes) - 1]}", blocks=[told])
