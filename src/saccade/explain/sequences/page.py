"""A page of explained examples that needs no other file: texts with colours, figures of series, numbers in tables."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from saccade.core.files import replacing_file
from saccade.display.embedded import data_uri
from saccade.explain.sequences.coloured_text import ColouredText, as_html, largest_of

_CSS = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2.2rem; border-top: 1px solid #ddd; padding-top: 1rem; }
h3 { font-size: 1rem; margin-bottom: .3rem; font-weight: 600; }
p.text { font: 14px/1.9 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
p.text span { padding: .15em 0; border-radius: 2px; color: #000; } p.text span.d { color: #fff; }
p.text span.u { text-decoration: underline dotted; }
img { max-width: 100%; } .note { color: #6E6E6E; font-size: .9rem; }
table { border-collapse: collapse; } td, th { padding: .1rem .8rem .1rem 0; text-align: left; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
"""


@dataclass(frozen=True)
class Panel:
    """One thing that is shown of an example.

    Attributes:
        title: heading; empty: none.
        texts: texts with colours, on one scale.
        rows: cells of a table, its head first; empty: none.
        figure: PNG that is put into the page; None: none.
        note: a line below.
    """

    title: str = ""
    texts: Sequence[ColouredText] = ()
    rows: Sequence[Sequence[str]] = ()
    figure: Path | None = None
    note: str = ""


@dataclass(frozen=True)
class Part:
    """An example, or a subject, with all that is shown of it."""

    title: str
    panels: Sequence[Panel] = field(default_factory=list)


def write_page(path: Path, title: str, lead: str, parts: Iterable[Part]) -> None:
    """Write one HTML file.

    Args:
        path: where to write.
        title: title of the page.
        lead: line below it.
        parts: examples; nothing of their texts is taken for HTML.
    """
    body = "".join(map(_part, parts))
    with replacing_file(path) as partial:
        partial.write_text(
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(title)}</title><style>{_CSS}</style></head>\n<body><h1>{html.escape(title)}</h1>"
            f'<p class="note">{html.escape(lead)}</p>{body}</body></html>\n',
            encoding="utf-8",
        )


def _part(part: Part) -> str:
    return f"\n<h2>{html.escape(part.title)}</h2>{''.join(map(_panel, part.panels))}"


def _panel(panel: Panel) -> str:
    largest = largest_of(panel.texts)
    pieces = [f"<h3>{html.escape(panel.title)}</h3>" if panel.title else ""]
    pieces += [f"\n<h3>{html.escape(one.title)}</h3>{as_html(one, largest)}" for one in panel.texts]
    if panel.rows:
        head, *rows = panel.rows
        pieces.append(f"<table><tr>{''.join(f'<th>{html.escape(cell)}</th>' for cell in head)}</tr>")
        pieces += [f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows]
        pieces.append("</table>")
    if panel.figure is not None:
        pieces.append(f'\n<img src="{data_uri(panel.figure.read_bytes(), "png")}" alt="{html.escape(panel.title)}">')
    pieces.append(f'<p class="note">{html.escape(panel.note)}</p>' if panel.note else "")
    return "".join(pieces)


def _cell(cell: str) -> str:
    is_number = cell.lstrip("+-").replace(".", "", 1).replace("e-", "").isdigit()
    return f"<td{' class=n' if is_number else ''}>{html.escape(cell)}</td>"
