"""reports/index.html: a row for each run that was evaluated, with its date as its own page tells it."""

from pathlib import Path

import pytest
from report_reading import Reader
from run_reports import MAIN, report

from pipeline.commands import index_page
from saccade.run_page.page import write_run_page
from saccade.run_page.record import Surroundings


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "reports"


def test_each_evaluated_run_has_a_row_with_a_link_to_its_page(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = {**MAIN["classify"], "baseline_accuracy_low": 0.6, "baseline_accuracy_high": 0.9}
    report(reports / "a", metrics, run="a")
    write_run_page(reports / "a", Surroundings("classify", date="2026-11-30T17:30:59+00:00"))
    report(reports / "b", MAIN["forecast"], run="b")  # evaluated by a version that wrote no page
    report(reports / "trained", run="trained")
    index_page.say_pages("a")
    assert capsys.readouterr().out == "page: reports/a/report.html; all runs: reports/index.html\n"
    page = Reader((reports / "index.html").read_text(encoding="utf-8"))
    rows = [[cell.replace("\u00a0", " ") for cell in row] for row in page["runs"].rows[1:]]
    assert rows == [
        [
            "a",
            "lenet5",
            "dots",
            "accuracy",
            "0.9000",
            "0.7400 to 0.9700",
            "0.8000",
            "no real difference",
            "2026-11-30 17:30",
        ],
        ["b", "lenet5", "dots", "MAE", "18.2", "", "23.9", "", ""],
    ]
    assert [value for name, value in page.attributes if name == "href"] == ["a/report.html"]


def test_without_a_run_there_is_no_page_and_no_line(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index_page.say_index()
    assert capsys.readouterr().out == "" and not reports.exists()
