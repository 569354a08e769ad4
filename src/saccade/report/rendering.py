"""A report as one HTML page and as Markdown, from the same sections, so that they cannot disagree.

Names are shown harmlessly in both, whatever they hold.
"""

import re
import unicodedata
from pathlib import Path
from typing import Any

from saccade.display.page import Cell, Chart, Code, Gallery, Line, LinkedImage, Name, Page, Share, Sheet, Table, Text

_TEMPLATE = Path(__file__).with_name("rendering.html.j2")
# What Markdown, its tables, formulas and links are made of; a backslash before punctuation takes its meaning from it.
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>&|~#!$@]|:(?=\S)|(?<=www)\.", re.IGNORECASE)
_RIGHT_TO_LEFT = ("R", "AL", "AN")


def to_html(page: Page) -> str:
    """One page without scripts, which needs nothing beside itself but a ``LinkedImage``: pictures are inside."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"inline": _inline_html}
    for kind in (Table, Gallery, Sheet, LinkedImage, Chart, Share):
        environment.tests[kind.__name__] = lambda value, kind=kind: isinstance(value, kind)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(page=page) + "\n"


def _inline_html(line: Line | Cell) -> Any:
    from markupsafe import Markup

    made = Markup()
    for part in line if isinstance(line, tuple) else (line,):
        if isinstance(part, Name):
            made += Markup('<bdi class="name">{}</bdi>').format(part.escaped)
        elif isinstance(part, Code):
            made += Markup("<code>{}</code>").format(part.text)
        else:
            made += _plain(part)
    return made


def _plain(cell: str | int | Share) -> str:
    if isinstance(cell, Share):
        return cell.label
    return f"{cell:,}" if isinstance(cell, int) else cell


def to_markdown(page: Page, picture: str | None) -> str:
    """The same facts for GitHub and MLflow.

    Args:
        page: the report.
        picture: a file beside it that shows examples; None: there is none.

    Returns:
        The text of a ``.md`` file.
    """
    lines = [f"# {in_markdown((page.title,))}", "", in_markdown(page.lead), ""]
    lines += _table_lines(Table(["", ""], [(what, value) for what, value in page.facts]))
    judged = [section for section in page.sections if section.result]
    if judged:
        rows = [(section.title, section.result, "" if section.is_fine else "look") for section in judged]
        lines += ["", *_table_lines(Table(["checked", "found", ""], rows))]
    if picture is not None:
        lines += ["", f"![examples]({picture})"]
    for section in page.sections:
        lines += ["", f"## {section.title}"]
        for line in section.lines:
            lines += ["", in_markdown(line)]
        for block in section.blocks:
            if isinstance(block, Table):
                lines += ["", *_table_lines(block)]
            elif isinstance(block, Gallery):
                lines += ["", *_table_lines(_captions(block))]
            elif isinstance(block, LinkedImage):
                lines += ["", f"![{block.without}]({block.address})"]
    return "\n".join(lines) + "\n"


def in_markdown(line: Line) -> str:
    """Text with the untrusted parts made plain, in a paragraph or a cell."""
    return "".join(_part_in_markdown(part) for part in line)


def _part_in_markdown(part: Text) -> str:
    if isinstance(part, Code):
        return f"`{part.text}`"
    if isinstance(part, str):
        return part
    text = _MARKDOWN.sub(r"\\\g<0>", part.escaped)
    if any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in text):
        return f"\u2068{text}\u2069"  # an isolate: what stands around it keeps its order
    return text


def _table_lines(table: Table) -> list[str]:
    def cell(value: Cell) -> str:
        return _part_in_markdown(value) if isinstance(value, Name | Code) else _plain(value)

    ruler = "|".join("---:" if is_number else "---" for is_number in table.is_number)
    rows = [f"| {' | '.join(map(cell, row))} |" for row in table.rows]
    return [f"| {' | '.join(table.head)} |", f"|{ruler}|", *rows]


def _captions(gallery: Gallery) -> Table:
    """A row a group, for where pictures cannot go."""
    most = max(len(group.figures) for group in gallery.groups)
    has_notes = any(group.note for group in gallery.groups)
    rows = []
    for group in gallery.groups:
        captions = [in_markdown((figure.name, " (", *figure.about, ")")) for figure in group.figures]
        rows.append([*captions, *[""] * (most - len(captions)), *[group.note] * has_notes])
    return Table([gallery.title, *[""] * (most - 1 + has_notes)], rows)
