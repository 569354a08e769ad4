"""Times of a series: read, checked, and continued."""

import calendar
from datetime import datetime, timedelta, timezone

import pytest

from saccade.core.errors import UserError
from saccade.data.timeline import Calendar
from saccade.kinds.series.reading.time_axis import read_times


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
            r"line 5: the time '2024-01-03 12:00' must be of the format %Y-%m-%d, as the first one is",
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


def test_numbers_are_continued_exactly_however_large() -> None:
    nanoseconds = [str(1_700_000_000_000_000_001 + i * 250_000_000) for i in range(3)]
    assert calendar_of(nanoseconds).text(3) == "1700000000750000001"
    assert calendar_of(["-0.2", "-0.1", "0.0"]).text(3) == "0.1"


def test_years_before_1000_keep_their_four_digits() -> None:
    assert calendar_of(["0819-11", "0819-12", "0820-01"]).text(3) == "0820-02"
    assert calendar_of(["%Y 0819", "%Y 0820"], form="%%Y %Y").text(2) == "%Y 0821"


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        (
            ["1", "2"],
            {"form": "%Y-%Y"},
            r"time_format \('%Y-%Y'\) must be a format that .* reads, .* names a part twice",
        ),
        (["1", "2"], {"form": "%Q"}, r"time_format \('%Q'\) must be .* but does not: 'Q' is a bad directive"),
        (["1", "2"], {"form": "%"}, r"time_format \('%'\) must be a format that Python's datetime\.strptime reads"),
        (["1749", "x"], {"form": "%Y"}, r"line 3: the time 'x' must be of the format %Y, which time_format names"),
        (["9" * 5000, "1"], {}, r"line 2: the time '9{40}'\.\.\. \(5,000 characters\) must be a number of at most 40"),
        (["1", "9" * 400], {}, r"line 3: the time '9{40}'\.\.\. \(400 characters\) must be a number of at most 40"),
    ],
)
def test_forms_and_numbers_that_no_time_has_are_named(
    texts: list[str], options: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        calendar_of(texts, **options)


@pytest.mark.parametrize("form", ["%m/%d/%Y", "%d %b %Y %H:%M", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S.%f", "%j.%Y"])
def test_forms_that_python_reads_are_taken(form: str) -> None:
    zone = timezone(timedelta(hours=2)) if "%z" in form else None
    days = [datetime(2024, 2, 27, tzinfo=zone) + timedelta(days=i) for i in range(4)]
    assert calendar_of([day.strftime(form) for day in days[:3]], form=form).text(3) == days[3].strftime(form)


@pytest.mark.parametrize("texts", [["9998-12", "9999-12"], ["9999-12-30", "9999-12-31"]])
def test_the_years_end(texts: list[str]) -> None:
    with pytest.raises(UserError, match=r"2 steps of 1 (year|day) after '999.* must lie in the years 1 to 9999"):
        calendar_of(texts).text(2)
