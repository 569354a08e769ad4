"""Times of a series: read, checked, and continued."""

import calendar
from datetime import datetime, timedelta

import pytest

from saccade.calendars import Calendar, read_times
from saccade.errors import UserError


def calendar_of(texts: list[str], **options: object) -> Calendar:
    lines = list(range(2, len(texts) + 2))
    times = read_times(texts, lines, "a.csv, column 'when'", **options)  # type: ignore[arg-type]
    assert times.steps == list(range(len(texts)))
    assert [times.calendar.text(i) for i in range(len(texts))] == texts
    return times.calendar


@pytest.mark.parametrize(
    ("texts", "step", "following"),
    [
        (["1749-01", "1749-02", "1749-03"], "1 month", ["1749-04", "1749-05"]),
        (["2023-10", "2023-11", "2023-12"], "1 month", ["2024-01"]),
        (["2023-01", "2023-04", "2023-07"], "3 months", ["2023-10", "2024-01"]),
        (["2023-01-15", "2023-02-15", "2023-03-15"], "1 month", ["2023-04-15"]),
        (["2023-12-31", "2024-01-31", "2024-02-29"], "1 month", ["2024-03-31", "2024-04-30"]),
        (["2023-02-28", "2023-03-31", "2023-04-30"], "1 month", ["2023-05-31", "2023-06-30"]),
        (["2024-02-29", "2025-02-28", "2026-02-28"], "1 year", ["2027-02-28", "2028-02-29"]),
        (["2023-01-01", "2024-01-01", "2025-01-01"], "1 year", ["2026-01-01"]),
        (["1749", "1750", "1751"], "1", ["1752"]),
        (["202311", "202312", "202401"], "1 month", ["202402"]),
        (["20240228", "20240229", "20240301"], "1 day", ["20240302"]),
        (["2024-02-28", "2024-02-29", "2024-03-01"], "1 day", ["2024-03-02"]),
        (["2024-01-01", "2024-01-08", "2024-01-15"], "7 days", ["2024-01-22"]),
        (["2024-01-01 22:00", "2024-01-01 23:00", "2024-01-02 00:00"], "1 hour", ["2024-01-02 01:00"]),
        (["2024-01-01T00:00:00Z", "2024-01-01T00:15:00Z"], "15 minutes", ["2024-01-01T00:30:00Z"]),
        (["2024-01-01 00:00:00", "2024-01-01 00:00:30"], "30 seconds", ["2024-01-01 00:01:00"]),
        (["31.01.1749", "01.02.1749"], "1 day", ["02.02.1749"]),
        (["0.0", "0.5", "1.0"], "0.5", ["1.5", "2.0"]),
        (["0.1", "0.2", "0.3"], "0.1", ["0.4"]),
        (["-2", "-1", "0"], "1", ["1"]),
        (["60", "120", "180"], "60", ["240"]),
        (["0.000", "0.333", "0.667", "1.000"], "0.3333333333", ["1.333", "1.667"]),  # thirds, rounded
    ],
)
def test_regular_times_are_read_and_continued(texts: list[str], step: str, following: list[str]) -> None:
    read = calendar_of(texts)
    assert read.step == step
    assert [read.text(len(texts) + i) for i in range(len(following))] == following


def test_times_of_years_agree_with_the_calendar_of_python() -> None:
    """Months and days over two centuries, leap years and all, against datetime's own arithmetic."""
    first = datetime(1899, 12, 31)
    days = calendar_of([f"{first + timedelta(days=i):%Y-%m-%d}" for i in range(10)])
    assert days.text(73_000) == f"{first + timedelta(days=73_000):%Y-%m-%d}"
    ends = [f"{y}-{m:02}-{calendar.monthrange(y, m)[1]}" for y in (1899, 1900) for m in range(1, 13)]
    assert calendar_of(ends).text(12 * 101 + 1) == "2000-02-29" and calendar_of(ends).text(13) == "1900-02-28"


def test_a_form_of_one_s_own() -> None:
    texts = ["12/31/2023", "01/01/2024", "01/02/2024"]
    assert calendar_of(texts, form="%m/%d/%Y").text(3) == "01/03/2024"
    with pytest.raises(UserError, match=r"line 2: the time '12/31/2023' must be a number, or a date .* time_format"):
        calendar_of(texts)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["1749-01", "1749-02", "1749-02"], r"line 4: the time '1749-02' must stand once, but stands in line 3 too"),
        (["1749-01", "1749-03", "1749-02"], r"line 4: the time '1749-02' must be later than '1749-03' above it\. Sort"),
        (
            ["1749-01", "1749-02", "1749-03", "1749-05"],
            r"a\.csv, column 'when', line 5: the time '1749-05' must be 1 month after '1749-03', but 1 row is missing",
        ),
        (["1", "2", "3", "7"], r"line 5: the time '7' must be 1 after '3', but 3 rows are missing between them"),
        (["1", "2", "3", "3.5"], r"line 5: the time '3\.5' must be 1 after '3', but the other times are 1 apart"),
        (["0.1", "0.2", "0.25"], r"line 3: the time '0\.2' must be 0\.05 after '0\.1', but 1 row is missing"),
        (
            ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-03 12:00"],
            r"line 5: the time '2024-01-03 12:00' must be of the form %Y-%m-%d, as the first one is",
        ),
        (
            ["2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 02:00", "2024-01-01 02:30"],
            r"line 5: the time '2024-01-01 02:30' must be 1 hour after '2024-01-01 02:00', but the other times are",
        ),
        (
            ["2024-01-31", "2024-02-28", "2024-03-31"],
            r"line 4: .* must be 28 days after",
        ),  # neither last days nor one day of the month
        (["yesterday", "today"], r"line 2: the time 'yesterday' must be a number, or a date such as 1749-01"),
        (["1", "two"], r"line 3: the time 'two' must be a number, as the first one is"),
        (["2024-01-32", "2024-02-01"], r"line 2: the time '2024-01-32' must be a number, or a date"),
    ],
)
def test_what_is_not_regular_is_named_with_its_line(texts: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        calendar_of(texts)


def test_missing_rows_may_be_left_to_be_filled_in() -> None:
    texts = ["1749-01", "1749-02", "1749-05", "1749-06", "1749-07"]
    times = read_times(texts, range(2, 7), "a.csv", may_miss_rows=True)
    assert times.steps == [0, 1, 4, 5, 6] and times.calendar.text(3) == "1749-04"
    with pytest.raises(
        UserError, match=r"line 4: the time '3\.5' must be 1 after '2', but the other times are 1 apart"
    ):
        read_times(["1", "2", "3.5", "4.5"], range(2, 6), "a.csv", may_miss_rows=True)
    with pytest.raises(UserError, match=r"3 rows from '1' to '90000' must be 1 apart, but then more rows are missing"):
        read_times(["1", "2", "90000"], range(2, 5), "a.csv", may_miss_rows=True)


def test_the_step_is_the_most_common_one_and_not_the_first() -> None:
    texts = ["2024-01-01", "2024-01-03", "2024-01-04", "2024-01-05"]
    with pytest.raises(
        UserError, match=r"line 3: the time '2024-01-03' must be 1 day after '2024-01-01', but 1 row is"
    ):
        calendar_of(texts)
