"""The page of a run, from small reports that are written here and not trained: sections, hostile names, size."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from report_reading import HOSTILE, Reader
from run_reports import MAIN, full, report, write_csv, write_picture

from saccade.core import registry
from saccade.run_page.blocks import Curve, LineChart
from saccade.run_page.charts import x_axis, y_axis
from saccade.run_page.page import write_run_page
from saccade.run_page.pictures import MAX_BYTES, Pictures
from saccade.run_page.record import Setting, Surroundings

MAX_PAGE_BYTES = 3_000_000


def page_of(folder: Path, task: str = "classify", **around: Any) -> Reader:
    html = write_run_page(folder, Surroundings(task, **around)).read_text(encoding="utf-8")
    assert len(html.encode()) < MAX_PAGE_BYTES
    return PageReader(html)


class PageReader(Reader):
    """A reader that knows what a chart is made of."""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]
        self.tags.add(tag)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)


@pytest.mark.parametrize("task", sorted(MAIN))
def test_the_page_of_each_task_has_the_sections_that_the_task_names(tmp_path: Path, task: str) -> None:
    page = page_of(full(tmp_path / "tiny", task), task)
    named = registry.constant("tasks", task, "SECTIONS")
    there = {path.stem for path in (tmp_path / "tiny" / "evaluation").iterdir()}
    expected = {name.replace("_", "-") for name in named if name in there}
    assert expected and expected <= set(page.parts)
    assert {
        "figures",
        "training",
        "doctor",
        "seen",
        "slices",
        "speed",
        "doubtful-labels",
        "label-cost",
        "again",
        "record",
    } <= set(page.parts)


@pytest.mark.parametrize("task", sorted(registry.names("tasks")))
def test_the_files_that_a_task_shows_are_among_those_that_it_writes(task: str) -> None:
    source = registry.source_file("tasks", task).read_text(encoding="utf-8")
    written = {"mistakes", "by_series"}  # by parts that tasks share
    written |= {"read_lines", "worst_lines", "wrong_and_sure"}  # by names that stand in a dict
    for name in registry.constant("tasks", task, "SECTIONS"):
        assert name in written or re.search(rf'"{name}\.(csv|png|txt)"', source), name


def test_what_the_network_sees_shows_pictures_coloured_tokens_and_commands(tmp_path: Path) -> None:
    folder = full(tmp_path / "tiny", "classify")
    write_csv(
        folder / "evaluation" / "influences.csv",
        ["example", "answer", "heading", "unit", "place", "token", "is_unknown", "influence"],
        [(1, 1, f"said {HOSTILE[0]}", "words", t + 1, HOSTILE[0], t, -0.5 if t else 0.25) for t in range(2)]
        + [(1, 2, "is bee", "words", t + 1, "ha", 0, 0) for t in range(500)],
    )
    html = write_run_page(folder, Surroundings("classify")).read_text(encoding="utf-8")
    seen = html[html.index('<section id="seen">') :].partition("</section>")[0]
    assert 'alt="Test images, each beside a map' in seen and "<code>saccade explain tiny</code>" in seen
    assert re.findall(r'<span class="(\w+(?: unknown)?)" style="--a:(\S+)" title="(\S+)"', seen) == [
        ("for", "0.50", "+0.25"),
        ("against unknown", "1.00", "-0.5"),
    ]
    assert "is bee (the first 400 of 500 words)" in seen and HOSTILE[0] not in seen


def test_a_section_is_left_out_where_its_file_is_missing(tmp_path: Path) -> None:
    page = page_of(report(tmp_path / "tiny"))
    assert set(page.parts) == {"", "again", "record"}
    assert "None" not in page[""].text


def test_a_task_that_names_no_sections_shows_its_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = full(tmp_path / "tiny", "classify")
    write_picture(folder / "evaluation" / "own_drawing.png")
    monkeypatch.setattr(registry, "constant_or", lambda default, *names: default)
    page = page_of(folder)
    assert "Own drawing" in page["own-drawing"].text
    assert "learning-curves" not in page.parts and "predictions" in page.parts


def test_the_headline_stands_beside_its_interval_and_its_baseline(tmp_path: Path) -> None:
    page = page_of(report(tmp_path / "tiny", MAIN["classify"]), verdict="no real difference", counts={"test": 30})
    assert "test accuracy0.900095 %: 0.7400 to 0.9700" in page[""].text.replace("\n", "").replace("\u00a0", " ")
    assert "no real difference from the baseline" in page["figures"].text
    assert "30 test examples say little: single ones decide every figure." in page["data"].text


def test_a_run_worse_than_its_baseline_is_marked(tmp_path: Path) -> None:
    folder = report(tmp_path / "tiny", MAIN["classify"])
    html = write_run_page(folder, Surroundings("classify", verdict="worse")).read_text(encoding="utf-8")
    assert '<li class="look"><span class="sign" aria-hidden="true">!</span><a href="#figures">' in html


def test_of_errors_the_least_baseline_comes_first_and_the_best_is_told_once(tmp_path: Path) -> None:
    metrics = {"mae": 18.0, "ridge_mae": 18.5, "persistence_mae": 23.9, "baseline_mae": 18.5}
    text = page_of(report(tmp_path / "tiny", metrics), "forecast")["figures"].text
    assert text.index("ridge") < text.index("persistence")
    assert (
        "baseline"
        not in text.split("All metrics")[0].replace("from the baseline", "").split("compared with a baseline")[-1]
    )


def test_what_could_not_be_measured_is_told_with_its_reason(tmp_path: Path) -> None:
    metrics = {"macro_f1": 0.5, "macro_f1_low": None, "macro_f1_high": None, "macro_f1_interval_reason": "5 examples"}
    assert "No interval of macro F1: 5 examples." in page_of(report(tmp_path / "tiny", metrics))["figures"].text
    assert (
        "No MASE: nothing divides by 0."
        in page_of(report(tmp_path / "b", MAIN["forecast"]), "forecast")["figures"].text
    )


def test_a_paired_test_goes_before_intervals_that_touch(tmp_path: Path) -> None:
    folder = report(tmp_path / "tiny", MAIN["classify"])
    paired = {"verdict": "better", "p": 0.0123, "method": "McNemar's test", "examples": 1269}
    evaluated = {
        "beside_baseline": paired,
        "versions": {"torch": "2.16", "numpy": "2.4"},
        "files": {"metrics.json": "ab"},
    }
    (folder / "evaluated.json").write_text(json.dumps(evaluated), encoding="utf-8")
    page = page_of(folder, verdict="no real difference")
    assert "better, judged on the same 1,269 examples in pairs (McNemar's test, p = 0.012)" in page["figures"].text
    assert "better than the baseline, beyond chance" in page[""].text
    rows = page["record"].rows
    assert ["torch", "2.15"] in rows and ["torch at evaluation", "2.16"] in rows and ["numpy", "2.4"] in rows
    assert ["files: metrics.json", "ab"] in rows


def test_a_temperature_stands_with_its_reason(tmp_path: Path) -> None:
    metrics = {"accuracy": 0.9, "temperature": 1.0, "temperature_reason": "the loss on validation does not fall"}
    text = page_of(report(tmp_path / "tiny", metrics))["figures"].text
    assert "Temperature: the loss on validation does not fall." in text


def test_parts_that_err_more_than_the_rest_are_named(tmp_path: Path) -> None:
    page = page_of(full(tmp_path / "tiny", "classify"))
    assert "More than the rest, beyond chance: length 1 to 5." in page["slices"].text
    assert "1 part with more errors" in page[""].text


def test_the_largest_confusions_are_named_and_counted(tmp_path: Path) -> None:
    folder = report(tmp_path / "tiny")
    pairs = [("ant", "ant", 5), ("ant", "bee", 3), ("bee", "ant", 1), ("bee", "bee", 0)]
    write_csv(folder / "evaluation" / "confusion.csv", ["actual", "predicted", "count"], pairs)
    part = page_of(folder)["confusion"]
    assert (
        "4 of 9 test examples were taken for another class. Most often: ant for bee (3); bee for ant (1)." in part.text
    )
    assert ["ant", "bee", "3", "37.5\u00a0%"] in part.rows or ["ant", "bee", "3", "37.5 %"] in part.rows


def test_all_right_is_said_and_not_shown_as_an_empty_list(tmp_path: Path) -> None:
    folder = report(tmp_path / "tiny")
    pairs = [("ant", "ant", 5), ("ant", "bee", 0), ("bee", "ant", 0), ("bee", "bee", 4)]
    write_csv(folder / "evaluation" / "confusion.csv", ["actual", "predicted", "count"], pairs)
    part = page_of(folder)["confusion"]
    assert "None of 9 test examples was taken for another class." in part.text and "Confusions" not in part.text


def test_recall_of_each_class_has_its_interval(tmp_path: Path) -> None:
    folder = report(tmp_path / "tiny")
    rows = [("ant", 1, 1.0, 1, 50), ("bee", "", "", "", 0)]
    write_csv(folder / "evaluation" / "per_class.csv", ["class", "precision", "recall", "f1", "support"], rows)
    part = page_of(folder)["per-class"]
    assert "0.9287" in part.rows[1]  # Wilson's, of 50 of 50
    assert "Without test examples, and so not measured: bee." in part.text


@pytest.mark.parametrize("where", ["classes", "run"])
def test_names_that_mean_harm_are_shown_harmlessly(tmp_path: Path, where: str) -> None:
    names = [name.encode("utf-8", "backslashreplace").decode() for name in HOSTILE]
    folder = full(tmp_path / "tiny", "classify", names if where == "classes" else ("<b>", "'\""))
    if where == "run":
        report(folder, MAIN["classify"], run="<b>bold</b>", dataset='"><img src=x onerror=alert(1)>')
    counts = dict.fromkeys(names, 5)
    findings = [{"title": "Near duplicates", "result": name, "is_fine": False} for name in names]
    settings = [Setting("dataset.source.path", name, name) for name in names]
    page = page_of(folder, class_counts=counts, counts={"test": 9}, findings=findings, settings=settings)
    assert not {"b", "i", "iframe", "object"} & (page.tags - {"i"}) and "b" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert all(value.startswith("data:image/") for name, value in page.attributes if name == "src")
    assert html_scripts(folder) == 1
    if where == "classes":
        assert "<script>alert(1)</script>.png" in page["confusion"].text


def test_a_file_name_that_is_not_utf8_is_shown_with_what_can_be_read(tmp_path: Path) -> None:
    folder = full(tmp_path / "tiny", "classify")
    mistakes = folder / "evaluation" / "mistakes.csv"
    mistakes.write_bytes(mistakes.read_bytes().replace(b"hm", b"caf\xe9.png"))
    assert "caf\N{REPLACEMENT CHARACTER}.png" in page_of(folder)["mistakes"].text


def html_scripts(folder: Path) -> int:
    return (folder / "report.html").read_text(encoding="utf-8").count("<script")


def test_nothing_is_loaded_and_only_our_script_may_run(tmp_path: Path) -> None:
    folder = full(tmp_path / "tiny", "classify")
    page_of(folder, counts={"test": 9}, dataset_page="../datasets/dots/report.html")
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", html)
    assert not re.search(r"<link|@import|url\(|<iframe|<object|<form", html)
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in html


def test_headings_are_in_order_and_pictures_have_words(tmp_path: Path) -> None:
    folder = full(tmp_path / "tiny", "classify")
    page = page_of(folder)
    html = (folder / "report.html").read_text(encoding="utf-8")
    levels = [int(level) for level in re.findall(r"<h(\d)", html)]
    assert levels[0] == 1 and set(levels[1:]) == {2}
    assert all(image["alt"] for part in page.parts.values() for image in part.images)
    assert html.count("<svg") == html.count('role="img" aria-label="')
    assert 'aria-label="Loss: training from 2 to 0.667; validation from 2.1 to 0.7, over epoch 1 to 3"' in html


def test_pictures_share_what_room_there_is(tmp_path: Path) -> None:
    folder = report(tmp_path / "tiny")
    for name in ("a", "b", "c"):
        write_picture(folder / "evaluation" / f"{name}.png", side=300)
    pictures = Pictures(left=90_000)
    shown = [pictures.embed(folder / "evaluation" / f"{name}.png") for name in ("a", "b", "c")]
    used = sum(len(base64.b64decode(image.uri.split(",")[1])) for image in shown if image)
    assert shown[0] is not None and used <= 90_000 < MAX_BYTES
    assert len(pictures.passed_over) == shown.count(None)


def test_hundreds_of_classes_fit_into_the_page(tmp_path: Path) -> None:
    folder = report(tmp_path / "tiny", MAIN["classify"])
    names = [f"class number {k}" for k in range(300)]
    pairs = [(a, b, 5 if a == b else int((i + j) % 97 == 0)) for i, a in enumerate(names) for j, b in enumerate(names)]
    write_csv(folder / "evaluation" / "confusion.csv", ["actual", "predicted", "count"], pairs)
    per_class = [(name, 0.5, 0.5, 0.5, 20) for name in names]
    write_csv(folder / "evaluation" / "per_class.csv", ["class", "precision", "recall", "f1", "support"], per_class)
    part = page_of(folder)["confusion"]
    assert len(part.rows) == 1 + 100 and "the 100 largest of" in part.text


def test_numbers_are_no_class_names(tmp_path: Path) -> None:
    folder = report(tmp_path / "tiny")
    rows = [("slices", "3", 0.5)]
    write_csv(folder / "evaluation" / "slices.csv", ["by", "value", "error"], rows)
    html = write_run_page(folder, Surroundings("classify")).read_text(encoding="utf-8")
    assert '<bdi class="name">3</bdi>' in html


def test_members_of_an_ensemble_have_a_curve_and_a_line_each(tmp_path: Path) -> None:
    metrics = {"accuracy": 0.9, "members": {"accuracy": {"mean": 0.8, "std": 0.1, "values": [0.7, 0.9]}}}
    folder = report(tmp_path / "tiny", metrics)
    rows = [(e, m, 2.0 / e, 2.0 / e + m) for m in (0, 1) for e in (1, 2)]
    write_csv(folder / "history.csv", ["epoch", "member", "train_loss", "validation_loss"], rows)
    page = page_of(folder)
    assert "0.7000, 0.9000" in page["members"].text
    assert "member 0" in page["training"].text and "member 1" in page["training"].text


def test_a_run_of_an_earlier_version_has_a_page(tmp_path: Path) -> None:
    folder = report(tmp_path / "tiny", {"accuracy": 0.5})
    trained = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    del trained["record"]
    (folder / "run.json").write_text(json.dumps(trained), encoding="utf-8")
    assert "no git repository" in page_of(folder, settings=None)["again"].text


def test_axes_have_round_numbers_around_all_values() -> None:
    chart = LineChart("t", "x", [1, 2], [Curve("a", [0.21, 0.93])])
    assert y_axis(chart, chart.curves) == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert x_axis([1, 2, 3, 24]) == [5, 10, 15, 20]
    assert x_axis([4]) == [4]
    flat = LineChart("t", "x", [1, 2], [Curve("a", [0.0, 0.0])])
    assert y_axis(flat, flat.curves)[0] < 0 < y_axis(flat, flat.curves)[-1]
    wide = LineChart("t", "x", [1, 2], [Curve("a", [0.002, 30.0])], is_logarithmic=True)
    assert y_axis(wide, wide.curves) == [0.001, 0.01, 0.1, 1.0, 10.0, 100.0]
