"""Several networks that answer as one, against averages taken with numpy.

Shapes: M members, N examples, K classes, O numbers, T tokens, V tokens of the vocabulary.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from saccade.bundle import bundle
from saccade.bundle.bundle import NetworkConfig, read_config, weights_sha256
from saccade.bundle.ensemble import Ensemble
from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file
from saccade.data.spec import Spec
from saccade.predict.predictor import load

IMAGES = NetworkConfig(
    "mlp", {"hidden": [6]}, Spec("image", (5, 4, 1), ("cat", "dog", "owl")), "classify", [0.4], [0.3], "ab"
)
SEVERAL = dataclasses.replace(IMAGES, spec=dataclasses.replace(IMAGES.spec, multilabel=True))
TWO = dataclasses.replace(IMAGES, spec=Spec("image", (5, 4, 1), ("cat", "dog")), one_output=True)
SERIES = Spec("series", (4, 2), targets=("x", "y"))
NUMBERS = NetworkConfig("lstm", {"hidden_size": 3}, SERIES, "regress", [1, 2], [3, 4], "ab")
FORECAST = NetworkConfig(
    "lstm",
    {"hidden_size": 3},
    Spec("series", (4, 2), targets=("a +1", "a +2"), features=("a", "b"), step="1 day", horizon=2),
    "forecast",
    [1.0, 2.0],
    [3.0, 4.0],
    "ab",
)
WRITER = NetworkConfig(
    "lstm",
    {"hidden_size": 5, "embedding_size": 4},
    Spec("tokens", (6,), vocabulary=("<pad>", "<unk>", "a", "b", "c"), unit="characters", output="per_token"),
    "next_token",
    [],
    [],
    "ab",
)


def ensemble(folder: Path, recipe: NetworkConfig, count: int = 3) -> tuple[Path, list[Path]]:
    """Bundles of untrained networks of seeds 0, 1, ..., and the one of all of them."""
    alone = []
    for seed in range(count):
        torch.manual_seed(seed)
        network = recipe.build_network()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(4)  # surer answers: of nearly equal ones, the mean of logits is that of probabilities
        alone.append(folder / f"seed{seed}")
        alone[-1].mkdir()
        bundle.save(alone[-1], recipe, network)
    together = folder / "together"
    together.mkdir()
    bundle.save_ensemble(together, dataclasses.replace(recipe, members=count, identity="together"), alone)
    return together, alone


def examples(recipe: NetworkConfig, count: int = 7) -> torch.Tensor:
    random = np.random.default_rng(0)
    if recipe.spec.kind == "image":
        return torch.from_numpy(random.integers(0, 256, (count, *recipe.spec.shape), dtype=np.uint8))
    if recipe.spec.kind == "tokens":
        return torch.from_numpy(random.integers(2, 5, (count, *recipe.spec.shape)).astype(np.int32))
    return torch.from_numpy(random.normal(size=(count, *recipe.spec.shape)).astype(np.float32))


@pytest.mark.parametrize(
    "recipe",
    [IMAGES, TWO, SEVERAL, NUMBERS, FORECAST],
    ids=["classes", "one_output", "several", "numbers", "forecast"],
)
def test_the_answers_are_the_mean_of_the_members_answers(tmp_path: Path, recipe: NetworkConfig) -> None:
    together, alone = ensemble(tmp_path, recipe)
    stored = examples(recipe)
    of_members_MNK = np.stack([load(one).outputs(stored) for one in alone])
    answers_NK = load(together).outputs(stored)
    assert np.ptp(of_members_MNK, axis=0).max() > 0.05  # they disagree
    np.testing.assert_allclose(answers_NK, of_members_MNK.mean(axis=0, dtype=np.float64), rtol=1e-5, atol=1e-6)
    if recipe.spec.classes and not recipe.spec.multilabel:
        np.testing.assert_allclose(answers_NK.sum(axis=1), 1, rtol=1e-5)


def test_the_label_is_that_of_the_mean_probability(tmp_path: Path) -> None:
    together, alone = ensemble(tmp_path, IMAGES)
    images = examples(IMAGES).numpy()
    mean_NK = np.mean([load(one).predict(images)["probabilities"] for one in alone], axis=0)
    assert load(together).predict(images)["label"] == [IMAGES.spec.classes[k] for k in mean_NK.argmax(axis=1)]


def test_next_tokens_are_measured_by_their_mean_probability(tmp_path: Path) -> None:
    together, alone = ensemble(tmp_path, WRITER)
    stored = examples(WRITER)
    labels = torch.from_numpy(np.random.default_rng(1).integers(2, 5, stored.shape))
    p_MNTV = torch.stack([load(one).network(stored).softmax(dim=2) for one in alone]).double().detach().numpy()
    p_NTV = p_MNTV.mean(axis=0)
    said = load(together).token_outputs(stored, labels)
    of_truth_NT = np.take_along_axis(p_NTV, labels.numpy()[:, :, None], axis=2)[:, :, 0]
    np.testing.assert_allclose(said.nats, -np.log(of_truth_NT), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(said.predicted, p_NTV.argmax(axis=2))


def test_text_goes_on_from_the_members_together(tmp_path: Path) -> None:
    together, alone = ensemble(tmp_path, WRITER)
    writer, prompt = load(together), "abca"
    written = writer.generate(prompt, length=5, temperature=0)
    ids = {token: number for number, token in enumerate(WRITER.spec.vocabulary)}
    text = prompt
    for _ in range(5):  # each time from the beginning: without a state that is carried along
        tokens = torch.tensor([[ids[letter] for letter in text]], dtype=torch.int32)
        p_V = torch.stack([load(one).network(tokens)[0, -1].softmax(dim=0) for one in alone]).mean(dim=0)
        text += "abc"[int(p_V[2:].argmax())]
    assert written == text
    expected = writer.expectations("ab")[-1].probabilities
    p_V = torch.stack([load(one).network(torch.tensor([[2, 3]]))[0, -1].softmax(dim=0) for one in alone]).mean(dim=0)
    assert expected["c"] == pytest.approx(p_V[4].item(), rel=1e-5)


def test_a_very_small_probability_keeps_a_finite_logarithm() -> None:
    sure, unsure = torch.tensor([[200.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    both = Ensemble([torch.nn.Identity(), torch.nn.Identity()], "classes")
    assert float(both(sure)[0, 1]) == pytest.approx(-200)
    halves = Ensemble([torch.nn.Linear(2, 2), torch.nn.Identity()], "classes")
    with torch.no_grad():
        halves.members[0].weight.zero_()  # type: ignore[operator]
        halves.members[0].bias.copy_(sure[0])  # type: ignore[operator]
    np.testing.assert_allclose(halves(unsure).softmax(dim=1).detach().numpy(), [[0.75, 0.25]], rtol=1e-6)


def test_a_bundle_holds_one_of_each_member_and_says_so(tmp_path: Path) -> None:
    together, alone = ensemble(tmp_path, IMAGES, count=2)
    values = json.loads((together / "bundle.json").read_text())
    assert (values["format"], values["members"], values["identity"]) == (3, 2, "together")
    for number, one in enumerate(alone):
        inside = together / "members" / str(number)
        assert {path.name: path.read_bytes() for path in inside.iterdir()} == {
            path.name: path.read_bytes() for path in one.iterdir()
        }
    assert read_config(together) == dataclasses.replace(IMAGES, members=2, identity="together")
    assert read_config(together / "members" / "1") == IMAGES


def test_weights_are_named_by_those_of_all_members(tmp_path: Path) -> None:
    together, alone = ensemble(tmp_path, IMAGES)
    before = weights_sha256(together)
    assert weights_sha256(alone[0]) == sha256_of_file(alone[0] / "weights.safetensors") != before
    first, second = (together / "members" / str(number) / "weights.safetensors" for number in (0, 1))
    first_bytes, second_bytes = first.read_bytes(), second.read_bytes()
    first.write_bytes(second_bytes), second.write_bytes(first_bytes)
    assert weights_sha256(together) != before
    first.unlink()
    with pytest.raises(UserError, match=r"members/0/weights\.safetensors does not exist.*saccade train together"):
        weights_sha256(together)


def test_a_damaged_member_is_named(tmp_path: Path) -> None:
    together, _ = ensemble(tmp_path, IMAGES)
    (together / "members" / "2" / "weights.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match=r"members/2/weights\.safetensors cannot be used .* Run `dvc checkout`"):
        load(together)


def test_views_are_answered_by_all_members_and_not_cropped_again(tmp_path: Path) -> None:
    cropped = dataclasses.replace(IMAGES, evaluate_crop=0.6)
    together, alone = ensemble(tmp_path, cropped)
    stored = examples(cropped)
    views = load(together).outputs(stored, are_views=True)
    expected = np.mean([load(one).outputs(stored, are_views=True) for one in alone], axis=0)
    np.testing.assert_allclose(views, expected, rtol=1e-5, atol=1e-6)
    assert np.abs(views - load(together).outputs(stored)).max() > 1e-3
