"""What preprocess and split must say of images, texts and series, and what is another kind's: before any data exist."""

from pathlib import Path

import pytest
from params_helpers import loaded, problems_of

TEXTS = """\
seed: 0
tracking: {experiment: t}
datasets:
  toy:
    source: {name: text_folder, path: nowhere}
    split: {}
    preprocess: {unit: words, max_length: 100}
    augment: {views: 0}
runs: {}
"""
STREAM = TEXTS.replace("text_folder, path: nowhere", "plain_text, text: hello").replace("max_length", "length")
IMAGES = TEXTS.replace("text_folder", "image_folder").replace(
    "unit: words, max_length: 100", "size: [8, 8], channels: 1"
)
KEYS_OF_TEXTS = "known: lower_case, max_length, max_vocabulary, on_conflict, on_unreadable, repeats, unit"
KEYS_OF_IMAGES = "known: channels, fit, near_duplicates, on_conflict, on_unreadable, size, value_range"
ALL_OF_TEXTS = "max_vocabulary: 9, lower_case: true, on_unreadable: quarantine, on_conflict: keep, repeats: drop"
ALL_OF_STREAMS = "stride: 3, max_vocabulary: 9, lower_case: true"


def said(text: str, folder: Path) -> list[str]:
    return [problem.split(": ", 1)[1] for problem in problems_of(text, folder)]


@pytest.mark.parametrize(
    "text",
    [
        TEXTS,
        TEXTS.replace("max_length: 100", f"max_length: 100, {ALL_OF_TEXTS}"),
        TEXTS.replace(
            "split: {}", "split: {test: given, allow_leakage: true, group_by: '{group}_*', train_fraction: 0.5}"
        ),
        TEXTS.replace("split: {}", "split: {order: time}"),
        TEXTS.replace("text_folder, path: nowhere", "text_table, table: t.csv, text_column: a, split_column: b"),
        TEXTS.replace("path: nowhere", "path: nowhere, examples: lines, encoding: latin-1, class_from: parent"),
        STREAM,
        STREAM.replace("length: 100", f"length: 100, {ALL_OF_STREAMS}"),
        STREAM.replace("split: {}", "split: {overfit: true}"),
        STREAM.replace("split: {}", "split: {test: 0.05, validation: 0.05, order: time}"),
    ],
)
def test_what_is_right(tmp_path: Path, text: str) -> None:
    assert loaded(text, tmp_path).datasets["toy"].augment.views == 0


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        (TEXTS, "unit: words, ", "", "preprocess.unit: missing; labelled texts need it, such as unit: words"),
        (TEXTS, ", max_length: 100", "",
         "preprocess.max_length: missing; labelled texts need it, such as max_length: 1000"),
        (STREAM, "unit: words, ", "", "preprocess.unit: missing; long texts need it, such as unit: characters"),
        (STREAM, ", length: 100", "", "preprocess.length: missing; long texts need it, such as length: 128"),
        (TEXTS, "words", "letters", "preprocess.unit: 'letters': must be 'characters' or 'words'"),
        (TEXTS, ": 100", ": 0", "preprocess.max_length: 0: must be greater than or equal to 1"),
        (TEXTS, ": 100", ": 100, max_vocabulary: 2",
         "preprocess.max_vocabulary: 2: must be greater than or equal to 3"),
        (TEXTS, ": 100", ": 100, size: [8, 8]", "preprocess.size: labelled texts take no size; " + KEYS_OF_TEXTS),
        (TEXTS, ": 100", ": 100, near_duplicates: true",
         "preprocess.near_duplicates: labelled texts take no near_duplicates; " + KEYS_OF_TEXTS),
        (TEXTS, ": 100", ": 100, length: 8",
         "preprocess.length: labelled texts take no length; did you mean 'max_length'?"),
        (STREAM, ": 100", ": 100, max_length: 8",
         "preprocess.max_length: long texts take no max_length; did you mean 'length'?"),
        (STREAM, ": 100", ": 100, stride: 101",
         "preprocess.stride: stride (101) must be at most length (100): what lies between windows would not be read"),
        (STREAM, ": 100", ": 100, on_conflict: keep",
         "preprocess.on_conflict: long texts take no on_conflict; known: length, lower_case, max_vocabulary, stride, "
         "unit"),
        (IMAGES, "channels: 1", "channels: 1, unit: words",
         "preprocess.unit: images take no unit; " + KEYS_OF_IMAGES),
        (IMAGES, "channels: 1", "channels: 1, on_conflict: keep",
         "preprocess.on_conflict: 'keep': must be 'error' or 'quarantine'"),
        (IMAGES, "channels: 1", "channels: 1, repeats: drop",
         "preprocess.repeats: images take no repeats; " + KEYS_OF_IMAGES),
        (TEXTS, "split: {}", "split: {group_near_duplicates: true}",
         "split.group_near_duplicates: text_folder gives labelled texts, which take no group_near_duplicates: leave it "
         "out"),
        (TEXTS, "split: {}", "split: {overfit: true}",
         "split.overfit: text_folder gives labelled texts, which take no overfit: leave it out"),
        (STREAM, "split: {}", "split: {group_by: x}",
         "split.group_by: plain_text gives long texts, which take no group_by: leave it out"),
        (STREAM, "split: {}", "split: {test: given}",
         "split.test: plain_text publishes no test split: give a share such as 0.05"),
        (STREAM, "split: {}", "split: {order: random}",
         "split.order: a long text is cut in its own order: training, validation, test; leave order out, or write "
         "time"),
        (STREAM, "split: {}", "split: {overfit: true, test: 0.1}",
         "split.test: with overfit, all of the text is in all three splits: leave test out"),
        (TEXTS, "path: nowhere", "path: nowhere, examples: rows",
         "source.examples: 'rows': must be 'files' or 'lines'"),
        (TEXTS, "path: nowhere", "pth: nowhere", "source.pth: text_folder takes no 'pth'; did you mean 'path'?"),
        (TEXTS, "views: 0", "views: 2, transforms: [{name: HorizontalFlip, p: 0.5}]",
         "augment.transforms: text_folder gives no images: write augment: {views: 0}"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_the_reason(tmp_path: Path, text: str, old: str, new: str, expected: str) -> None:
    assert old in text
    problems = [problem.removeprefix("datasets.toy.") for problem in said(text.replace(old, new, 1), tmp_path)]
    assert problems == [expected]


RUN = """\
runs:
  one:
    dataset: toy
    task: {name: classify}
    model: {name: lenet5}
    train: {epochs: 1, batch_size: 2, optimizer: {name: sgd, lr: 0.1}}
    evaluate: {}
"""


def test_networks_for_pictures_are_refused_on_text(tmp_path: Path) -> None:
    problems = said(TEXTS.replace("runs: {}\n", RUN), tmp_path)
    assert "runs.one.model: lenet5 takes image, but toy is tokens" in problems


def test_a_task_of_other_labels_is_refused(tmp_path: Path) -> None:
    problems = said(STREAM.replace("runs: {}\n", RUN), tmp_path)
    assert any("classify predicts classes, but the labels of toy are next tokens" in problem for problem in problems)
