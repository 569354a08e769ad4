"""`saccade check` on runs over texts: what has no effect there, or elsewhere, is named before anything is read."""

from pathlib import Path

import pytest
from params_helpers import problems_of

from pipeline.params.load import load_params

_DATASETS = """
seed: 0
tracking: {experiment: saccade}
datasets:
  digits: {source: {name: digits}, split: {}, preprocess: {size: [8, 8], channels: 1}, augment: {views: 0}}
  words:
    source: {name: text_folder, path: words}
    split: {}
    preprocess: {unit: words, max_length: 9}
    augment: {views: 0}
  verse:
    source: {name: plain_text, text: hello}
    split: {overfit: true}
    preprocess: {unit: characters, length: 4}
    augment: {views: 0}
runs:
  run:
    dataset: DATASET
    task: {name: TASK}
    model: {name: MODEL}
    train: {epochs: 1, batch_size: 2, optimizer: {name: sgd, lr: 0.1}TRAIN}
    evaluate: {}
"""


def of(dataset: str, task: str, model: str, train: str = "") -> str:
    changes = {"DATASET": dataset, "TASK": task, "MODEL": model, "TRAIN": train and f", {train}"}
    text = _DATASETS
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            of("digits", "classify", "lstm, embedding_size: 8"),
            "line 20: runs.run.model.embedding_size: embedding_size is for texts, but digits is image: leave it out",
        ),
        (
            of("digits", "classify", "lstm", "length_buckets: true"),
            "line 21: runs.run.train.length_buckets: examples of digits (image) are of one length: leave "
            "length_buckets out",
        ),
        (
            of("verse", "next_token", "conv1d"),
            "line 20: runs.run.model: conv1d answers once an example, but next_token asks at each step; "
            "take gru, lstm, rnn",
        ),
        (
            of("verse", "next_token", "gru, bidirectional: true"),
            "line 20: runs.run.model.bidirectional: bidirectional is for one answer an example, but next_token asks at "
            "each step: leave it out",
        ),
        (
            of("verse", "next_token", "rnn, pool: mean"),
            "line 20: runs.run.model.pool: pool is for one answer an example, but next_token asks at each step: leave "
            "it out",
        ),
        (
            of("words", "next_token", "lstm"),
            "line 19: runs.run.task: next_token predicts next tokens, but the labels of words are classes; "
            "classify would",
        ),
        (of("words", "classify", "lenet5"), "line 20: runs.run.model: lenet5 takes image, but words is tokens"),
        (
            of("verse", "next_token", "lstm", "class_weights: inverse"),
            "line 21: runs.run.train.class_weights: next_token predicts no classes: leave class_weights out",
        ),
        (
            of("words", "classify", "lstm", "mixup: 0.2"),
            "line 21: runs.run.train.mixup: mixup takes image or series, but words is tokens: leave mixup out",
        ),
        (
            of("digits", "classify", "conv1d, from_last: true"),
            "line 20: runs.run.model.from_last: from_last is for forecasts, but classify makes none: leave it out",
        ),
        (
            of("words", "classify", "lstm, embedding_size: 0"),
            "line 20: runs.run.model.embedding_size: 0: must be greater than or equal to 1",
        ),
    ],
)
def test_what_has_no_effect_is_named(text: str, expected: str, tmp_path: Path) -> None:
    assert problems_of(text, tmp_path) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        of("words", "classify", "lstm, embedding_size: 8, bidirectional: true, pool: max", "length_buckets: false"),
        of("words", "classify", "conv1d, embedding_size: 8", "sampler: balanced"),
        of("verse", "next_token", "gru, pool: last, bidirectional: false, embedding_size: null"),
    ],
)
def test_what_has_an_effect_is_taken(text: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    load_params(tmp_path / "params.yaml")
