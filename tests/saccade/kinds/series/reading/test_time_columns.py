"""Which columns say when: named, or found at the beginning of a table."""

import pytest

from saccade.kinds.series.reading.time_columns import find_time_columns


@pytest.mark.parametrize(
    ("header", "first", "places", "left_out", "text"),
    [
        ("Date Time x", "10/03/2004 18.00.00 1", (0, 1), (), "10/03/2004 18.00.00"),
        ("Date Time x", "2004-03-10 18:00 1", (0, 1), (), "2004-03-10 18:00"),
        ("date hour x", "2004-03-10 18 1", (0, 1), (), "2004-03-10 18"),
        ("date price x", "2004-03-10 18 1", (0,), (), "2004-03-10"),  # 18 is no time of day where nothing says so
        ("date price x", "2004-03-10 18.30 1", (0,), (), "2004-03-10"),
        ("year month day hour x", "2010 1 2 3 1", (0, 1, 2, 3), (), "2010-01-02 03"),
        ("Month Year x", "1 2010 1", (1, 0), (), "2010-01"),
        ("No year month day hour x", "1 2010 1 2 3 1", (1, 2, 3, 4), (0,), "2010-01-02 03"),
        ("index when x", "0 2010-01-02 1", (1,), (0,), "2010-01-02"),
        ("year x y", "2010 1 2", (0,), (), "2010"),
        ("when x y", "1 2 3", (0,), (), "1"),
    ],
)
def test_times_are_found_at_the_beginning(
    header: str, first: str, places: tuple[int, ...], left_out: tuple[int, ...], text: str
) -> None:
    found = find_time_columns(header.split(), first.split(), [])
    assert (found.places, found.left_out, found.text(first.split())) == (places, left_out, text)
    assert bool(found.notes) == (len(places) > 1 or bool(left_out))


def test_what_is_called_a_number_stays_one() -> None:
    found = find_time_columns(["date", "hour", "x"], ["2004-03-10", "18", "1"], [], values=["hour", "x"])
    assert found.places == (0,)
    found = find_time_columns(["store", "date", "x"], ["0", "2004-03-10", "1"], [], others=["store"])
    assert found.places == (1,)


def test_named_columns_are_joined() -> None:
    header, first = ["x", "tag", "uhrzeit"], ["1", "2004-03-10 00:00:00", "18:00"]
    assert find_time_columns(header, first, ["tag", "uhrzeit"]).text(first) == "2004-03-10 18:00"
    header, first = ["j", "m", "t"], ["2004", "3", "9"]
    assert find_time_columns(header, first, header).text(first) == "2004-03-09"


def test_row_numbers_before_moments_of_unix_are_left_out() -> None:
    found = find_time_columns(["", "ts", "temp"], ["0", "1640995200000", "1213.4"], [])
    assert (found.places, found.left_out) == ((1,), (0,))
    found = find_time_columns(["", "level", "temp"], ["0", "16409952", "1213.4"], [])
    assert found.places == (0,)
