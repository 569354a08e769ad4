"""The page of a run as values; ``rendering.py`` writes it as HTML.

What comes from outside (class names, texts, names of files) is a ``Name``, everything else our own words. Texts and
sections are those of ``display/page.py``, which says why the blocks are not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from saccade.display.page import Code, Line, Name, PageImage, SectionOf

_MAX_LETTERS_ACROSS = 3  # of a column of a matrix


@dataclass(frozen=True)
class Number:
    """A number in a table, which sorts by its value.

    Attributes:
        value: the number.
        text: what is shown.
    """

    value: float
    text: str


@dataclass(frozen=True)
class Link:
    """A word that leads to another page.

    Attributes:
        address: relative to the page.
        text: what is shown.
    """

    address: str
    text: str


Cell = str | Name | Code | Number | Link


@dataclass(frozen=True)
class DataTable:
    """Rows that a reader may sort by any column.

    Attributes:
        caption: what the rows are, in a few words.
        head: titles of the columns.
        rows: cells; an empty text where nothing is known.
        is_folded: whether it is shown only when asked for.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    is_folded: bool = False

    @property
    def is_number(self) -> list[bool]:
        """Of each column: whether it holds numbers, and blanks, alone."""
        columns = [[row[c] for row in self.rows] for c in range(len(self.head))]
        return [
            any(isinstance(cell, Number) for cell in column)
            and all(isinstance(cell, Number) or cell == "" for cell in column)
            for column in columns
        ]


@dataclass(frozen=True)
class Curve:
    """A line of a chart.

    Attributes:
        name: what it is, for the legend.
        values: a number for each place on the x axis; None leaves a gap.
        is_dashed: whether it is drawn in dashes.
        low: lower end of a band around it, as ``values``; none: no band.
        high: upper end of it.
    """

    name: str
    values: Sequence[float | None]
    is_dashed: bool = False
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


@dataclass(frozen=True)
class LineChart:
    """Curves over one x axis.

    Attributes:
        title: what is drawn.
        x_title: title of the x axis.
        x: places on the x axis, rising.
        curves: the lines, at most four.
        marked: place on the x axis that a line marks; None: none.
        marked_as: what that place is, in a word.
        is_logarithmic: whether the y axis is.
        has_diagonal: whether both axes are shares from 0 to 1, and y = x is drawn.
        has_points: whether each value is drawn as a point.
    """

    title: str
    x_title: str
    x: Sequence[float]
    curves: Sequence[Curve]
    marked: float | None = None
    marked_as: str = ""
    is_logarithmic: bool = False
    has_diagonal: bool = False
    has_points: bool = False


@dataclass(frozen=True)
class Charts:
    """Charts beside each other, where there is room."""

    charts: Sequence[LineChart]


@dataclass(frozen=True)
class Matrix:
    """Counts of what was taken for what.

    Attributes:
        caption: what the rows and columns are.
        names: names of the classes.
        counts: a row for each true class, a count for each predicted one.
    """

    caption: str
    names: Sequence[Name]
    counts: Sequence[Sequence[int]]

    @property
    def has_long_names(self) -> bool:
        """Whether names of columns have to stand upright."""
        return any(len(name.text) > _MAX_LETTERS_ACROSS for name in self.names)


@dataclass(frozen=True)
class Picture:
    """A picture inside the page.

    Attributes:
        image: its bytes as an address, and its size.
        description: what it shows, for whoever does not see it.
        caption: what stands below it.
    """

    image: PageImage
    description: str
    caption: Line = ()


@dataclass(frozen=True)
class Verbatim:
    """Text as it is, such as commands to be typed.

    Attributes:
        caption: what it is.
        text: lines.
    """

    caption: str
    text: Name


@dataclass(frozen=True)
class Range:
    """A figure and its interval, drawn on a scale that all of a ``Comparison`` share.

    Attributes:
        name: whose figure it is.
        text: the figure, and its interval, as text.
        at: place of the figure on the scale, in [0, 1].
        low: place of the interval's lower end; None: no interval.
        high: place of its upper end.
        is_own: whether it is the run's own.
    """

    name: str
    text: str
    at: float
    low: float | None = None
    high: float | None = None
    is_own: bool = False


@dataclass(frozen=True)
class Comparison:
    """A figure beside those of others, on one scale.

    Attributes:
        caption: what is drawn.
        ranges: rows.
        ends: texts at both ends of the scale.
    """

    caption: str
    ranges: Sequence[Range]
    ends: tuple[str, str]


@dataclass(frozen=True)
class Token:
    """A token and what it does to an answer.

    Attributes:
        text: the token, as it is shown.
        strength: how deep its colour is, in [0, 1].
        speaks_for: whether it speaks for the answer, not against it.
        number: the number itself, for whoever points at it.
        is_unknown: whether the network does not know it.
        ends_line: whether the next one begins a line.
    """

    text: str
    strength: float
    speaks_for: bool
    number: str
    is_unknown: bool = False
    ends_line: bool = False


@dataclass(frozen=True)
class ColouredTexts:
    """One text for each of several answers, each token coloured by what it adds, on one scale.

    Attributes:
        caption: which text it is.
        texts: heading and tokens, one an answer.
        is_spaced: whether there is a space between two tokens.
    """

    caption: Line
    texts: Sequence[tuple[Line, Sequence[Token]]]
    is_spaced: bool


Block = DataTable | Charts | Matrix | Picture | Verbatim | Comparison | ColouredTexts
RunSection = SectionOf[Block]


@dataclass(frozen=True)
class Fact:
    """A figure in large letters.

    Attributes:
        what: its name.
        value: the figure.
        beside: what stands below it, such as its interval.
    """

    what: str
    value: str
    beside: str = ""


@dataclass(frozen=True)
class RunPage:
    """The whole page.

    Attributes:
        title: title of the page.
        lead: subject, below the title.
        facts: figures in large letters.
        sections: sections in their order.
        date: moment at which it was made, in ISO 8601; empty: it is not told.
    """

    title: Name
    lead: Line
    facts: Sequence[Fact]
    sections: Sequence[RunSection]
    date: str = ""
