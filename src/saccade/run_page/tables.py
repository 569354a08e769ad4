"""Tables and pictures of an evaluation as blocks of the page: numbers that sort, long names and long tables cut."""

from collections.abc import Sequence
from pathlib import Path

from saccade.display.page import Line, Name
from saccade.run_page.blocks import Cell, DataTable, Number, Picture
from saccade.run_page.files import Row, number_in
from saccade.run_page.headline import number_text, words
from saccade.run_page.pictures import Pictures

MAX_ROWS = 200


def as_table(
    rows: Sequence[Row], caption: str, *, texts: Sequence[str] = (), most: int = MAX_ROWS, is_folded: bool = False
) -> DataTable:
    """A table of a file.

    Args:
        rows: the file's rows, at least one.
        caption: what the rows are.
        texts: columns that are names and no numbers, even where they look like some.
        most: rows that are shown.
        is_folded: whether it is shown only when asked for.

    Returns:
        The first rows; the caption says how many there are. Columns without any value are left out.
    """
    names = [name for name in rows[0] if any(row.get(name) for row in rows)]
    is_number = {name: name not in texts and _holds_numbers(rows, name) for name in names}
    is_whole = {name: all((number_in(row.get(name, "")) or 0.0).is_integer() for row in rows) for name in names}
    cells = [
        [_cell(row.get(name, ""), is_number=is_number[name], is_whole=is_whole[name]) for name in names]
        for row in rows[:most]
    ]
    if len(rows) > most:
        caption = f"{caption}: {most:,} of {len(rows):,}"
    return DataTable(caption, [words(name) for name in names], cells, is_folded)


def _holds_numbers(rows: Sequence[Row], name: str) -> bool:
    return all(number_in(row.get(name, "")) is not None for row in rows if row.get(name))


def _cell(text: str, *, is_number: bool, is_whole: bool) -> Cell:
    value = number_in(text) if is_number else None
    if value is None:
        return Name(text) if text else ""
    return Number(value, f"{value:,.0f}" if is_whole else number_text(value))


def as_picture(path: Path, pictures: Pictures, description: str, caption: Line = ()) -> Picture | None:
    """A picture of the evaluation.

    Args:
        path: a PNG file.
        pictures: room for it.
        description: what it shows.
        caption: what stands below it.

    Returns:
        None where there is no file, or no room.
    """
    image = pictures.embed(path)
    return None if image is None else Picture(image, description, caption)
