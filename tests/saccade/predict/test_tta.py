"""Answers averaged over views: against views made and answered one by one.

Shapes: N examples, H height, W width, C channels, K classes.
"""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from saccade.augment.stored_views import write_views
from saccade.bundle.bundle import NetworkConfig
from saccade.data.arrays import write_array
from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.predict.predictor import Predictor
from saccade.predict.tta import average_over_views
from saccade.transforms.albumentations_adapter import augment_image, build

N, H, W, C = 11, 18, 16, 3
SEED = 5
TRANSFORMS: list[dict[str, Any]] = [
    {"name": "Affine", "rotate": [-20, 20], "translate_px": [-3, 3], "p": 0.9},
    {"name": "GaussNoise", "std_range": [0.1, 0.3], "p": 1.0},
]


def predictor(evaluate_crop: float = 1.0) -> Predictor:
    torch.manual_seed(0)
    spec = Spec("image", (H, W, C), tuple("abcd"))
    recipe = NetworkConfig("lenet5", {}, spec, "classify", [0.5] * 3, [0.1] * 3, "toy", evaluate_crop)
    return Predictor(recipe, recipe.build_network().eval(), torch.device("cpu"))


def pictures(count: int = N) -> Split:
    images_NHWC = np.random.default_rng(0).integers(0, 256, size=(count, H, W, C), dtype=np.uint8)
    rows_N = np.random.default_rng(1).permutation(10 * count)[:count]
    return Split(images_NHWC, np.zeros(count, np.int64), rows_N)


def averaged(test: Split, views: int = 4, seed: int = SEED, batch_size: int = 4, **options: Any) -> np.ndarray:
    network = predictor()
    answers_NK = network.outputs(torch.from_numpy(test.examples))
    return average_over_views(
        answers_NK, network, test, views=views, transforms=TRANSFORMS, seed=seed, batch_size=batch_size, **options
    )


@pytest.mark.parametrize("views", [2, 5])
def test_it_is_the_mean_over_the_image_and_views_made_one_by_one(views: int) -> None:
    test, network, compose = pictures(), predictor(), build(TRANSFORMS)
    got_NK = averaged(test, views)
    assert got_NK.dtype == np.float32 and got_NK.shape == (N, 4)
    for i in reversed(range(N)):
        made = [
            augment_image(compose, test.examples[i], seed=-1 - SEED, view=view, index=int(test.rows[i]))
            for view in range(1, views)
        ]
        logits_VK = network.network(torch.from_numpy(np.stack([test.examples[i], *made])))
        expected_K = torch.nn.functional.softmax(logits_VK, dim=1).mean(dim=0)
        torch.testing.assert_close(torch.from_numpy(got_NK[i]), expected_K, rtol=1e-5, atol=1e-6)
    plain_NK = network.outputs(torch.from_numpy(test.examples))
    assert np.abs(got_NK - plain_NK).max() > 1e-3


def test_views_are_not_cropped_once_more_where_evaluation_looks_at_the_middle() -> None:
    test, views = pictures(), 3
    whole, cropping = predictor(), predictor(0.75)
    middle_NK, whole_NK = (each.outputs(torch.from_numpy(test.examples)) for each in (cropping, whole))
    assert np.abs(middle_NK - whole_NK).max() > 1e-3
    options: dict[str, Any] = {"views": views, "transforms": TRANSFORMS, "seed": SEED, "batch_size": 4}
    of_cropping_NK = views * average_over_views(middle_NK, cropping, test, **options) - middle_NK
    of_whole_NK = views * average_over_views(whole_NK, whole, test, **options) - whole_NK
    np.testing.assert_allclose(of_cropping_NK, of_whole_NK, atol=1e-5)  # of the views alone


def test_the_size_of_batches_and_what_was_drawn_before_change_nothing() -> None:
    expected = averaged(pictures())
    for batch_size in (1, 3, 11, 100):
        np.random.seed(batch_size)
        torch.manual_seed(batch_size)
        np.testing.assert_allclose(averaged(pictures(), batch_size=batch_size), expected, rtol=1e-5, atol=1e-6)
    assert np.array_equal(averaged(pictures()), expected)
    assert np.abs(averaged(pictures(), seed=SEED + 1) - expected).max() > 1e-3


def test_an_example_gets_the_same_views_in_whatever_part_it_comes() -> None:
    test = pictures()
    part = Split(test.examples[3:8], test.labels[3:8], test.rows[3:8])
    np.testing.assert_allclose(averaged(part), averaged(test)[3:8], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1, SEED])
def test_no_view_is_one_that_was_trained_on(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same images in the same places, with the same seed and with others."""
    images_NHWC = pictures().examples
    write_array(tmp_path / "images.npy", images_NHWC)
    trained_on = set()
    for other in (0, 1, SEED, seed + 1):
        folder = tmp_path / f"{other}"
        folder.mkdir(exist_ok=True)
        write_views(folder, tmp_path / "images.npy", views=6, transforms=TRANSFORMS, seed=other, processes=1)
        trained_on |= {image.tobytes() for image in np.load(folder / "train.npy").reshape(-1, H, W, C)}
    seen: list[bytes] = []
    really = Predictor.outputs

    def watched(self: Predictor, stored: torch.Tensor, *options: Any, **more: Any) -> np.ndarray:
        seen.extend(image.tobytes() for image in stored.numpy())
        return really(self, stored, *options, **more)

    monkeypatch.setattr(Predictor, "outputs", watched)
    averaged(Split(images_NHWC, np.zeros(N, np.int64), np.arange(N)), views=6, seed=seed)
    made = set(seen[N:])  # after the images as they are
    assert len(made) == 5 * N and not made & trained_on


def test_no_more_than_a_batch_of_views_is_held() -> None:
    test = pictures(2000)
    calls: list[tuple[int, int | None]] = []
    network = predictor()
    answers_NK = network.outputs(torch.from_numpy(test.examples))
    build(TRANSFORMS)  # importing allocates too
    tracemalloc.start()
    try:
        average_over_views(
            answers_NK, network, test, views=2, transforms=TRANSFORMS, seed=SEED, batch_size=100,
            progress=lambda what, done, total: calls.append((done, total)),
        )  # fmt: skip
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < test.examples.nbytes / 4
    assert calls == [(done, 2000) for done in range(100, 2001, 100)]
