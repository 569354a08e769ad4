"""Times of a series: read, checked, and continued."""

import calendar
from datetime import datetime, timedelta, timezone

import pandas as pd
import pytest

from saccade.core.errors import UserError
from saccade.data.timeline import Calendar
from saccade.io.time_detection import TimeOptions
from saccade.kinds.series.reading.time_axis import read_times


def calendar_of(texts: list[str], **options: object) -> Calendar:
    lines = list(range(2, len(texts) + 2))
    times = read_times(texts, lines, "a.csv, column 'when'", options=TimeOptions(**options))  # type: ignore[arg-type]
    assert times.steps.tolist() == list(range(len(texts)))
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
    assert calendar_of(texts).text(3) == "01/03/2024"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            ["1749-01", "1749-02", "1749-02"],
            r"the time '1749-02' must stand once, but stands in line 3 and line 4\. Take .*on_repeat: mean, or last",
        ),
        (
            ["1749-01", "1749-02", "1749-03", "1749-05"],
            r"a\.csv, column 'when', line 5: the time '1749-05' must be 1 month after '1749-03', but 1 row is missing",
        ),
        (["1", "2", "3", "7"], r"line 5: the time '7' must be 1 after '3', but 3 rows are missing between them"),
        (["1", "2", "3", "3.5"], r"line 5: the time '3\.5' must be 1 after '3', but the other times are 1 apart"),
        (["0.1", "0.2", "0.25"], r"line 3: the time '0\.2' must be 0\.05 after '0\.1', but 1 row is missing"),
        (
            ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04 12:00"],
            r"line 5: the time '2024-01-04 12:00' must be of the format %Y-%m-%d, as the first one is",
        ),
        (
            ["2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 02:00", "2024-01-01 02:30"],
            r"line 5: the time '2024-01-01 02:30' must be 1 hour after '2024-01-01 02:00', but the other times are",
        ),
        (
            ["2024-01-31", "2024-02-28", "2024-03-31"],
            r"line 4: .* must be 28 days after",
        ),  # neither last days nor one day of the month
        (["yesterday", "today"], r"line 2: the time 'yesterday' must be a number or a date such as 1749-01"),
        (["1", "two"], r"line 3: the time 'two' must be a number, as the first one is"),
        (["2024-01-32", "2024-02-01"], r"line 2: the time '2024-01-32' must be a number or a date"),
    ],
)
def test_what_is_not_regular_is_named_with_its_line(texts: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        calendar_of(texts)


def test_missing_rows_may_be_left_to_be_filled_in() -> None:
    texts = ["1749-01", "1749-02", "1749-05", "1749-06", "1749-07"]
    times = read_times(texts, range(2, 7), "a.csv", may_miss_rows=True)
    assert times.steps.tolist() == [0, 1, 4, 5, 6] and times.calendar.text(3) == "1749-04"
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


@pytest.mark.parametrize(
    ("texts", "step", "following"),
    [
        (["2023-Q3", "2023-Q4"], "3 months", ["2024-Q1"]),
        (["3Q2023", "4Q2023"], "3 months", ["1Q2024"]),
        (["Q3 2023", "Q4 2023"], "3 months", ["Q1 2024"]),
        (["2023M11", "2023M12"], "1 month", ["2024M01"]),
        (["2023-W51", "2023-W52"], "7 days", ["2024-W01"]),
        (["2022-10-01 00:00:00+00:00", "2022-10-01 01:00:00+00:00"], "1 hour", ["2022-10-01 02:00:00+00:00"]),
        (["2022-10-01T00:00:00.000Z", "2022-10-01T01:00:00.000Z"], "1 hour", ["2022-10-01T02:00:00.000Z"]),
        (["2022-10-01 00:00+02", "2022-10-01 00:30+02"], "30 minutes", ["2022-10-01 01:00+02"]),
        (["2022-10-01T00:00:00+0530", "2022-10-02T00:00:00+0530"], "1 day", ["2022-10-03T00:00:00+0530"]),
        (["31/03/2004 22.00.00", "31/03/2004 23.00.00"], "1 hour", ["01/04/2004 00.00.00"]),
        (["28.2.2024 22:00", "28.2.2024 23:00"], "1 hour", ["29.2.2024 00:00"]),
        (["30/12/23", "31/12/23"], "1 day", ["01/01/24"]),
        (["5 Jan 2024", "6 Jan 2024"], "1 day", ["7 Jan 2024"]),
        (["January 2024", "February 2024"], "1 month", ["March 2024"]),
        (["Jan-24", "Feb-24"], "1 month", ["Mar-24"]),
        (["Jan 30, 2024", "Jan 31, 2024"], "1 day", ["Feb 01, 2024"]),
        (["1/13/2024 11:00 AM", "1/13/2024 12:00 PM"], "1 hour", ["1/13/2024 01:00 PM"]),
        (["2024-05-01 22", "2024-05-01 23"], "1 hour", ["2024-05-02 00"]),
        (["20240501T2200", "20240501T2300"], "1 hour", ["20240502T0000"]),
        (["2024-05-01 00:00:00.02", "2024-05-01 00:00:00.04"], "20 milliseconds", ["2024-05-01 00:00:00.06"]),
        (["1700000000", "1700003600"], "1 hour", ["1700007200"]),
        (["1700000000000", "1700000060000"], "1 minute", ["1700000120000"]),
        (["1700000000.0", "1700000900.0"], "15 minutes", ["1700001800.0"]),
        # Last and first business days of months; 2023-12-29 and 2024-01-01 are a Friday and a Monday.
        (["2023-09-29", "2023-10-31", "2023-11-30"], "1 month", ["2023-12-29", "2024-01-31"]),
        (["2023-09-01", "2023-10-02", "2023-11-01"], "1 month", ["2023-12-01", "2024-01-01"]),
        (["2023-03-31", "2023-06-30", "2023-09-30"], "3 months", ["2023-12-31", "2024-03-31"]),
    ],
)
def test_times_as_files_have_them(texts: list[str], step: str, following: list[str]) -> None:
    read = calendar_of(texts)
    assert read.step == step
    assert [read.text(len(texts) + i) for i in range(len(following))] == following


def hours(first: str, count: int, zone: str) -> list[str]:
    """What the clocks of a zone show, hour by hour; by pandas."""
    local = pd.date_range(first, periods=count, freq="h", tz="UTC").tz_convert(zone)
    return [f"{time:%Y-%m-%d %H:%M}" for time in local]


@pytest.mark.parametrize("zone", ["Europe/Lisbon", "America/New_York", "Australia/Sydney", "Asia/Kolkata"])
def test_local_times_with_changes_of_the_clocks_are_regular_where_their_zone_is_named(zone: str) -> None:
    texts = hours("2022-09-01", 24 * 400, zone)
    times = read_times(texts, range(len(texts)), "a.csv", options=TimeOptions(zone=zone))
    assert times.steps.tolist() == list(range(len(texts))) and times.calendar.step == "1 hour"
    following = hours("2022-09-01", 24 * 700, zone)
    assert [times.calendar.text(i) for i in range(len(following))] == following


def test_a_day_is_a_day_of_the_zone_and_a_quarter_of_an_hour_passes() -> None:
    days = ["2022-10-29 00:00", "2022-10-30 00:00", "2022-10-31 00:00"]
    times = read_times(days, range(3), "a.csv", options=TimeOptions(zone="Europe/Lisbon"))
    assert times.calendar.step == "1 day" and times.calendar.text(148) == "2023-03-26 00:00"
    quarters = [f"2022-10-30 0{h}:{m:02}" for h in (0, 1, 1, 2) for m in (0, 15, 30, 45)]  # 01:00 to 01:45 twice
    for texts in (quarters, quarters[::-1]):
        times = read_times(texts, range(16), "a.csv", options=TimeOptions(zone="Europe/Lisbon"))
        assert times.calendar.step == "15 minutes" and sorted(times.steps.tolist()) == list(range(16))
        assert [times.calendar.text(i) for i in range(16)] == quarters
    start = times.calendar.from_step(9)  # the second 01:15
    assert [start.text(i)[-5:] for i in range(4)] == ["01:15", "01:30", "01:45", "02:00"]


def test_local_times_without_their_zone_are_recognised_by_what_the_clocks_do() -> None:
    autumn = hours("2022-10-29", 48, "Europe/Berlin")
    with pytest.raises(UserError, match=r"'2022-10-30 02:00' must stand once.*Europe/Berlin go back.*time_zone: Euro"):
        read_times(autumn, range(48), "a.csv")
    spring = hours("2023-03-11", 48, "America/New_York")
    with pytest.raises(
        UserError, match=r"'2023-03-12 03:00' must be 1 hour after '2023-03-12 01:00', but clocks in Amer"
    ):
        read_times(spring, range(48), "a.csv")
    with pytest.raises(
        UserError, match=r"line 3: the time '2023-03-26 01:30' must be one that clocks in Europe/Lisbon"
    ):
        read_times(["2023-03-26 00:30", "2023-03-26 01:30"], [2, 3], "a.csv", options=TimeOptions(zone="Europe/Lisbon"))
    with pytest.raises(UserError, match=r"time_zone \('lisbon'\) must be a zone .*the nearest is Europe/Lisbon"):
        read_times(autumn, range(48), "a.csv", options=TimeOptions(zone="lisbon"))


def test_several_offsets_are_counted_in_utc_and_days_ask_for_their_zone() -> None:
    texts = ["2022-10-30T01:00+02:00", "2022-10-30T02:00+02:00", "2022-10-30T02:00+01:00", "2022-10-30T03:00+01:00"]
    times = read_times(texts, range(4), "a.csv")
    assert times.calendar.step == "1 hour" and times.calendar.text(3) == "2022-10-30T02:00+00:00"
    assert any("several offsets" in note for note in times.notes)
    both = read_times(texts[1:3], range(2), "a.csv")  # 2 o'clock, twice
    assert both.calendar.step == "1 hour" and both.steps.tolist() == [0, 1]
    zoned = read_times(texts, range(4), "a.csv", options=TimeOptions(zone="Europe/Berlin")).calendar
    assert [zoned.text(i) for i in range(5)] == [*texts, "2022-10-30T04:00+01:00"]
    days = [f"2022-10-{day}T00:00+0{2 if day < 31 else 1}:00" for day in (28, 29, 30, 31)]
    with pytest.raises(UserError, match=r"1 day apart as clocks show them, with several offsets .* time_zone"):
        read_times(days, range(4), "a.csv")
    zoned = read_times(days, range(4), "a.csv", options=TimeOptions(zone="Europe/Berlin")).calendar
    assert zoned.step == "1 day" and zoned.text(5) == "2022-11-02T00:00+01:00"


def test_days_and_months_that_can_be_read_two_ways_are_asked_about() -> None:
    texts = ["01/02/2023", "02/02/2023", "03/02/2023"]
    with pytest.raises(
        UserError, match=r"two: day first 2023-02-01, 2023-02-02, 2023-02-03; or month first 2023-01-02"
    ):
        calendar_of(texts)
    assert calendar_of(texts, day_first=True).step == "1 day"
    assert calendar_of(texts, day_first=False).step == "1 month"
    assert calendar_of([*texts[:1], "01/03/2023", "01/04/2023", "01/05/2023"], day_first=True).step == "1 month"
    assert calendar_of(["12/02/2023", "13/02/2023"]).step == "1 day"  # no month is the thirteenth
    assert calendar_of(["01.02.2023", "02.02.2023"]).text(2) == "03.02.2023"
    with pytest.raises(UserError, match=r"'25/12/2023' must be a date with the month first, .* day_first: true"):
        calendar_of(["25/12/2023", "26/12/2023"], day_first=False)
    with pytest.raises(UserError, match=r"line 3: the time '13/01/2023' must be of the format %m/%d/%Y"):
        calendar_of(["01/13/2023", "13/01/2023"])


def test_rows_are_sorted_and_it_is_said() -> None:
    newest_first = [f"2024-03-0{day}" for day in (3, 2, 1)]
    times = read_times(newest_first, range(3), "a.csv")
    assert times.steps.tolist() == [2, 1, 0] and times.calendar.first == "2024-03-01"
    assert times.notes == ("rows stood from the newest to the oldest: sorted by time",)
    mixed = read_times(["3", "1", "2", "4"], range(4), "a.csv")
    assert mixed.steps.tolist() == [2, 0, 1, 3] and mixed.notes == ("1 row stood below a later one: sorted by time",)


def test_equal_times_show_both_rows() -> None:
    texts = ["1", "2", "2", "3"]
    with pytest.raises(
        UserError, match=r"'2' must stand once, but stands in line 3 \(v1\) and line 4 \(v2\)\. Take one"
    ):
        read_times(texts, range(2, 6), "a.csv", show=lambda row: f"v{row}")
    times = read_times(texts, range(2, 6), "a.csv", on_repeat="mean")
    assert times.steps.tolist() == [0, 1, 1, 2]
    with pytest.raises(UserError, match=r"a\.csv must hold two different times at least, but holds '7' alone"):
        read_times(["7", "7"], range(2), "a.csv", on_repeat="last")
    with pytest.raises(UserError, match=r"most times stand 2 times: several series in one table\? .*series_column"):
        read_times(["1", "2", "3", "1", "2", "3"], range(6), "a.csv")


def test_business_days_are_found_and_go_on_over_weekends() -> None:
    days = [str(day.date()) for day in pd.bdate_range("2024-01-01", periods=15)]
    times = read_times(days, range(15), "a.csv")
    assert times.calendar.step == "1 business day" and "(Monday to Friday)" in times.notes[0]
    later = [str(day.date()) for day in pd.bdate_range("2024-01-01", periods=300)]
    assert [times.calendar.text(i) for i in range(300)] == later
    without = [day for day in days if day != "2024-01-15"]  # a holiday
    with pytest.raises(
        UserError, match=r"'2024-01-16' must be 1 business day after '2024-01-12', but 1 row is missing"
    ):
        read_times(without, range(14), "a.csv")
    assert read_times(without, range(14), "a.csv", may_miss_rows=True).steps.tolist()[9:12] == [9, 11, 12]
    as_before = read_times(days, range(15), "a.csv", options=TimeOptions(step="1 day"), may_miss_rows=True)
    assert as_before.calendar.step == "1 day" and as_before.steps.tolist()[-1] == 18  # of a network of older versions
    shop = [str(d.date()) for d in pd.date_range("2024-01-01", periods=30) if d.weekday() != 6]
    assert read_times(shop, range(len(shop)), "a.csv").calendar.text(len(shop)) == "2024-01-31"
    month = [f"2024-01-{day:02}" for day in (1, 2, 3, 4, 5, 8, 9)]  # too few to tell
    with pytest.raises(UserError, match=r"'2024-01-08' must be 1 day after '2024-01-05', but 2 rows are missing"):
        read_times(month, range(7), "a.csv")


def test_midnight_without_its_hour_and_hour_24() -> None:
    assert calendar_of(["2024-01-01 22:00", "2024-01-01 23:00"]).text(2) == "2024-01-02 00:00"
    texts = ["2024-01-01", "2024-01-01 01:00", "2024-01-01 02:00"]  # as R writes them, midnight first
    assert read_times(texts, range(3), "a.csv").calendar.text(0) == "2024-01-01 00:00"
    texts = ["2024-01-01 23:00", "2024-01-02", "2024-01-02 01:00"]
    times = read_times(texts, range(3), "a.csv")
    assert times.steps.tolist() == [0, 1, 2] and times.calendar.text(1) == "2024-01-02 00:00"
    times = read_times(["2024-01-01 23:00", "2024-01-01 24:00", "2024-01-02 01:00"], range(3), "a.csv")
    assert times.steps.tolist() == [0, 1, 2] and times.calendar.text(1) == "2024-01-02 00:00"


def test_a_calendar_of_an_older_dataset_is_read_and_written_as_it_was() -> None:
    older = {"first": "1983-11", "step": "1 month", "form": "%Y-%m", "is_month_end": False}
    assert Calendar(**older).to_dict() == older  # type: ignore[arg-type]


@pytest.mark.parametrize("first", ["2006-12-24 00:00", "24.12.2006 00:00", "2006/12/24 00:00:00", "20061224T00:00"])
def test_the_twenty_fourth_at_midnight_is_no_hour_24(first: str) -> None:
    second = first.replace("00:00", "01:00", 1)
    times = read_times([first, second], range(2), "a.csv")
    assert times.calendar.step == "1 hour" and times.calendar.text(0) == first
