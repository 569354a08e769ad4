"""What the tests of short trainings share: params.yaml with a tenth of digits, small, and a few runs."""

from collections.abc import Sequence


def dataset_entry(name: str = "digits", *, split: str = "{train_fraction: 0.1}", augment: str = "{views: 0}") -> str:
    """An entry of ``datasets:``, digits of 20 x 20 pixels; looking for near duplicates is most of preparing them."""
    return f"""\
  {name}:
    source: {{name: digits}}
    split: {split}
    preprocess: {{size: [20, 20], channels: 1, near_duplicates: false}}
    augment: {augment}
"""


def run_entry(
    name: str, train: str, *, dataset: str = "digits", model: str = "{name: lenet5}", evaluate: str = "{}"
) -> str:
    """An entry of ``runs:``."""
    return f"""\
  {name}:
    dataset: {dataset}
    task: {{name: classify}}
    model: {model}
    train: {train}
    evaluate: {evaluate}
"""


def params_text(runs: Sequence[str], *, datasets: Sequence[str] = (dataset_entry(),), seed: int = 0) -> str:
    """The whole file, of entries."""
    head = f"seed: {seed}\ntracking: {{experiment: saccade}}\n"
    return head + "datasets:\n" + "".join(datasets) + "runs:\n" + "".join(runs)
