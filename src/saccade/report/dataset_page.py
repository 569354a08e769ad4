"""The page of a prepared dataset: to look at, the same facts as Markdown, from the sections that its kind gave."""

from collections.abc import Sequence
from pathlib import Path

from saccade.core.files import write_json
from saccade.core.messages import printable
from saccade.data.spec import Spec
from saccade.display.page import Line, Name, Page, Section, Table
from saccade.kinds import Prepared
from saccade.report.rendering import to_html, to_markdown

SAMPLES = "samples.png"
"""What a picture of examples is called, which the kind may have drawn beside the page."""

FINDINGS = "findings.json"
"""What was checked: a list of title, result and whether it is fine, which the pages of runs repeat."""

_MAX_CLASSES, _MAX_NAME = 8, 24  # names of classes in a line, and letters of each


def write_dataset_page(folder: Path, name: str, prepared: Prepared) -> None:
    """Write report.html, summary.md and findings.json: what was checked. The same data give the same bytes.

    Args:
        folder: where a picture of examples lies already, if there is one.
        name: name of the dataset.
        prepared: what its kind gave.
    """
    spec, sections = prepared.info.spec, list(prepared.sections)
    if prepared.notes is not None:
        sections.append(_source_notes(prepared.notes))
    facts = [(split, f"{count:,}") for split, count in prepared.info.counts.items()]
    shape = " × ".join(map(str, spec.shape)) + f" {spec.shape_unit}" * bool(spec.shape_unit)
    facts.append((prepared.things or spec.plural, shape))
    page = Page(Name(name), prepared.lead or _lead(spec), facts, sections)
    samples = SAMPLES if (folder / SAMPLES).exists() else None
    (folder / "report.html").write_text(to_html(page), encoding="utf-8")
    (folder / "summary.md").write_text(to_markdown(page, samples), encoding="utf-8")
    judged = [section for section in sections if section.result]
    findings = [{"title": one.title, "result": one.result, "is_fine": one.is_fine} for one in judged]
    write_json(folder / FINDINGS, findings)


def asks(prepared: Prepared) -> str:
    """What is predicted, in a few words: the names of classes, of many the first ones."""
    spec = prepared.info.spec
    several = ", several or none an example" if spec.multilabel else ""
    said = f"{len(spec.classes)} classes{several}" if spec.classes else f"to predict: {', '.join(spec.targets)}"
    if prepared.asks or not spec.classes:
        return prepared.asks or said
    names = [_shortened(name) for name in spec.classes[:_MAX_CLASSES]]
    more = ", ..." if len(spec.classes) > _MAX_CLASSES else ""
    return f"{said} ({', '.join(names)}{more})"


def _shortened(name: str) -> str:
    shown = printable(name)
    return shown if len(shown) <= _MAX_NAME else f"{shown[: _MAX_NAME - 3]}..."


def _lead(spec: Spec) -> Line:
    opening = f"What the dataset looks like after preprocess: {spec.plural}"
    if spec.classes:
        several = ", of which each may have several or none" if spec.multilabel else ""
        return (f"{opening} of {len(spec.classes):,} classes{several}.",)
    targets = (part for target in spec.targets for part in (", ", Name(target)))
    return (f"{opening}, to predict: ", *list(targets)[1:], ".")


def _source_notes(notes: Sequence[str]) -> Section:
    title = "What the source left out"
    if not notes:
        return Section("notes", title, "nothing", lines=[("The source left out nothing.",)])
    told = Table(["as the source tells it"], [(Name(note),) for note in notes])
    return Section("notes", title, f"{len(notes):,} note{'s'[: len(notes) - 1]}", blocks=[told])
