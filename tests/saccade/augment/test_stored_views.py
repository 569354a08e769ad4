"""Stored views: the same pixels whoever makes them, and different ones wherever they should differ.

Shapes: V views, N examples, H height, W width, C channels.
"""

import hashlib
import json
import multiprocessing
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from saccade.augment import stored_views
from saccade.augment.policies import POLICIES, resolve_transforms
from saccade.augment.stored_views import write_views
from saccade.core.errors import UserError
from saccade.data.arrays import write_array
from saccade.transforms.albumentations_adapter import augment_image, build
from saccade.transforms.views import ViewMaker

AFFINE = {"name": "Affine", "rotate": [-20, 20], "translate_px": [-3, 3], "p": 0.9}
NOISE = {"name": "GaussNoise", "std_range": [0.1, 0.3], "p": 1.0}
BRIGHTNESS = {"name": "RandomBrightnessContrast", "p": 1.0}
NESTED = [
    AFFINE,
    {"name": "OneOf", "transforms": [NOISE, {"name": "Sequential", "transforms": [BRIGHTNESS, AFFINE]}], "p": 0.9},
    {"name": "SomeOf", "transforms": [{"name": "HorizontalFlip"}, NOISE, BRIGHTNESS], "n": 2, "p": 0.9},
    {"name": "CoarseDropout", "num_holes_range": [1, 3], "p": 0.5},
]
V, N, SEED = 3, 11, 5


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_views, "_BLOCK_IMAGES", 4)  # 4, 4 and 3 images: each process gets some of each view


def pictures(channels: int = 3, count: int = N) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=(count, 9, 14, channels), dtype=np.uint8)


def views_of(folder: Path, images_NHWC: np.ndarray, **options: Any) -> np.ndarray:
    folder.mkdir()
    write_array(folder.with_suffix(".npy"), images_NHWC)
    chosen: dict[str, Any] = {"views": V, "transforms": NESTED, "seed": SEED, "processes": 1, **options}
    write_views(folder, folder.with_suffix(".npy"), **chosen)
    return np.load(folder / "train.npy")


@pytest.mark.parametrize("channels", [1, 3])
def test_any_number_of_processes_writes_the_same_bytes(tmp_path: Path, channels: int) -> None:
    for processes in (1, 2, 3):
        views_of(tmp_path / f"{processes}", pictures(channels), processes=processes)
    for name in ("train.npy", "augment.json"):
        contents = {(tmp_path / f"{processes}" / name).read_bytes() for processes in (1, 2, 3)}
        assert len(contents) == 1


@pytest.mark.parametrize("channels", [1, 3])
def test_each_pixel_is_that_of_the_image_augmented_alone_in_any_order(tmp_path: Path, channels: int) -> None:
    images = pictures(channels)
    views = views_of(tmp_path / "a", images)
    assert views.dtype == np.uint8 and views.shape == (V, *images.shape)
    compose = build(NESTED)
    for place in np.random.default_rng(1).permutation(V * N):
        view, index = divmod(int(place), N)
        np.random.seed(int(place))  # whatever else is random in the process
        random.seed(int(place))
        alone = augment_image(compose, images[index], seed=SEED, view=view, index=index)
        np.testing.assert_array_equal(views[view, index], alone)


def test_the_same_image_differs_from_view_to_view_from_place_to_place_and_from_seed_to_seed(tmp_path: Path) -> None:
    images = np.repeat(pictures(count=1), N, axis=0)
    made = np.concatenate([views_of(tmp_path / f"{seed}", images, seed=seed) for seed in (0, 1)])
    flat = {image.tobytes() for image in made.reshape(2 * V * N, -1)}
    assert len(flat) == 2 * V * N
    assert images[0].tobytes() not in flat


def test_neighbouring_numbers_are_not_mixed_up() -> None:
    image = pictures(count=1)[0]
    compose = build([NOISE])
    places = [(1, 1, 11), (1, 11, 1), (11, 1, 1), (1, 1, 1), (0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
    made = [augment_image(compose, image, seed=s, view=v, index=i).tobytes() for s, v, i in places]
    assert len(set(made)) == len(places)


def test_the_generator_draws_as_numpys_does_from_the_state_it_was_started_with_last() -> None:
    late, plain = build([]).random_generator, np.random.Generator(np.random.PCG64(0))
    late.integers(10, dtype=np.uint32)  # takes half of a number of 64 bits and keeps the other half
    late.restart(5, 7)
    for state in (11, 2**127 + 3):
        late.restart(state, 13)
        numbers = {"state": state, "inc": 13}
        plain.bit_generator.state = {"bit_generator": "PCG64", "state": numbers, "has_uint32": 0, "uinteger": 0}
        for _ in range(2):
            assert late.integers(2**31, dtype=np.uint32) == plain.integers(2**31, dtype=np.uint32)
            np.testing.assert_array_equal(late.normal(size=5), plain.normal(size=5))


def test_the_noise_of_two_transforms_in_one_pipeline_differs() -> None:
    """Both draw from one generator: were each started alike, the second would only double the first."""
    image = np.full((40, 30, 1), 128, np.uint8)
    noise = augment_image(build([NOISE]), image, seed=0, view=0, index=0).astype(float) - 128
    twice = augment_image(build([NOISE, NOISE]), image, seed=0, view=0, index=0).astype(float) - 128
    assert np.corrcoef(noise.ravel(), (twice - noise).ravel())[0, 1] < 0.5


def test_without_views_nothing_but_their_description_is_written(tmp_path: Path) -> None:
    write_views(tmp_path, tmp_path / "not read.npy", views=0, transforms=[AFFINE], seed=7)
    assert [path.name for path in tmp_path.iterdir()] == ["augment.json"]
    assert json.loads((tmp_path / "augment.json").read_text()) == {
        "format": 1,
        "views": 0,
        "seed": 7,
        "transforms": [AFFINE],
    }


def test_the_description_says_how_the_views_were_made(tmp_path: Path) -> None:
    views_of(tmp_path / "a", pictures())
    written = json.loads((tmp_path / "a" / "augment.json").read_text())
    digest = hashlib.sha256((tmp_path / "a" / "train.npy").read_bytes()).hexdigest()
    assert written == {"format": 1, "views": V, "seed": SEED, "transforms": NESTED, "sha256": digest}


def test_the_description_says_what_evaluation_looks_at_where_that_is_not_all(tmp_path: Path) -> None:
    for share, more in ((1.0, {}), (0.875, {"evaluate_crop": 0.875})):
        write_views(tmp_path, tmp_path / "not read.npy", views=0, transforms=[], seed=7, evaluate_crop=share)
        written = json.loads((tmp_path / "augment.json").read_text())
        assert written == {"format": 1, "views": 0, "seed": 7, "transforms": [], **more}


def test_views_are_read_back_by_training(tmp_path: Path) -> None:
    from saccade.train.open_views import open_views

    views = views_of(tmp_path / "a", pictures())
    opened, digests = open_views(tmp_path / "a", tmp_path)
    np.testing.assert_array_equal(opened, views)
    assert digests == {"views": hashlib.sha256((tmp_path / "a" / "train.npy").read_bytes()).hexdigest()}


@pytest.mark.parametrize("processes", [1, 2])
def test_progress_counts_images(tmp_path: Path, processes: int) -> None:
    seen: list[tuple[str, int, int | None]] = []
    views_of(tmp_path / "a", pictures(), processes=processes, progress=lambda *call: seen.append(call))
    assert seen == [("views", done, 33) for done in (4, 8, 11, 15, 19, 22, 26, 30, 33)]


def test_large_images_are_written_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process keeps in memory does not grow with the size of the images."""
    seen: list[int] = []
    monkeypatch.setattr(stored_views, "_BLOCK_BYTES", 2 * 9 * 14 * 3 + 5)
    small = views_of(tmp_path / "a", pictures(), progress=lambda what, done, total: seen.append(done))
    assert seen == [*range(2, 11, 2), 11, *range(13, 22, 2), 22, *range(24, 33, 2), 33]
    monkeypatch.setattr(stored_views, "_BLOCK_BYTES", 1)
    np.testing.assert_array_equal(views_of(tmp_path / "b", pictures()), small)


def test_blocks_are_handed_out_a_few_at_a_time_and_digested_in_the_order_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process, however slow, keeps the others from running ahead of it without end."""
    monkeypatch.setattr(stored_views, "_BLOCK_IMAGES", 1)
    monkeypatch.setattr(stored_views, "_WAITING_BLOCKS", 2)
    handed_out: list[stored_views.Block] = []
    blocks = stored_views._blocks

    def counted(images: np.ndarray, views: int) -> Iterator[stored_views.Block]:
        for block in blocks(images, views):
            handed_out.append(block)
            yield block

    monkeypatch.setattr(stored_views, "_blocks", counted)
    ahead: list[int] = []
    views_of(tmp_path / "a", pictures(), processes=2, progress=lambda _, done, __: ahead.append(len(handed_out) - done))
    assert len(handed_out) == V * N and max(ahead) == 2 * 2 - 1
    written = json.loads((tmp_path / "a" / "augment.json").read_text())
    assert written["sha256"] == hashlib.sha256((tmp_path / "a" / "train.npy").read_bytes()).hexdigest()


def test_no_process_is_left_when_somebody_stops_it(tmp_path: Path) -> None:
    def stop(what: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        views_of(tmp_path / "a", pictures(), processes=2, progress=stop)
    assert multiprocessing.active_children() == []
    assert not (tmp_path / "a" / "augment.json").exists()


@pytest.mark.parametrize("processes", [1, 2])
def test_transforms_that_change_the_size_are_refused(tmp_path: Path, processes: int) -> None:
    crop = [{"name": "CenterCrop", "height": 5, "width": 6}]
    with pytest.raises(UserError, match=r"uint8 \(9, 14, 3\) into uint8 \(5, 6, 3\); they must keep dtype and size"):
        views_of(tmp_path / "a", pictures(), transforms=crop, processes=processes)
    assert not (tmp_path / "a" / "augment.json").exists()


def test_transforms_that_change_the_dtype_are_refused() -> None:
    with pytest.raises(UserError, match=r"uint8 \(9, 14, 3\) into float32 \(9, 14, 3\); they must keep dtype"):
        augment_image(build([{"name": "ToFloat"}]), pictures()[0], seed=0, view=0, index=0)


@pytest.mark.parametrize(
    ("transform", "reason"),
    [
        pytest.param({"name": "Crop", "x_max": 100, "y_max": 100}, ".+", id="larger than the image"),
        pytest.param({"name": "FDA"}, r"FDA requires \['fda_metadata'\]", id="needs more than an image"),
        pytest.param({"name": "MaskDropout"}, r"MaskDropout requires \['mask'\]", id="needs a mask"),
    ],
)
def test_transforms_that_cannot_take_the_image_are_refused(transform: dict[str, Any], reason: str) -> None:
    transform = transform | {"p": 1.0}
    with pytest.raises(UserError, match=rf"the transforms cannot take an image of uint8 \(9, 14, 3\): {reason}"):
        augment_image(build([transform]), pictures()[0], seed=0, view=0, index=0)


@pytest.mark.parametrize(
    ("transforms", "message"),
    [
        ([{"name": "Afine"}], "transform 'Afine' must be one of albumentations 2"),
        ([{"name": "Affine", "rotate": "far"}], r"transform Affine refuses \{'rotate': 'far'\}: .+"),
        ([{"name": "CoarseDropout", "num_holes_range": [3, 1]}], r"transform CoarseDropout refuses .*\[3, 1\]"),
        ([{"name": "CenterCrop", "height": 5}], "transform CenterCrop refuses .*width"),
        (
            [{"name": "OneOf", "transforms": [{"name": "Sequential", "transforms": [{"name": "Affine", "p": 2}]}]}],
            r"transform Affine refuses \{'p': 2\}",
        ),
        ([{"name": "OneOf", "transforms": [{"name": "Flop"}]}], "transform 'Flop' must be one of"),
        ([{"name": "OneOf", "transforms": [AFFINE], "turns": 3}], "transform OneOf refuses .*turns"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(
    tmp_path: Path, transforms: Sequence[dict[str, Any]], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        views_of(tmp_path / "a", pictures(), transforms=transforms)
    assert list((tmp_path / "a").iterdir()) == []


# --- the original among the views, and the disk -------------------------------------------------------------------


def test_the_original_takes_the_place_of_view_0_and_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    images = pictures()
    without, along = views_of(tmp_path / "a", images), views_of(tmp_path / "b", images, include_original=True)
    np.testing.assert_array_equal(along[0], images)
    np.testing.assert_array_equal(along[1:], without[1:])
    assert not (without[0] == images).all()
    assert json.loads((tmp_path / "b" / "augment.json").read_text())["include_original"] is True


def test_what_is_stored_is_what_the_maker_of_views_makes(tmp_path: Path) -> None:
    images = pictures()
    stored = views_of(tmp_path / "a", images, include_original=True, processes=2)
    make = ViewMaker(build(NESTED), SEED, include_original=True)
    for view, index in ((2, 7), (0, 3), (1, 10)):
        np.testing.assert_array_equal(make(images[index], view=view, index=index), stored[view, index])


def test_views_that_do_not_fit_on_the_disk_are_refused_before_a_byte_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = pictures()
    monkeypatch.setattr(stored_views.shutil, "disk_usage", lambda folder: SimpleNamespace(free=3 * images.nbytes + 5))
    with pytest.raises(
        UserError, match=r"4 views of 11 images of 9x14x3 take .+: 3 would fit\. Set augment.views to 3"
    ):
        views_of(tmp_path / "a", images, views=4)
    assert list((tmp_path / "a").iterdir()) == []
    assert len(views_of(tmp_path / "b", images, views=3)) == 3


@pytest.mark.parametrize("policy", [name for name in POLICIES if name != "none"])
def test_any_number_of_processes_writes_the_same_views_of_a_policy(tmp_path: Path, policy: str) -> None:
    transforms = resolve_transforms(policy, height=9, width=14)
    for processes in (1, 2):
        views_of(tmp_path / f"{processes}", pictures(), transforms=transforms, processes=processes)
    one, two = ((tmp_path / f"{processes}" / "train.npy").read_bytes() for processes in (1, 2))
    assert one == two


def test_the_colours_of_the_training_set_decide_the_shift_whoever_makes_the_views(tmp_path: Path) -> None:
    shift = [{"name": "PrincipalColorShift", "std": 0.5, "p": 1.0}]
    images = pictures()
    one, two = (views_of(tmp_path / f"{n}", images, transforms=shift, processes=n) for n in (1, 2))
    np.testing.assert_array_equal(one, two)
    reddish = images.copy()
    reddish[1:, ..., 1:] //= 8  # the first image stays as it is, and so do its seeds
    assert not (views_of(tmp_path / "c", reddish, transforms=shift)[:, 0] == one[:, 0]).all()
