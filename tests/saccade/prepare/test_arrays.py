"""Prepared datasets: written by preparing.py, read by prepared.py.

Shapes: N examples, V views, H height, W width, C channels, K classes.
"""

import dataclasses
import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.data.arrays import write_array
from saccade.data.prepared import DatasetInfo, open_split, read_dataset_info, read_evaluate_crop
from saccade.data.spec import SPLITS, Fit, Spec
from saccade.kinds.image.arrays import image_arrays
from saccade.kinds.image.checks.decode_pass import inspect_images
from saccade.kinds.image.pixels.resize import prepare_image
from saccade.kinds.series.arrays import series_arrays
from saccade.prepare import arrays as preparing
from saccade.prepare.arrays import rows_of_splits, write_arrays
from saccade.readers.examples import ImageExamples, SeriesExamples
from saccade.train.open_views import open_views

N = 23
assigned = np.array((["train"] * 5 + ["test", "validation", "", "train", "train", "test"]) * 3)[:N]
labels_by_row = np.arange(N) % 3


def examples(channels: int = 3) -> ImageExamples:
    """Images of different sizes, given in a way that tells each apart."""
    rng = np.random.default_rng(2)
    shapes = [(int(rng.integers(4, 12)), int(rng.integers(4, 12))) for _ in range(N)]
    images = [
        rng.integers(0, 256, size=(*shape, 3) if channels == 3 else shape, dtype=np.uint8).clip(0, 255 - 3 * i)
        for i, shape in enumerate(shapes)
    ]
    return ImageExamples(("cat", "dog", "owl"), labels_by_row, images.__getitem__, [f"{i}" for i in range(N)])


def write(folder: Path, *, channels: int = 3, splits_N: np.ndarray = assigned) -> DatasetInfo:
    folder.mkdir()
    return write_images(folder, examples(channels), splits_N, channels=channels)


def write_images(
    folder: Path,
    source: ImageExamples,
    splits_N: np.ndarray,
    *,
    channels: int = 3,
    fit: Fit = "stretch",
    **options: Any,
) -> DatasetInfo:
    with TemporaryDirectory(dir=folder) as scratch:
        inspected = inspect_images(source, Path(scratch), size=(7, 5), channels=channels)
        return write_arrays(folder, image_arrays(source, inspected, fit), rows_of_splits(splits_N), **options)


@pytest.mark.parametrize("channels", [1, 3])
def test_each_row_is_the_example_it_says_it_is(tmp_path: Path, channels: int) -> None:
    write(tmp_path / "a", channels=channels)
    source = examples(channels)
    for name in SPLITS:
        split = open_split(tmp_path / "a", name)
        np.testing.assert_array_equal(split.rows, np.flatnonzero(assigned == name))
        assert (split.examples.dtype, split.labels.dtype, split.rows.dtype) == (np.uint8, np.int64, np.int64)
        assert split.examples.shape == (len(split.rows), 7, 5, channels)
        np.testing.assert_array_equal(split.labels, labels_by_row[split.rows])
        expected = np.stack([prepare_image(source.image(int(row)), (7, 5), channels) for row in split.rows])
        np.testing.assert_array_equal(split.examples, expected)


def test_the_group_of_each_example_is_kept_where_there_are_groups(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    names = [f"patient {row * row % 7}" for row in range(N)]
    description = write_images(tmp_path / "a", examples(), assigned, groups=names)
    known: dict[str, int] = {}
    for name in SPLITS:
        split = open_split(tmp_path / "a", name)
        assert (
            split.groups is not None and split.groups.dtype == np.int64 and f"{name}_groups.npy" in description.arrays
        )
        for row, group in zip(split.rows.tolist(), split.groups.tolist(), strict=True):
            assert known.setdefault(names[row], group) == group  # one number in all splits
    assert sorted(known.values()) == list(range(len(set(names))))
    write(tmp_path / "b")
    assert open_split(tmp_path / "b", "test").groups is None and not list((tmp_path / "b").glob("*_groups.npy"))


@pytest.mark.parametrize("channels", [1, 3])
def test_mean_and_std_are_those_of_the_training_split(tmp_path: Path, channels: int) -> None:
    description = write(tmp_path / "a", channels=channels)
    pixels = open_split(tmp_path / "a", "train").examples.astype(np.float64) / 255
    np.testing.assert_allclose(description.mean, pixels.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(description.std, pixels.std(axis=(0, 1, 2)), rtol=1e-12)
    assert len(description.mean) == len(description.std) == channels


def test_a_constant_channel_keeps_a_std_that_can_be_divided_by(tmp_path: Path) -> None:
    image_HWC = np.full((7, 5, 3), (0, 51, 255), np.uint8)
    source = dataclasses.replace(examples(), load=lambda i: image_HWC)
    description = write_images(tmp_path, source, assigned)
    assert description.mean == pytest.approx([0, 0.2, 1], abs=1e-15)
    assert description.std == pytest.approx([1 / 255] * 3)


def test_the_description_counts_and_carries_the_digests(tmp_path: Path) -> None:
    description = write(tmp_path / "a")
    assert description.spec == Spec("image", (7, 5, 3), ("cat", "dog", "owl"))
    assert description.counts == {split: int((assigned == split).sum()) for split in SPLITS}
    for split in SPLITS:
        expected_K = [int(((assigned == split) & (labels_by_row == k)).sum()) for k in range(3)]
        assert description.class_counts[split] == expected_K
    assert set(description.arrays) == {f"{split}{end}.npy" for split in SPLITS for end in ("", "_labels", "_rows")}
    for name, array in description.arrays.items():
        assert array["sha256"] == hashlib.sha256((tmp_path / "a" / name).read_bytes()).hexdigest()
        loaded = np.load(tmp_path / "a" / name)
        assert (array["dtype"], array["shape"]) == (str(loaded.dtype), list(loaded.shape))
    assert description.digests("test") == {
        name: description.arrays[name]["sha256"] for name in ("test.npy", "test_labels.npy")
    }


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    description = write(tmp_path / "a")
    assert read_dataset_info(tmp_path / "a") == description
    assert json.loads((tmp_path / "a" / "dataset.json").read_text())["format"] == 1


@pytest.mark.parametrize("chunk_images", [0, 1, 2, 4, 5, 100])
def test_the_size_of_a_chunk_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_images: int
) -> None:
    expected = write(tmp_path / "whole")
    monkeypatch.setattr(preparing, "_CHUNK_BYTES", chunk_images * 7 * 5 * 3)
    seen: list[tuple[str, int, int | None]] = []
    (tmp_path / "parts").mkdir()
    got = write_images(tmp_path / "parts", examples(), assigned, progress=lambda *call: seen.append(call))
    assert got == expected  # with the digests of all arrays
    total = int((assigned != "").sum())
    steps = np.diff([0, *(done for _, done, _ in seen)])
    assert seen[-1] == ("images", total, total)
    assert {(what, of) for what, _, of in seen} == {("images", total)}
    assert steps.min() >= 1 and steps.max() == min(max(chunk_images, 1), int((assigned == "train").sum()))


def test_a_split_may_be_empty(tmp_path: Path) -> None:
    description = write(tmp_path / "a", splits_N=np.where(assigned == "validation", "", assigned))
    split = open_split(tmp_path / "a", "validation")
    assert split.examples.shape == (0, 7, 5, 3) and split.labels.shape == split.rows.shape == (0,)
    assert description.counts["validation"] == 0
    assert description.class_counts["validation"] == [0, 0, 0]


def test_a_dataset_that_is_not_there_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"birds/dataset\.json does not exist\. .* `saccade preprocess birds`"):
        read_dataset_info(tmp_path / "birds")


@pytest.mark.parametrize("other", [2, 0, None, "1"])
def test_another_format_is_refused(tmp_path: Path, other: int | str | None) -> None:
    write(tmp_path / "birds")
    path = tmp_path / "birds" / "dataset.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "format": other}))
    with pytest.raises(
        UserError, match=r"is of another format than 1, the one .* Make it again: `saccade preprocess birds`"
    ):
        read_dataset_info(tmp_path / "birds")
    del values["format"]
    path.write_text(json.dumps(values))
    with pytest.raises(UserError, match="is of another format than 1"):
        read_dataset_info(tmp_path / "birds")


def test_stored_views_are_opened_with_their_digest(tmp_path: Path) -> None:
    views = np.random.default_rng(0).integers(0, 256, size=(4, 3, 7, 5, 1), dtype=np.uint8)
    write_array(tmp_path / "train.npy", views)
    (tmp_path / "augment.json").write_text(json.dumps({"format": 1, "views": 4, "sha256": "abc"}))
    opened, digests = open_views(tmp_path, tmp_path / "no such folder")
    np.testing.assert_array_equal(opened, views)
    assert digests == {"views": "abc"}


def test_what_evaluation_looks_at_is_read_beside_the_views(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"augment\.json does not exist\. Make it with `saccade augment"):
        read_evaluate_crop(tmp_path)
    for more, share in (({}, 1.0), ({"evaluate_crop": 0.875}, 0.875)):
        (tmp_path / "augment.json").write_text(json.dumps({"format": 1, "views": 4, "sha256": "abc", **more}))
        assert read_evaluate_crop(tmp_path) == share


def test_without_views_the_prepared_images_are_the_only_one(tmp_path: Path) -> None:
    write(tmp_path / "prepared")
    (tmp_path / "augmented").mkdir()
    (tmp_path / "augmented" / "augment.json").write_text(json.dumps({"format": 1, "views": 0}))
    opened, digests = open_views(tmp_path / "augmented", tmp_path / "prepared")
    images = open_split(tmp_path / "prepared", "train").examples
    assert opened.shape == (1, *images.shape)
    np.testing.assert_array_equal(opened[0], images)
    assert digests == {}


def test_views_that_were_not_made_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"birds/augment\.json does not exist\. Make it with `saccade augment birds`"):
        open_views(tmp_path / "birds", tmp_path)


def test_series_are_written_as_they_are_with_moments_a_feature(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    values_NTF = random.normal([1e4, 0.5, 7], [0.1, 3, 0], size=(40, 6, 3)).astype(np.float32)
    targets_NO = random.normal(size=(40, 2))
    series = SeriesExamples(
        ("a", "b", "c"), ("x", "y"), targets_NO, values_NTF.__getitem__, [str(i) for i in range(40)]
    )
    splits_N = np.array(["train", "test", "train", "validation", ""] * 8)
    description = write_arrays(tmp_path, series_arrays(series), rows_of_splits(splits_N))
    assert description.spec == Spec("series", (6, 3), targets=("x", "y"), features=("a", "b", "c"))
    assert description.spec.num_outputs == 2
    assert description.counts == {"train": 16, "validation": 8, "test": 8} and description.class_counts == {}
    train_NTF = values_NTF[splits_N == "train"]
    split = open_split(tmp_path, "train")
    np.testing.assert_array_equal(split.examples, train_NTF)
    np.testing.assert_array_equal(split.labels, targets_NO[splits_N == "train"].astype(np.float32))
    flat = train_NTF.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(description.mean, flat.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(description.std, [*flat.std(axis=0)[:2], 1.0], rtol=1e-9)  # the third never varies
    assert read_dataset_info(tmp_path) == description


def test_moments_do_not_depend_on_the_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values_NTF = np.random.default_rng(1).normal(1e5, 1, size=(50, 4, 1)).astype(np.float32)
    series = SeriesExamples(("a",), ("x",), np.zeros((50, 1)), values_NTF.__getitem__, [str(i) for i in range(50)])
    monkeypatch.setattr(preparing, "_CHUNK_BYTES", 3 * 16)
    description = write_arrays(tmp_path, series_arrays(series), rows_of_splits(np.full(50, "train")))
    np.testing.assert_allclose(description.std, values_NTF.astype(np.float64).std(axis=(0, 1)), rtol=1e-9)
