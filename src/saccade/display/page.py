"""A report as values; ``report/rendering.py`` writes it as HTML and as Markdown.

What comes from outside (names of files and classes, notes of a source) is a ``Name``, everything else our own words.

Texts, cells' names, images and sections are shared with the page of a run (``run_page/blocks.py``); blocks are not.
Every block here can be read as Markdown too, or is left out of it; those of a run are sorted by a script, drawn to
scale and coloured, and exist as HTML alone. One set of blocks would give each renderer a half that it must refuse.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_MAX_NAME_CHARACTERS = 200  # characters; of longer ones the middle is left out


@dataclass(frozen=True)
class Name:
    """Text from outside, not to be trusted."""

    text: str

    @property
    def escaped(self) -> str:
        """On one line: what cannot be printed, such as a line break or a change of direction, as an escape."""
        text = self.text
        if len(text) > _MAX_NAME_CHARACTERS:
            text = f"{text[: _MAX_NAME_CHARACTERS // 2]}…{text[-_MAX_NAME_CHARACTERS // 2 :]}"
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@dataclass(frozen=True)
class Code:
    """A key of params.yaml or a command, as it is typed. Ours, without backticks and bars."""

    text: str


@dataclass(frozen=True)
class Share:
    """A share in [0, 1], with a bar in HTML.

    Attributes:
        value: the share.
        bar: length of the bar in [0, 1].
    """

    value: float
    bar: float

    @property
    def label(self) -> str:
        """In per cent."""
        return percent(self.value)


Text = str | Name | Code
Line = tuple[Text, ...]
Cell = str | int | Name | Code | Share


@dataclass(frozen=True)
class Table:
    """Rows of cells under a head; numbers stand right."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    @property
    def is_number(self) -> list[bool]:
        """Of each column: whether it holds whole numbers alone."""
        return [all(isinstance(row[c], int) for row in self.rows) for c in range(len(self.head))]


@dataclass(frozen=True)
class PageImage:
    """An image inside the page.

    Attributes:
        uri: a data URI.
        width: width in CSS pixels at which it is shown.
        height: height in CSS pixels at which it is shown.
        is_enlarged: whether its pixels are to be seen as squares.
    """

    uri: str
    width: int
    height: int
    is_enlarged: bool


@dataclass(frozen=True)
class Figure:
    """An image, its name, and a few words about it."""

    image: PageImage
    name: Name
    about: Line = ()


@dataclass(frozen=True)
class Group:
    """Figures that are to be compared, and what their comparison gave."""

    figures: Sequence[Figure]
    note: str = ""


@dataclass(frozen=True)
class Gallery:
    """Groups of figures with their captions; in Markdown a table of the captions."""

    title: str
    groups: Sequence[Group]


@dataclass(frozen=True)
class Sheet:
    """Figures close together, without captions; not in Markdown."""

    title: Line
    figures: Sequence[Figure]


@dataclass(frozen=True)
class LinkedImage:
    """An image outside the page, because something else makes it; it may not be there.

    Attributes:
        address: relative to the page, of letters, digits and ``-_./``: it is written as it is.
        without: text where it is not there.
    """

    address: str
    without: str


@dataclass(frozen=True)
class Chart:
    """A drawing inside the page; not in Markdown.

    Attributes:
        title: heading, of our own words.
        svg: an ``<svg>`` of ours, in which text from outside is escaped.
    """

    title: str
    svg: str


PageBlock = Table | Gallery | Sheet | LinkedImage | Chart
AnyBlock = TypeVar("AnyBlock", covariant=True)


@dataclass(frozen=True)
class SectionOf(Generic[AnyBlock]):
    """One subject of a page.

    Attributes:
        key: anchor: lower-case letters and hyphens.
        title: heading.
        result: finding in a few words, for the overview at the top; empty where nothing is judged.
        is_fine: whether nothing in it asks for a decision.
        lines: paragraphs.
        blocks: what follows the paragraphs, such as tables and figures.
    """

    key: str
    title: str
    result: str = ""
    is_fine: bool = True
    lines: Sequence[Line] = ()
    blocks: Sequence[AnyBlock] = ()


Section = SectionOf[PageBlock]


@dataclass(frozen=True)
class Page:
    """The whole report.

    Attributes:
        title: title of the page.
        lead: subject, below the title.
        facts: numbers and their names, in large letters.
        sections: sections in their order.
        what: sort of report, in the title of the window.
    """

    title: Name
    lead: Line
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section] = field(default_factory=list)
    what: str = "dataset report"


def percent(share: float) -> str:
    """A share as people read it; what is there is never rounded to nothing."""
    return "below 0.1 %" if 0 < share < 0.001 else f"{share:.1%}".replace("%", " %")
