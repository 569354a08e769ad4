"""New inputs beside known ones: what is the same raises no alarm, what is not does, and says where."""

import numpy as np
import pytest
import torch
from sequence_bundles import ROWS, SERIES, TEXTS, trained
from torch import nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.drift import two_sample
from saccade.drift.compare import Sample, compare, draw, look_at, sample_size
from saccade.drift.embedding import embedding
from saccade.drift.page import drift_page, sentences
from saccade.drift.statistics import statistics
from saccade.drift.two_sample import auroc, classifier_test, same_distribution_p, shared_space
from saccade.predict.predictor import Predictor
from saccade.report.rendering import to_html

N = 40


def normal(seed: int, *, mean: float = 0.0, dims: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1.0, (N, dims))


def images(seed: int, *, scale: float = 1.0) -> np.ndarray:
    return (np.random.default_rng(seed).integers(0, 256, (N, 8, 5, 1)) * scale).astype(np.uint8)


# --- the tests --------------------------------------------------------------------------------------------------------


def test_the_level_is_kept_where_nothing_differs() -> None:
    p_values = np.array([classifier_test(normal(seed), normal(1000 + seed), seed=seed).p for seed in range(12)])
    assert (p_values <= 0.05).sum() <= 3  # more come once in 500 times
    assert 0.25 < p_values.mean() < 0.75


def test_a_shift_of_the_mean_is_found_and_the_auroc_is_the_known_one() -> None:
    found = classifier_test(
        np.random.default_rng(0).normal(0, 1, (5 * N, 3)),
        np.random.default_rng(1).normal([2.0, 0, 0], 1, (5 * N, 3)),
        seed=0,
        permutations=19,
    )
    # of two normal distributions at a distance of 2: Phi(2 / sqrt 2)
    assert found.auroc == pytest.approx(0.921, abs=0.03) and found.low < 0.921 < found.high
    assert found.p == pytest.approx(1 / 20)


def test_permutations_end_once_ten_are_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    values = iter([0.5, *[0.6] * 4, *[0.4] * 3, *[0.7] * 99])
    monkeypatch.setattr(two_sample, "_auroc", lambda *arguments: next(values))
    assert classifier_test(normal(0), normal(1), seed=0).p == pytest.approx(10 / 13)  # the last of ten is the 13th


def test_auroc_counts_equal_scores_half() -> None:
    assert auroc(np.array([1.0, 1.0, 2.0]), np.array([True, False, True])) == pytest.approx(0.75)


def test_a_single_number_is_compared_where_it_is_known() -> None:
    known, new = np.arange(50.0), np.r_[np.arange(50.0) + 40, np.nan]
    distance, p = same_distribution_p(known, new)
    assert distance == pytest.approx(0.8) and p < 1e-6
    assert same_distribution_p(known, np.full(50, np.nan)) == (0.0, 1.0)


def test_the_shared_space_has_one_scale_and_leaves_out_what_never_varies() -> None:
    features = np.c_[normal(0, dims=4) * [1, 50, 3, 0], np.full(N, 7.0)]
    numbers = np.c_[np.arange(N, dtype=float), np.full(N, 3.0), np.full(N, np.nan)]
    numbers[3, 0] = np.nan
    space = shared_space(features, numbers)
    assert space.shape == (N, 3 + 1)
    assert space.mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-9)
    assert space.std(axis=0) == pytest.approx(np.ones(4))
    assert space[3, 3] == pytest.approx(0.0, abs=1e-9)  # what is missing is the mean


# --- what the network makes of them -----------------------------------------------------------------------------------


def test_the_embedding_is_what_the_last_layer_is_given() -> None:
    torch.manual_seed(0)
    predictor = trained("mlp", ROWS, hidden=[6])
    stored = images(2)
    last = [layer for layer in predictor.network.modules() if isinstance(layer, nn.Linear)][-1]
    features_ND = embedding(predictor, stored)
    assert features_ND.shape == (N, last.in_features)
    logits_NK = predictor.outputs(torch.from_numpy(stored))
    with torch.no_grad():
        expected = last(torch.from_numpy(features_ND)).softmax(dim=1).numpy()
    np.testing.assert_allclose(logits_NK, expected, rtol=1e-4, atol=1e-6)


def test_a_network_of_one_layer_over_tokens_is_known_by_its_answers() -> None:
    predictor = trained("bag_of_ngrams", TEXTS)
    tokens_NT = np.random.default_rng(0).integers(1, 11, (N, 12)).astype(np.int32)
    assert embedding(predictor, tokens_NT).shape[0] == N


@pytest.mark.parametrize(
    ("spec", "model", "names"),
    [
        (ROWS, "mlp", ["brightness", "contrast", "sharpness"]),
        (TEXTS, "lstm", ["length", "unknown", "repeated"]),
        (SERIES, "lstm", [f"{what} of {name}" for name in "abc" for what in ("level", "spread", "roughness")]),
    ],
)
def test_statistics_are_those_of_the_layout(spec: Spec, model: str, names: list[str]) -> None:
    random = np.random.default_rng(0)
    if spec is ROWS:
        stored = images(0)
    elif spec is TEXTS:
        stored = random.integers(1, 11, (N, 12)).astype(np.int32)
        stored[3, 5:] = 0
        stored[3, :5] = [1, 1, 4, 5, 4]
    else:
        stored = random.normal(size=(N, 7, 3)).astype(np.float32)
    found = {each.name: each.values for each in statistics(stored, spec)}
    assert list(found) == names
    if spec is TEXTS:
        assert [found[name][3] for name in names] == pytest.approx([5, 2 / 5, 2 / 5])
    if spec is ROWS:
        assert found["brightness"] == pytest.approx(stored.reshape(N, -1).mean(axis=1))
    assert embedding(trained(model, spec), stored).shape[0] == N


# --- together ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return trained("mlp", ROWS, hidden=[6])


def sample(predictor: Predictor, seed: int, *, scale: float = 1.0, first: str = "") -> Sample:
    names = [first or "row 0", *(f"row {i}" for i in range(1, N))]
    return look_at(predictor, images(seed, scale=scale), names)


def test_alike_inputs_raise_no_alarm_and_dark_ones_do(predictor: Predictor) -> None:
    test, train = sample(predictor, 0), sample(predictor, 1)
    alike = compare(predictor, test, train, sample(predictor, 2), seed=0)
    assert not alike.is_alarm and abs(alike.beside_test.auroc - 0.5) < 0.25
    assert "are not told apart" in sentences(alike)[0]
    dark = compare(predictor, test, train, sample(predictor, 2, scale=0.7), unsure_below=0.6, seed=0)
    assert dark.is_alarm and dark.is_told_apart and dark.beside_test.p == pytest.approx(0.01)
    assert {shift.name for shift in dark.shifts if shift.is_alarm} >= {"brightness", "contrast", "sharpness"}
    assert dark.unsure is not None and sum(shares[1] for shares in dark.classes.values()) == pytest.approx(1.0)
    lines = sentences(dark)
    assert "look different" in lines[0] and any("brightness: median " in line for line in lines)


def test_the_farthest_input_is_shown_first_and_names_are_escaped(predictor: Predictor) -> None:
    new = sample(predictor, 2, first="<b>odd.png")
    stored = new.stored.copy()
    stored[0] = 255
    new = look_at(predictor, stored, new.names)
    drift = compare(predictor, sample(predictor, 0), sample(predictor, 1), new, seed=0, permutations=0)
    assert drift.unlike[0] == 0 and drift.farther[0] == 1.0
    page = to_html(drift_page("run", drift, ROWS, problems=2, total=N + 2))
    assert "&lt;b&gt;odd.png" in page and "<b>odd.png" not in page
    assert "a hint and no verdict" in page and page.count("<figure>") == 24
    assert "farther than 100.0 % of the test split" in page


def test_too_few_are_refused() -> None:
    assert sample_size(2000, 900) == 500 and sample_size(45, 900) == 45
    with pytest.raises(UserError, match="29 new inputs are too few: drift is measured of 30 at least"):
        sample_size(100, 29)
    with pytest.raises(UserError, match="1 example of the test split is too few"):
        sample_size(1, 100)
    assert draw(10, 3, 0).tolist() == draw(10, 3, 0).tolist() and len(set(draw(10, 10, 1).tolist())) == 10
