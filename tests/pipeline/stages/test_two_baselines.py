"""What simple models get, in the stage evaluate: measured once, beside each other, left out where they cannot be."""

from typing import Any

import numpy as np
import pytest
from conftest import Tree

from pipeline import paths
from pipeline.commands.compare import compare
from pipeline.schema.evaluate import EvaluateBlock
from pipeline.stages.evaluate.baselines import baseline_values, measure_baselines
from pipeline.stages.evaluate.in_words import verdict_on_baseline
from saccade import kinds
from saccade.core.errors import UserError
from saccade.core.files import write_json
from saccade.data.prepared import DatasetInfo
from saccade.data.spec import Spec
from saccade.kinds.image.baselines import linear_classifier, pretrained_baseline
from saccade.predict import frozen_features as module

COUNTS = {"train": 30, "validation": 9, "test": 12}


def write_dataset(shape: tuple[int, int, int] = (5, 4, 3)) -> DatasetInfo:
    """Three classes of another brightness each, in data/prepared/toy."""
    random, folder = np.random.default_rng(0), paths.prepared("toy")
    folder.mkdir(parents=True)
    for split, count in COUNTS.items():
        labels_N = np.arange(count) % 3
        images_NHWC = random.integers(0, 60, (count, *shape)) + 80 * labels_N[:, None, None, None]
        np.save(folder / f"{split}.npy", images_NHWC.astype(np.uint8))
        np.save(folder / f"{split}_labels.npy", labels_N)
        np.save(folder / f"{split}_rows.npy", np.arange(count))
    arrays = {f"{split}{suffix}.npy": {"sha256": f"{split}{suffix}"} for split in COUNTS for suffix in ("", "_labels")}
    return DatasetInfo(Spec("image", shape, ("a", "b", "c")), COUNTS, {}, [0.5] * shape[2], [0.2] * shape[2], arrays)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images the network was asked about, each time; what it answers is their brightness."""
    calls: list[int] = []

    def read(images_NHWC: np.ndarray) -> np.ndarray:
        calls.append(len(images_NHWC))
        return images_NHWC.mean(axis=(1, 2), dtype=np.float32)

    def frozen(info: DatasetInfo, *, device: str, progress: Any) -> kinds.FrozenFeatures:
        return kinds.FrozenFeatures("brightness", read, "digest", check=lambda: None, progress=progress)

    monkeypatch.setattr(module, "frozen_features", frozen)
    return calls


def test_both_are_measured_once_with_their_intervals(
    inside: Tree, asked: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    info = write_dataset()
    metrics = measure_baselines("toy", info, EvaluateBlock())
    of_each = ("accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy")
    assert list(metrics) == [f"{prefix}{name}" for prefix in ("baseline_", "baseline_features_") for name in of_each]
    assert metrics["baseline_features_accuracy"] == metrics["baseline_features_accuracy_high"] == 1
    assert 0.7 < metrics["baseline_features_accuracy_low"] < 0.8  # of 12 images
    assert asked == [30, 9, 12]
    assert "toy: measuring the baseline, once (features of brightness into a" in capsys.readouterr().out
    assert measure_baselines("toy", info, EvaluateBlock()) == metrics
    assert asked == [30, 9, 12] and capsys.readouterr().out == ""


def test_before_evaluation_the_test_split_is_not_read_and_the_figures_on_validation_are_the_same(
    inside: Tree, asked: list[int]
) -> None:
    info = write_dataset()
    whole = {each.name: values for each, values in baseline_values("toy", info, EvaluateBlock())}
    for kept in paths.baseline_store().glob("*.json"):
        kept.unlink()
    asked.clear()
    for array in paths.prepared("toy").glob("test*"):
        array.unlink()
    before = {each.name: values for each, values in baseline_values("toy", info, EvaluateBlock(), on_test=False)}
    assert 12 not in asked and len(before) == len(whole) == 2
    for name, values in before.items():
        assert values["validation_accuracy"] == whole[name]["validation_accuracy"]
    with pytest.raises(UserError, match=r"test\.npy does not exist"):
        measure_baselines("toy", info, EvaluateBlock())  # these figures are not taken for those of the test split


def test_what_is_thinned_is_said_and_makes_the_interval_wider(
    inside: Tree, asked: list[int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pretrained_baseline, "MAX_IMAGES", {"train": 15, "validation": 20, "test": 6})
    metrics = measure_baselines("toy", write_dataset(), EvaluateBlock())
    assert "measured on fewer images, classes in proportion: train 15 of 30, test 6 of 12\n" in capsys.readouterr().out
    assert 0.6 < metrics["baseline_features_accuracy_low"] < 0.7  # of 6 images


@pytest.mark.parametrize(
    ("shape", "choice", "has"),
    [
        ((5, 4, 3), "auto", True),
        ((5, 4, 1), "auto", False),
        ((32, 32, 1), "auto", False),
        ((32, 33, 1), "auto", True),
        ((5, 4, 1), True, True),
        ((5, 4, 3), False, False),
    ],
)
def test_auto_asks_where_images_are_in_colour_or_large(
    inside: Tree, asked: list[int], shape: tuple[int, int, int], choice: Any, has: bool
) -> None:
    metrics = measure_baselines("toy", write_dataset(shape), EvaluateBlock(features_baseline=choice))
    assert ("baseline_features_accuracy" in metrics, bool(asked)) == (has, has)
    assert "baseline_accuracy" in metrics


def test_other_weights_or_code_are_measured_anew(
    inside: Tree, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    info = write_dataset()
    measure_baselines("toy", info, EvaluateBlock())
    with_other_weights = module.frozen_features

    def other(*arguments: Any, **options: Any) -> kinds.FrozenFeatures:
        found = with_other_weights(*arguments, **options)
        return kinds.FrozenFeatures(found.network, found.read, "other", check=found.check)

    monkeypatch.setattr(module, "frozen_features", other)
    measure_baselines("toy", info, EvaluateBlock())
    assert asked == [30, 9, 12] * 2


def test_missing_weights_are_said_once_and_looked_for_again(
    inside: Tree, asked: list[int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    info, installed = write_dataset(), module.frozen_features

    def missing(*arguments: Any, **options: Any) -> kinds.FrozenFeatures:
        def check() -> None:
            raise UserError("its package some-weights is not installed")

        found = installed(*arguments, **options)
        return kinds.FrozenFeatures(found.network, found.read, "digest", check=check)

    monkeypatch.setattr(module, "frozen_features", missing)
    metrics = measure_baselines("toy", info, EvaluateBlock())
    assert "baseline_accuracy" in metrics and "baseline_features_accuracy" not in metrics
    line = "  toy: the baseline on features is not measured: its package some-weights is not installed\n"
    assert line in capsys.readouterr().out
    assert measure_baselines("toy", info, EvaluateBlock()) == metrics and capsys.readouterr().out == ""
    monkeypatch.setattr(module, "frozen_features", installed)
    assert "baseline_features_accuracy" in measure_baselines("toy", info, EvaluateBlock())


def test_a_change_of_what_both_share_measures_both_anew(inside: Tree, asked: list[int]) -> None:
    found = kinds.baselines(write_dataset(), module.frozen_features(None, device="cpu", progress=print))
    assert all(linear_classifier.__file__ in map(str, each.code) for each in found)


def write_run(name: str, **metrics: float) -> None:
    write_json(paths.report(name) / "run.json", {"model": "lenet5", "parameters": 7, "train_elapsed_s": 1.0})
    write_json(paths.report(name) / "metrics.json", {"accuracy": 0.8, **metrics})


def interval(prefix: str, low: float, high: float) -> dict[str, float]:
    return {f"{prefix}accuracy": (low + high) / 2, f"{prefix}accuracy_low": low, f"{prefix}accuracy_high": high}


def test_the_table_has_a_column_for_features_where_they_were_measured(
    inside: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(*names: str) -> str:
        compare(names, named=False)
        return capsys.readouterr().out

    own, histograms = interval("", 0.75, 0.85), interval("baseline_", 0.5, 0.6)
    write_run("plain", **own, **histograms)
    write_run("photos", **own, **histograms, **interval("baseline_features_", 0.9, 0.96))
    assert "on features" not in printed("plain") and "better" in printed("plain")
    table = printed("plain", "photos", "never")
    assert table.index("baseline") < table.index("on features") < table.index("against it")
    (photos,) = [line for line in table.splitlines() if "photos" in line]
    assert "0.5500" in photos and "0.9300" in photos and "worse" in photos  # against the better one
    (plain,) = [line for line in table.splitlines() if "plain" in line]
    assert plain.count(" - ") == 1 and "better" in plain
    assert "not trained yet" in table


def test_the_word_is_that_of_the_better_baseline() -> None:
    metrics = interval("", 0.75, 0.85) | interval("baseline_", 0.5, 0.6)
    assert verdict_on_baseline(metrics, "accuracy") == "better"
    assert verdict_on_baseline(metrics | interval("baseline_features_", 0.9, 0.96), "accuracy") == "worse"
    assert verdict_on_baseline(metrics | interval("baseline_features_", 0.8, 0.96), "accuracy") == "no real difference"
