"""From the page as values to HTML: one file with its style, its pictures and its script inside, and nothing outside.

The policy in its head lets a browser load nothing else, and run no script but ours, which it names by its digest.
"""

import base64
import hashlib
from pathlib import Path
from typing import Any

from saccade.display.page import Code, Name
from saccade.run_page.blocks import (
    Charts,
    ColouredTexts,
    Comparison,
    DataTable,
    Link,
    Matrix,
    Number,
    Picture,
    RunPage,
    Verbatim,
)
from saccade.run_page.charts import svg

_PER_CENT = "\u00a0%"  # which stays on the line of its number
_FEW_WORDS = 24  # characters

_TEMPLATE = Path(__file__).parent / "template"


def to_html(page: RunPage) -> str:
    """The whole file.

    Args:
        page: its contents.

    Returns:
        HTML.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"inline": inline, "svg": svg, "shade": _shade, "cell_class": cell_class}
    for kind in (Charts, ColouredTexts, Comparison, DataTable, Link, Matrix, Number, Picture, Verbatim):
        environment.tests[kind.__name__] = lambda value, kind=kind: isinstance(value, kind)
    script = (_TEMPLATE / "page.js").read_text(encoding="utf-8")
    template = environment.from_string((_TEMPLATE / "page.html.j2").read_text(encoding="utf-8"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = (_TEMPLATE / "page.css").read_text(encoding="utf-8")
    return template.render(page=page, script=Markup(script), script_digest=digest, style=Markup(style)) + "\n"


def inline(line: Any) -> Any:
    """Text with what comes from outside escaped.

    Args:
        line: a line, or a part of one.

    Returns:
        Markup.
    """
    from markupsafe import Markup

    made = Markup()
    for part in line if isinstance(line, tuple) else (line,):
        if isinstance(part, Name):
            made += Markup('<bdi class="name">{}</bdi>').format(part.escaped)
        elif isinstance(part, Code):
            made += Markup("<code>{}</code>").format(Markup(".<wbr>").join(part.text.split(".")))
        elif isinstance(part, Link):
            made += Markup('<a href="{}">{}</a>').format(part.address, part.text)
        elif isinstance(part, Number):
            made += part.text
        else:
            made += str(part).replace(" %", _PER_CENT)
    return made


def cell_class(cell: Any, is_number: bool) -> str:
    """How a cell breaks: numbers and a few words not at all, sentences into lines of some length.

    Args:
        cell: cell of a table.
        is_number: whether its column holds numbers.

    Returns:
        Name of a class of the style; empty for none.
    """
    if is_number:
        return "number"
    text = cell.text if isinstance(cell, Name) else cell if isinstance(cell, str) else ""
    if not text or (isinstance(cell, Name) and len(text) > _FEW_WORDS):
        return ""
    return "short" if len(text) <= _FEW_WORDS else "prose"


def _shade(count: int, row: list[int]) -> str:
    """How dark a cell of a matrix is, in [0, 1]: the root of its share of the row, so that few mistakes are seen."""
    total = sum(row)
    return f"{(count / total) ** 0.5:.2f}" if total and count else "0"
