"""The report of texts, read back with parsers that we did not write: facts, tables, and hostile texts.

Shapes: N texts.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markdown_it import MarkdownIt
from report_reading import HOSTILE, Reader

from saccade.data.spec import SPLITS
from saccade.display.page import Name
from saccade.kinds import Prepared
from saccade.kinds.tokens.corpus.arrays import cut_stream, stream_arrays, text_arrays
from saccade.kinds.tokens.corpus.checks import examine_texts
from saccade.kinds.tokens.corpus.class_texts import ClassTexts
from saccade.kinds.tokens.corpus.token_store import tokenize_all
from saccade.kinds.tokens.page.checked import CheckedStream, CheckedTexts
from saccade.kinds.tokens.page.labelled_texts import text_sections
from saccade.kinds.tokens.page.long_text import stream_sections
from saccade.kinds.tokens.text.tokenizer import Unit
from saccade.prepare.arrays import write_arrays
from saccade.readers.examples import TextExamples, TextStream
from saccade.report.dataset_page import write_dataset_page

N = 60
FILLING = ("a good film", "no", "the end , at last", "so it is")


def examples(pairs: Sequence[tuple[str, str]] | None = None, **fields: Any) -> TextExamples:
    texts = ClassTexts()
    for i in range(N) if pairs is None else ():
        texts.add(f"{FILLING[i % 4]} {i}", ("ant", "bee", "cow")[i % 3])
    for text, class_name in pairs or ():
        texts.add(text, class_name)
    return replace(texts.examples(lambda i: f"texts/{i}.txt"), **fields)


def report(
    folder: Path,
    source: TextExamples,
    *,
    unit: Unit = "words",
    splits: Sequence[str] | None = None,
    max_length: int = 5,
    max_vocabulary: int = 1000,
    **options: Any,
) -> Reader:
    for name in ("prepared", "report", "scratch"):
        (folder / name).mkdir(parents=True)
    spool = tokenize_all(source.texts, folder / "scratch", unit=unit, lower_case=False)
    findings = examine_texts(source, spool.digests, published=source.published_splits, **options)
    count = len(source.labels)
    splits_N = np.array(splits or (["train"] * 6 + ["validation"] * 2 + ["test"] * 2) * (count // 10 + 1))[:count]
    splits_N = np.where(findings.left_out, "", splits_N)
    rows_of = {name: np.flatnonzero(splits_N == name) for name in SPLITS}
    form, tokens = text_arrays(source, spool, rows_of, max_length=max_length, max_vocabulary=max_vocabulary)
    description = write_arrays(folder / "prepared", form, rows_of)
    data = CheckedTexts(source, findings, splits_N, tokens, max_length)
    sections = text_sections(description, folder / "prepared", data)
    write_dataset_page(folder / "report", "creatures", Prepared(description, sections, notes=data.notes))
    return Reader((folder / "report" / "report.html").read_text(encoding="utf-8"))


def markdown_of(folder: Path) -> str:
    return (folder / "report" / "summary.md").read_text(encoding="utf-8")


def table(page: Reader, section: str, head: str) -> list[list[str]]:
    """The rows below a head that begins so."""
    rows = page[section].rows
    start = max(i for i, row in enumerate(rows) if row[0].startswith(head))
    width = len(rows[start])
    below = []
    for row in rows[start + 1 :]:
        if len(row) != width or row[1] in ("times", "texts", "class"):
            break
        below.append(row)
    return below


# Labelled texts


def test_facts_classes_and_sections(tmp_path: Path) -> None:
    page = report(tmp_path, examples())
    assert "texts of 3 classes" in page[""].text and "5 words" in page[""].text
    assert table(page, "classes", "class")[0][:5] == ["ant", "12", "4", "4", "20"]
    keys = "prepared classes examples left-out conflicts leaks repeats lengths vocabulary notes"
    assert list(page.parts)[1:] == keys.split()
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"findings.json", "report.html", "summary.md"}
    assert "| train | 36 |" in markdown_of(tmp_path) and "![" not in markdown_of(tmp_path)


def test_what_was_looked_for_and_not_found_is_told_in_one_line(tmp_path: Path) -> None:
    page = report(tmp_path, examples())
    for key in ("left-out", "conflicts", "leaks", "repeats", "notes"):
        lines = [line for line in page[key].text.splitlines() if line.strip()]
        assert len(lines) == 2 and not page[key].rows, (key, lines)


def test_short_examples_stand_side_by_side_and_long_ones_do_not(tmp_path: Path) -> None:
    short = table(report(tmp_path / "a", examples(), max_length=2), "examples", "class")
    assert len(short) == 3 and all(len(row) == 6 and row[5] for row in short)
    long = table(
        report(tmp_path / "b", examples([("word " * 30 + str(i), "xy"[i % 2]) for i in range(40)]), max_length=99),
        "examples",
        "class",
    )
    assert [row[0] for row in long] == ["x"] * 5 + ["y"] * 5 and all(len(row) == 2 for row in long)


def test_examples_are_what_the_network_reads(tmp_path: Path) -> None:
    page = report(tmp_path, examples(), max_length=3, max_vocabulary=4)
    first = table(page, "examples", "class")[0]
    assert all("\N{REPLACEMENT CHARACTER}" in cell for cell in first[1:]) and "7" not in "".join(first)


def test_lengths_are_counted_in_each_split(tmp_path: Path) -> None:
    pairs = [("w " * (1 + i % 7), "xy"[i % 2]) for i in range(70)]
    page = report(tmp_path, examples(pairs), max_length=5, on_conflict="keep")
    rows = table(page, "lengths", "words")
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5", "6", "7"]
    lengths = np.arange(70) % 7
    for row, length in zip(rows, range(7), strict=True):
        at = np.flatnonzero(lengths == length) % 10
        assert row[1:4] == [str((at < 6).sum()), str(((at >= 6) & (at < 8)).sum()), str((at >= 8).sum())]
    assert "From 1 to 7 words; half of the texts have 4 or less" in page["lengths"].text
    assert "20 of 70 texts (28.6 %) are longer than max_length, 5" in page["lengths"].text


@pytest.mark.parametrize("longest", [1, 19, 333, 12_345])
def test_the_histogram_has_few_bars_and_holds_all(tmp_path: Path, longest: int) -> None:
    random = np.random.default_rng(longest)
    lengths = [1, longest, *random.integers(1, longest + 1, 48).tolist()]
    pairs = [("a" * length, "xy"[i % 2]) for i, length in enumerate(lengths)]
    rows = table(report(tmp_path, examples(pairs), unit="characters", on_conflict="keep"), "lengths", "characters")
    assert 1 <= len(rows) <= 16
    assert sum(int(cell.replace(",", "")) for row in rows for cell in row[1:4]) == 50
    starts = [int(row[0].split(" ")[0].replace(",", "")) for row in rows]
    counts = np.histogram(lengths, [*starts, np.inf])[0]
    assert starts[0] >= 1 and counts.tolist() == [sum(int(cell) for cell in row[1:4]) for row in rows]


def test_a_few_very_long_texts_share_the_last_bar(tmp_path: Path) -> None:
    pairs = [("a" * (1 + i % 10 + 5000 * (i == 7)), "xy"[i % 2]) for i in range(1000)]
    rows = table(report(tmp_path, examples(pairs), unit="characters", on_conflict="keep"), "lengths", "characters")
    assert [row[0] for row in rows][-2:] == ["9", "10 or more"] and len(rows) == 10
    assert sum(int(cell) for cell in rows[-1][1:4]) == 101


def test_the_vocabulary_and_what_it_lacks(tmp_path: Path) -> None:
    pairs = [("the cat" if i % 10 < 6 else "the dog dog", "xy"[i % 2]) for i in range(20)]
    page = report(tmp_path, examples(pairs), on_conflict="keep")
    assert (
        "4 ids: padding, unknown, and 2 of the 2 different words of the training split, which are all"
        in page["vocabulary"].text
    )
    assert [row[:3] for row in table(page, "vocabulary", "split")] == [
        ["train", "24", "0"], ["validation", "12", "8"], ["test", "12", "8"]
    ]  # fmt: skip
    assert [row[:2] for row in table(page, "vocabulary", "most frequent words")] == [["cat", "12"], ["the", "12"]]
    assert [row[:2] for row in table(page, "vocabulary", "most frequent unknown words of the test")] == [["dog", "8"]]
    assert "at most 66.7 % unknown" in page[""].text
    small = report(tmp_path / "b", examples(pairs), on_conflict="keep", max_vocabulary=3)
    assert "1 rarer ones are unknown there, too (max_vocabulary)" in small["vocabulary"].text


def test_a_space_and_a_line_break_can_be_seen(tmp_path: Path) -> None:
    page = report(tmp_path, examples([(f"a \n{i}", "xy"[i % 2]) for i in range(20)]), unit="characters")
    shown = [row[0] for row in table(page, "vocabulary", "most frequent characters")]
    assert "(space)" in shown and "\\n" in shown


def test_conflicts_say_the_most_that_can_be_reached(tmp_path: Path) -> None:
    pairs = [(f"text {i}", "xy"[i % 2]) for i in range(20)] + [("same", label) for label in "xxxyy"]
    splits = ["train", "validation", "test", "test"] * 5 + ["test"] * 5
    page = report(tmp_path, examples(pairs), splits=splits, on_conflict="keep")
    assert "accuracy of 100.0 % on train, 100.0 % on validation, 86.7 % on test" in page["conflicts"].text  # 13 of 15
    assert table(page, "conflicts", "text") == [["same", "x 3, y 2", "test"]]
    apart = [*splits[:20], "train", "test", "test", "test", "validation"]  # x; x, x, y; y
    page = report(tmp_path / "c", examples(pairs, published_splits=apart), splits=apart, on_conflict="keep")
    assert "accuracy of 100.0 % on train, 100.0 % on validation, 92.3 % on test" in page["conflicts"].text  # 12 of 13
    gone = report(tmp_path / "b", examples(pairs), splits=splits, on_conflict="quarantine")
    assert "All of them were left out" in gone["conflicts"].text
    assert table(gone, "left-out", "left out") == [["the same text under several classes", "5"]]


def test_repeats_leaks_and_what_is_left_out(tmp_path: Path) -> None:
    pairs = [(f"text {i}", "xy"[i % 2]) for i in range(20)] + [("same", "x")] * 3 + [("", "y")]
    splits = ["train", "validation", "test", "test"] * 5 + ["train", "train", "test", ""]
    source = examples(pairs, published_splits=[split or "train" for split in splits], notes=("left out 2 empty lines",))
    page = report(tmp_path, source, splits=splits)
    assert table(page, "repeats", "text") == [["same", "x", "3", "train, test"]]
    assert "2 copies, 1 texts across splits" in page[""].text
    assert table(page, "leaks", "text") == [["same", "x 3", "train, test"]]
    assert table(page, "left-out", "cannot be read")[-1:] == [
        ["texts/23.txt", "y", "must not be empty: it holds nothing but white space"]
    ]
    assert "left out 2 empty lines" in page["notes"].text
    dropped = report(tmp_path / "b", source, splits=splits, repeats="drop")
    assert ["repeated", "2"] in table(dropped, "left-out", "left out")
    assert "The copies were left out" in dropped["repeats"].text


def hostile(where: str) -> TextExamples:
    """Every section has something to show, and the words are hostile in one place."""
    count = len(HOSTILE)
    pairs = []
    for i in range(2 * count):
        text = HOSTILE[i % count] if where == "texts" else f"text {i % count}"
        label = HOSTILE[i % count] if where == "classes" else "bee"
        pairs += [(text, label), (text, label), (text, "zebra")]
    pairs += [(f"once {i}", HOSTILE[i % count] if where == "classes" else "bee") for i in range(40)]
    reasons = HOSTILE if where == "reasons" else [f"must be a text {i}" for i in range(count)]
    return examples(
        pairs,
        name=(lambda i: HOSTILE[i % count]) if where == "names" else (lambda i: f"t/{i}"),
        unreadable=dict(enumerate(reasons, start=6 * count)),
        published_splits=["train", "test"] * (len(pairs) // 2),
        notes=HOSTILE if where == "notes" else (),
    )


@pytest.mark.parametrize("unit", ["characters", "words"])
@pytest.mark.parametrize("where", ["texts", "classes", "names", "reasons", "notes"])
def test_hostile_texts_are_shown_and_do_nothing(tmp_path: Path, where: str, unit: Unit) -> None:
    page = report(tmp_path, hostile(where), unit=unit, max_length=6000, on_conflict="keep")
    plain = report(tmp_path / "plain", hostile("nowhere"), unit=unit, max_length=6000, on_conflict="keep")
    assert page.tags == plain.tags
    assert {name for name, _ in page.attributes} == {name for name, _ in plain.attributes}
    seen = "".join(part.text for part in page.parts.values())
    for name in HOSTILE:
        shown = Name(name.strip() if where == "texts" else name).escaped
        assert shown.isprintable() and shown in seen
    markdown = Reader(MarkdownIt("commonmark").enable("table").render(markdown_of(tmp_path)))
    assert markdown.tags <= {"h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "code"}
    for name in HOSTILE:
        assert Name(name.strip() if where == "texts" else name).escaped.strip() in markdown[""].text


def test_the_same_data_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        report(tmp_path / name, hostile("texts"), on_conflict="keep")
    for file in ("report.html", "summary.md"):
        assert (tmp_path / "a" / "report" / file).read_bytes() == (tmp_path / "b" / "report" / file).read_bytes()


# A long text


def stream_report(folder: Path, text: str, *, length: int = 8, stride: int = 8, overfit: bool = False) -> Reader:
    for name in ("prepared", "report", "scratch"):
        (folder / name).mkdir(parents=True)
    spool = tokenize_all([text], folder / "scratch", unit="characters", lower_case=False)
    parts = cut_stream(len(text), test=0.2, validation=0.2)
    if overfit:
        parts = dict.fromkeys(SPLITS, (0, len(text)))
    form, rows_of, tokens = stream_arrays(spool, parts, length=length, stride=stride, max_vocabulary=100)
    description = write_arrays(folder / "prepared", form, rows_of)
    data = CheckedStream(TextStream([text]), tokens, parts, stride, overfit)
    sections = stream_sections(description, folder / "prepared", data)
    write_dataset_page(folder / "report", "bard", Prepared(description, sections, notes=data.notes))
    return Reader((folder / "report" / "report.html").read_text(encoding="utf-8"))


def test_the_parts_of_a_text(tmp_path: Path) -> None:
    text = "".join(chr(97 + i % 26) for i in range(1000))
    page = stream_report(tmp_path, text)
    rows = table(page, "parts", "part")
    assert [row[:4] for row in rows] == [
        ["train", "1", "600", "600"], ["validation", "601", "800", "200"], ["test", "801", "1,000", "200"]
    ]  # fmt: skip
    assert rows[1][4] == text[600:700] and rows[1][5] == text[700:800]
    assert table(page, "windows", "training window")[1] == ["2", text[8:16], text[9:17]]
    assert "overlap" not in page["windows"].text.split("In validation")[0]
    overlapping = stream_report(tmp_path / "b", text, stride=4)
    assert "one begins every 4, so that they overlap" in overlapping["windows"].text
    assert "| train | 75 |" in markdown_of(tmp_path)


def test_what_is_learnt_by_heart_asks_for_a_look(tmp_path: Path) -> None:
    page = stream_report(tmp_path, "hello", length=4, overfit=True)
    assert "says nothing about other text" in page["parts"].text and "learnt by heart" in page[""].text
    assert table(page, "windows", "training window") == [["1", "hell", "ello"]]


def test_a_hostile_text_does_nothing(tmp_path: Path) -> None:
    page, plain = stream_report(tmp_path / "a", "\n".join(HOSTILE)), stream_report(tmp_path / "b", "abc\n" * 2000)
    assert page.tags == plain.tags
    assert {name for name, _ in page.attributes} == {name for name, _ in plain.attributes}


def test_real_names_make_a_small_page(tmp_path: Path, real_data: Callable[[str], Path]) -> None:
    names = sorted(real_data("names").glob("*.txt"))
    pairs = [(line.strip(), path.stem) for path in names for line in path.read_text(encoding="utf-8").splitlines()]
    page = report(tmp_path, examples(pairs[::4]), unit="characters", max_length=20, on_conflict="keep")
    assert len((tmp_path / "report" / "report.html").read_bytes()) < 100_000
    assert "Zuñiga" in page["examples"].text
