"""Shapes: N examples, H height, W width, C channels, K classes, D features."""

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from saccade.kinds import linear_baseline
from saccade.kinds.image.baselines import hog_baseline, linear_classifier
from saccade.kinds.image.baselines.hog_baseline import image_baseline
from saccade.nn.images.gradient_histograms import gradient_histograms


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Fits this small gain nothing from threads, and lose seconds waiting for them on a busy machine."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def digits():
    """(train images, labels, validation images, labels, test images, labels): 700, 270, 270 of 8 x 8."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    images_NHWC = (loaded.images * (255 / 16)).astype(np.uint8)[:, :, :, None]
    order = np.random.default_rng(0).permutation(len(images_NHWC))
    parts = []
    for rows in (order[540:1240], order[:270], order[270:540]):
        parts += [images_NHWC[rows], loaded.target[rows].astype(np.int64)]
    return parts


@pytest.fixture(scope="module")
def digits_baseline(digits):
    return image_baseline(*digits)


def stripes(N, seed, H=9, W=14, C=3):
    """Two classes told apart by the direction of their stripes, each at a random place, with some noise."""
    rng = np.random.default_rng(seed)
    labels_N = rng.integers(0, 2, size=N)
    phase_N = rng.uniform(0, 6, size=N)
    y_HW, x_HW = np.mgrid[:H, :W]
    along_NHW = np.where(labels_N[:, None, None] == 0, y_HW, x_HW) * 1.5 + phase_N[:, None, None]
    images_NHWC = np.sin(along_NHW)[:, :, :, None] * 80 + 128 + rng.normal(size=(N, H, W, C)) * 20
    return images_NHWC.clip(0, 255).astype(np.uint8), labels_N


def test_digits_accuracy(digits_baseline):
    assert digits_baseline["accuracy"] > 0.95
    assert digits_baseline["validation_accuracy"] > 0.95
    assert digits_baseline["model"] == "hog+pixels logistic regression"
    assert digits_baseline["C"] in linear_classifier.STRENGTHS
    assert digits_baseline["train_examples"] == digits_baseline["search_examples"] == 700
    assert digits_baseline["converged"] is True


def test_the_same_twice_and_from_a_file(digits, digits_baseline, tmp_path):
    np.save(tmp_path / "train.npy", digits[0])
    assert image_baseline(np.load(tmp_path / "train.npy", mmap_mode="r"), *digits[1:]) == digits_baseline


def test_test_labels_choose_nothing(digits, digits_baseline):
    *others, test_labels_N = digits
    permuted = image_baseline(*others, np.random.default_rng(5).permutation(test_labels_N))
    assert permuted["accuracy"] < 0.3
    measured = {"accuracy": None, "balanced_accuracy": None, "outcomes": None}
    assert np.mean(permuted["outcomes"]["accuracy"]) == permuted["accuracy"]
    assert permuted["balanced_accuracy"] < 0.3 and permuted | measured == digits_baseline | measured


def test_validation_chooses_the_strength(digits, monkeypatch):
    """Each strength is made the best on validation in turn, by swapping in a validation set that only it gets right."""
    train, train_labels, validation, _, test, test_labels = digits
    train, train_labels = train[:300], train_labels[:300]
    models = {}
    fitted = linear_classifier._fitted

    def remember(features_ND, labels_N, C):
        models[C] = fitted(features_ND, labels_N, C)
        return models[C]

    monkeypatch.setattr(linear_classifier, "_fitted", remember)
    monkeypatch.setattr(linear_classifier, "STRENGTHS", (1e-6, 1e-1))
    image_baseline(train, train_labels, validation, np.zeros(270, dtype=np.int64), test, test_labels)
    mean_D, scale_D = standardisation(train)
    answers = {C: model.predict((features(validation) - mean_D) / scale_D) for C, model in models.items()}
    for C, labels_N in answers.items():
        got = image_baseline(train, train_labels, validation, labels_N, test, test_labels)
        assert got["C"] == C
        assert got["validation_accuracy"] == 1


def features(images_NHWC):
    return hog_baseline._features(images_NHWC, np.arange(len(images_NHWC)))


def standardisation(images_NHWC):
    features_ND = features(images_NHWC).astype(np.float64)
    scale_D = features_ND.std(axis=0)
    scale_D[scale_D < 1e-6] = 1
    return features_ND.mean(axis=0), scale_D


def test_with_many_examples_the_search_sees_few_and_the_final_fit_all(digits, monkeypatch):
    monkeypatch.setattr(linear_classifier, "SEARCH_EXAMPLES", 200)
    fits = []
    fitted = linear_classifier._fitted
    monkeypatch.setattr(linear_classifier, "_fitted", lambda x, y, C: (fits.append((len(y), C)), fitted(x, y, C))[1])
    got = image_baseline(*digits)
    assert got["search_examples"] == 200
    assert got["train_examples"] == 700
    assert [n for n, _ in fits] == [200] * len(linear_classifier.STRENGTHS) + [700] * linear_classifier.FINALISTS
    assert got["C"] in {C for n, C in fits if n == 700}
    assert got["accuracy"] > 0.95


def test_the_best_of_the_search_are_fitted_on_all_and_the_better_one_is_the_answer(monkeypatch):
    monkeypatch.setattr(linear_classifier, "SEARCH_EXAMPLES", 20)
    monkeypatch.setattr(linear_classifier, "STRENGTHS", (1e-4, 1e-3, 1e-2, 1e-1))
    scores = iter([[0.1, 0.9, 0.2, 0.8], [0.5, 0.6], [0.77]])  # of the search, of the finalists, on test
    asked = []
    answers = linear_classifier._answers
    monkeypatch.setattr(
        linear_classifier,
        "_answers",
        lambda models, *args: (asked.append([model.C for model in models]), answers(models, *args))[1],
    )
    monkeypatch.setattr(linear_classifier, "_accuracies", lambda *_: next(scores))
    got = image_baseline(*stripes(60, seed=1), *stripes(20, seed=2), *stripes(20, seed=3))
    assert asked == [[1e-4, 1e-3, 1e-2, 1e-1], [1e-3, 1e-1], [1e-1]]
    assert (got["C"], got["validation_accuracy"], got["accuracy"]) == (1e-1, 0.6, 0.77)


def test_the_fit_sees_standardised_features(monkeypatch):
    seen = []
    fitted = linear_classifier._fitted
    monkeypatch.setattr(linear_classifier, "_fitted", lambda x, y, C: (seen.append(x.copy()), fitted(x, y, C))[1])
    train_images_NHWC, train_labels_N = stripes(40, seed=1)
    train_images_NHWC[:, 0, 0, 0] = 7  # never changes
    image_baseline(train_images_NHWC, train_labels_N, *stripes(20, seed=2), *stripes(20, seed=3))
    constant = 576  # pixels come after the histograms
    expected_D = np.ones(seen[0].shape[1])
    expected_D[constant] = 0
    assert seen[0].dtype == np.float32
    np.testing.assert_allclose(seen[0].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(seen[0].std(axis=0), expected_D, atol=1e-4)


def test_what_is_too_much_is_thinned(digits, monkeypatch):
    monkeypatch.setattr(linear_classifier, "MIN_EXAMPLES", 10)
    monkeypatch.setattr(linear_classifier, "MAX_VALUES", 400 * (576 + 64))
    assert image_baseline(*digits)["train_examples"] == 400


def test_colour_images_that_are_not_square():
    got = image_baseline(*stripes(200, seed=1), *stripes(50, seed=2), *stripes(50, seed=3))
    assert got["accuracy"] > 0.95
    assert got["train_examples"] == 200


def test_long_sides_are_averaged_down():
    rng = np.random.default_rng(4)
    small_NHWC = rng.integers(0, 256, size=(3, 32, 20, 3), dtype=np.uint8)
    large_NHWC = small_NHWC.repeat(2, axis=1)  # 64 x 20: only the height is too long
    np.testing.assert_allclose(features(large_NHWC), features(small_NHWC), rtol=1e-5, atol=1e-6)
    assert features(small_NHWC).shape == (3, 576 + 32 * 20 * 3)


def test_features_do_not_depend_on_how_many_are_made_at_a_time(monkeypatch):
    images_NHWC, _ = stripes(7, seed=6)
    at_once = features(images_NHWC)
    monkeypatch.setattr(hog_baseline, "BATCH_VALUES", 1)
    np.testing.assert_allclose(features(images_NHWC), at_once, rtol=1e-5, atol=1e-6)


def histogram_of_a_ramp(degrees):
    """(O,) total over the image for brightness that grows in one direction (0: to the right, 90: down)."""
    y_HW, x_HW = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    angle = torch.deg2rad(torch.tensor(float(degrees)))
    ramp_HW = 0.5 + (x_HW * torch.cos(angle) + y_HW * torch.sin(angle)) / 100
    values = gradient_histograms(ramp_HW[None, None])
    return values.view(4, 4, 9, 2, 2)[1:3, 1:3].sum(dim=(0, 1, 3, 4))  # the middle blocks: the rim is flatter


@pytest.mark.parametrize(("degrees", "orientation"), [(10, 0), (30, 1), (90, 4), (170, 8), (190, 0), (270, 4)])
def test_a_ramp_votes_for_its_direction_only(degrees, orientation):
    histogram_O = histogram_of_a_ramp(degrees)
    assert int(histogram_O.argmax()) == orientation
    assert float(histogram_O[orientation]) > 0.99 * float(histogram_O.sum())


def test_a_direction_between_two_orientations_is_shared():
    histogram_O = histogram_of_a_ramp(0)  # half a turn is 0 again: the first and the last are neighbours
    torch.testing.assert_close(histogram_O[0], histogram_O[8], rtol=1e-4, atol=1e-4)  # pixels differ by rounding
    assert float(histogram_O[1:8].sum()) < 0.01 * float(histogram_O.sum())


def test_a_flat_image_has_no_edges():
    assert torch.equal(gradient_histograms(torch.full((2, 3, 32, 32), 0.7)), torch.zeros(2, 576))


def teststratified_rows_keep_proportions_and_rare_classes():
    labels_N = np.repeat([0, 1, 2], [700, 290, 10])
    labels_N = np.concatenate([labels_N, [9]])
    rows = linear_baseline.stratified_rows(labels_N, 100, seed=0)
    assert len(rows) == 100
    assert (np.diff(rows) > 0).all()
    counts = np.bincount(labels_N[rows], minlength=10)
    assert counts[9] == 1
    assert np.abs(counts[:3] - [70, 29, 1]).max() <= 1
    assert np.array_equal(rows, linear_baseline.stratified_rows(labels_N, 100, seed=0))
    assert not np.array_equal(rows, linear_baseline.stratified_rows(labels_N, 100, seed=1))
    assert np.array_equal(linear_baseline.stratified_rows(labels_N, 5000, seed=0), np.arange(1001))
    assert set(labels_N[linear_baseline.stratified_rows(labels_N, 2, seed=0)]) == {0, 1, 2, 9}


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (0, np.zeros((20, 9, 14)), r"train_images_NHWC \(float64 \(20, 9, 14\)\) must be uint8"),
        (2, np.zeros((0, 9, 14, 3), np.uint8), r"validation_images_NHWC .*\(0, 9, 14, 3\).* N at least 1"),
        (
            4,
            np.zeros((20, 9, 15, 3), np.uint8),
            r"test_images_NHWC \(each \(9, 15, 3\)\) must be like train's \(9, 14, 3\)",
        ),
        (3, np.zeros(19, np.int64), r"validation_labels_N \(shape \(19,\)\) must have 20 labels"),
        (1, np.zeros(20, np.int64), r"train_labels_N \(1 class\) must hold at least 2"),
    ],
)
def test_what_cannot_be_fitted_is_refused(place, value, message):
    parts = [*stripes(20, seed=1), *stripes(20, seed=2), *stripes(20, seed=3)]
    parts[place] = value
    with pytest.raises(ValueError, match=message):
        image_baseline(*parts)
