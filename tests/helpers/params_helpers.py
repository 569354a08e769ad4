"""What the tests of params.yaml share: a file that is right, and what is said of it once changed."""

from pathlib import Path

import pytest

from pipeline.params.load import Params, load_params
from pipeline.params.problems import ParamsError

GOOD = """\
seed: 0
tracking: {experiment: test}
datasets:
  toy:
    source: {name: digits}
    split: {test: 0.15}
    preprocess: {size: [32, 24], channels: 1}
    augment:
      views: 2
      transforms:
        - {name: Affine, rotate: [-10, 10], p: 0.5}
runs:
  cnn:
    dataset: toy
    task: {name: classify}
    model: {name: lenet5}
    train:
      epochs: 3
      batch_size: 64
      optimizer: {name: adam, lr: 0.004}
      schedule: {name: one_cycle}
    evaluate: {top_k: [1, 5]}
  rnn:
    dataset: toy
    task: {name: classify}
    model: {name: lstm, hidden_size: 16}
    train:
      epochs: 3
      batch_size: 64
      optimizer: {name: sgd, lr: 1e-3, momentum: 0.9}
    evaluate: {}
"""


def changed(*replacements: tuple[str, str]) -> str:
    text = GOOD
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def problems_of(text: str | bytes, folder: Path) -> list[str]:
    path = folder / "params.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ParamsError) as caught:
        load_params(path)
    header, *problems = str(caught.value).splitlines()
    assert header == f"{path} has {'a problem' if len(problems) == 1 else f'{len(problems)} problems'}:"
    return [problem.removeprefix("  ") for problem in problems]


def loaded(text: str, folder: Path) -> Params:
    path = folder / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return load_params(path)


AS_SERIES = (  # line numbers stay
    ("preprocess: {size: [32, 24], channels: 1}", "preprocess: {}"),
    ("views: 2\n      transforms:\n        - {name: Affine, rotate: [-10, 10], p: 0.5}\n", "views: 0\n\n\n"),
)
