"""A trained network as two files, and what it answers.

Shapes: N examples, K classes.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import saccade
from saccade.bundle import bundle
from saccade.bundle.bundle import NetworkConfig
from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file
from saccade.data.spec import Spec
from saccade.kinds.image.pixels.resize import prepare_image
from saccade.predict.predictor import Predictor, load

MODELS = ("lenet5", "lstm", "resnet9")  # the contract in models/test_models.py holds for all


def recipe(model: str = "lenet5", channels: int = 3, **arguments: Any) -> NetworkConfig:
    spec = Spec("image", (22, 18, channels), ("cat", "dog", "owl"))
    mean, std = [0.5, 0.4, 0.6][:channels], [0.2, 0.3, 0.25][:channels]
    return NetworkConfig(model, arguments, spec, "classify", mean, std, "0123abcd")


def saved(folder: Path, made: NetworkConfig, seed: int = 0) -> torch.nn.Sequential:
    folder.mkdir()
    torch.manual_seed(seed)
    network = made.build_network()
    bundle.save(folder, made, network)
    return network.eval()


def pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=shape, dtype=np.uint8)


@pytest.mark.parametrize("model", MODELS)
def test_what_is_loaded_answers_as_what_was_saved(tmp_path: Path, model: str) -> None:
    made = recipe(model)
    network = saved(tmp_path / "a", made)
    images = pictures(5, 22, 18, 3)
    with torch.no_grad():
        expected_NK = network(torch.from_numpy(images)).softmax(dim=1).numpy()
    predictor = load(tmp_path / "a")
    assert predictor.config == made and predictor.spec == made.spec and not predictor.network.training
    answer = predictor.predict(images)
    assert answer["probabilities"].dtype == np.float32
    np.testing.assert_array_equal(answer["probabilities"], expected_NK)
    assert answer["label"] == [("cat", "dog", "owl")[k] for k in expected_NK.argmax(axis=1)]
    np.testing.assert_allclose(answer["probabilities"].sum(axis=1), 1, rtol=1e-5)


def test_the_arguments_of_the_model_are_used_again(tmp_path: Path) -> None:
    saved(tmp_path / "a", recipe("lstm", hidden_size=6, bidirectional=True))
    recurrent = load(tmp_path / "a").network[1].recurrent
    assert recurrent.hidden_size == 6 and recurrent.bidirectional


def test_a_bundle_is_two_files_without_pickle(tmp_path: Path) -> None:
    made = recipe()
    network = saved(tmp_path / "a", made)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["bundle.json", "weights.safetensors"]
    values = json.loads((tmp_path / "a" / "bundle.json").read_text())
    assert values == {
        "format": 1,
        "model": "lenet5",
        "arguments": {},
        "spec": {
            "kind": "image",
            "shape": [22, 18, 3],
            "classes": ["cat", "dog", "owl"],
            "targets": [],
            "vocabulary": [],
            "unit": "",
            "output": "per_example",
            "fit": "stretch",
            "lower_case": False,
            "features": [],
            "step": "",
            "horizon": 0,
        },
        "task": "classify",
        "mean": [0.5, 0.4, 0.6],
        "std": [0.2, 0.3, 0.25],
        "identity": "0123abcd",
        "classes": ["cat", "dog", "owl"],
    }
    content = (tmp_path / "a" / "weights.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert set(header) - {"__metadata__"} == set(network[1].state_dict())


def test_what_evaluation_looks_at_is_in_the_bundle(tmp_path: Path) -> None:
    """Whoever loads it crops as the one who saved it, whole images and all; those who do not know of it must refuse."""
    whole = recipe()
    cropped = replace(whole, evaluate_crop=0.75)
    network = saved(tmp_path / "a", cropped)
    values = json.loads((tmp_path / "a" / "bundle.json").read_text())
    saved(tmp_path / "whole", whole)
    of_whole = json.loads((tmp_path / "whole" / "bundle.json").read_text())
    assert values == {**of_whole, "format": 2, "evaluate_crop": 0.75} and of_whole["format"] == 1

    predictor = load(tmp_path / "a")
    assert predictor.config == cropped
    images = pictures(5, 22, 18, 3)
    middle_BCHW = torch.from_numpy(images[:, 3:19, 2:16]).permute(0, 3, 1, 2).float()  # round(0.75 * (22, 18))
    enlarged_BCHW = torch.nn.functional.interpolate(middle_BCHW, size=(22, 18), mode="bilinear")
    mean_C11, std_C11 = (torch.tensor(each)[:, None, None] for each in (whole.mean, whole.std))
    with torch.no_grad():
        expected_NK = network[1]((enlarged_BCHW / 255 - mean_C11) / std_C11).softmax(dim=1).numpy()
    answers = {
        "predict": predictor.predict(images)["probabilities"],
        "answers": predictor.outputs(torch.tensor(images)),
    }
    for answer_NK in answers.values():
        np.testing.assert_allclose(answer_NK, expected_NK, rtol=1e-4, atol=1e-5)
    of_whole_NK = load(tmp_path / "whole").outputs(torch.tensor(images))
    assert np.abs(expected_NK - of_whole_NK).max() > 1e-3
    np.testing.assert_array_equal(predictor.outputs(torch.tensor(images), are_views=True), of_whole_NK)


def test_one_output_answers_two_classes(tmp_path: Path) -> None:
    spec = Spec("image", (22, 18, 1), ("cat", "dog"))
    made = NetworkConfig("lenet5", {}, spec, "classify", [0.5], [0.2], "0123abcd", one_output=True)
    network = saved(tmp_path / "a", made)
    last = [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear)][-1]
    with torch.no_grad():
        last.weight.mul_(100)  # answers far apart
    bundle.save(tmp_path / "a", made, network)
    images = pictures(6, 22, 18, 1)
    with torch.no_grad():
        logit_B1 = network(torch.from_numpy(images))
    assert logit_B1.shape == (6, 1) and last.out_features == 1
    predictor = load(tmp_path / "a")
    assert predictor.config == made and predictor.spec == spec  # the dataset's, which evaluation compares
    values = json.loads((tmp_path / "a" / "bundle.json").read_text())
    assert (values["format"], values["one_output"]) == (2, True)  # a saccade that does not know it must refuse
    answer = predictor.predict(images)
    p_B = logit_B1[:, 0].double().sigmoid().numpy()
    assert answer["probabilities"].dtype == np.float32 and answer["probabilities"].shape == (6, 2)
    np.testing.assert_allclose(answer["probabilities"], np.stack([1 - p_B, p_B], axis=1), rtol=1e-4, atol=1e-12)
    assert answer["label"] == [("cat", "dog")[int(p > 0.5)] for p in p_B] and len(set(answer["label"])) == 2


def test_several_classes_have_the_thresholds_of_the_bundle(tmp_path: Path) -> None:
    spec = Spec("image", (22, 18, 1), ("cat", "dog", "owl"), multilabel=True)
    made = NetworkConfig("lenet5", {}, spec, "multilabel", [0.5], [0.2], "0123abcd", thresholds=[0.0, 1.0, 0.5])
    network = saved(tmp_path / "a", made)
    values = json.loads((tmp_path / "a" / "bundle.json").read_text())
    assert values["format"] == 4 and values["thresholds"] == [0.0, 1.0, 0.5] and "target_std" not in values
    predictor, images = load(tmp_path / "a"), pictures(5, 22, 18, 1)
    assert predictor.config == made
    answer = predictor.predict(images)
    with torch.no_grad():
        np.testing.assert_array_equal(answer["probabilities"], network(torch.from_numpy(images)).sigmoid().numpy())
    owls = answer["probabilities"][:, 2] >= 0.5
    assert answer["labels"] == [["cat", "owl"] if owl else ["cat"] for owl in owls]
    assert predictor.predict([])["labels"] == []


def test_numbers_that_were_learnt_standardised_are_answered_in_their_own_unit(tmp_path: Path) -> None:
    spec = Spec("image", (22, 18, 1), targets=("age", "weight"))
    plain = NetworkConfig("lenet5", {}, spec, "regress", [0.5], [0.2], "0123abcd")
    saved(tmp_path / "plain", plain)
    saved(tmp_path / "a", replace(plain, target_mean=[40.0, -3.0], target_std=[10.0, 0.5]))
    images = pictures(5, 22, 18, 1)
    standardised_NO = load(tmp_path / "plain").predict(images)["values"]
    answers_NO = load(tmp_path / "a").predict(images)["values"]
    np.testing.assert_allclose(answers_NO, standardised_NO * [10.0, 0.5] + [40.0, -3.0], rtol=1e-5)
    assert json.loads((tmp_path / "a" / "bundle.json").read_text())["format"] == 4
    assert json.loads((tmp_path / "plain" / "bundle.json").read_text())["format"] == 1  # as of any saccade before


def test_one_output_takes_two_classes() -> None:
    spec = Spec("image", (22, 18, 1), ("cat", "dog", "owl"))
    made = NetworkConfig("lenet5", {}, spec, "classify", [0.5], [0.2], "0123abcd", one_output=True)
    with pytest.raises(UserError, match=r"loss \(binary_cross_entropy\) must have two classes to tell apart, not 3"):
        made.build_network()


def test_the_digest_is_that_of_the_file_and_follows_from_the_weights(tmp_path: Path) -> None:
    made, digests = recipe(), []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        torch.manual_seed(seed)
        (tmp_path / name).mkdir()
        digests.append(bundle.save(tmp_path / name, made, made.build_network()))
        assert digests[-1] == sha256_of_file(tmp_path / name / "weights.safetensors")
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_other_sizes_and_channels_are_prepared_as_the_training_data_were(
    tmp_path: Path, channels: int
) -> None:
    saved(tmp_path / "a", recipe(channels=channels))
    predictor = load(tmp_path / "a")
    images = [pictures(22, 18), pictures(40, 13, 3), pictures(9, 31, 1), pictures(22, 18, 3)]
    stored = np.stack([prepare_image(image, (22, 18), channels) for image in images])
    answer = predictor.predict(images)
    np.testing.assert_array_equal(answer["probabilities"], predictor.outputs(torch.from_numpy(stored)))
    one_by_one = np.concatenate([predictor.predict([image])["probabilities"] for image in images])
    np.testing.assert_allclose(one_by_one, answer["probabilities"], rtol=1e-5, atol=1e-6)
    grey = predictor.predict(pictures(4, 30, 20))  # (N, H, W)
    assert grey["probabilities"].shape == (4, 3) and len(grey["label"]) == 4


def test_stored_examples_are_answered_in_batches_of_any_size(tmp_path: Path) -> None:
    saved(tmp_path / "a", recipe())
    predictor = load(tmp_path / "a")
    stored = torch.from_numpy(pictures(7, 22, 18, 3))
    whole_NK = predictor.outputs(stored)
    assert whole_NK.shape == (7, 3) and np.ptp(whole_NK[:, 0]) > 1e-4
    for batch_size in (1, 3):
        np.testing.assert_allclose(predictor.outputs(stored, batch_size), whole_NK, rtol=1e-5, atol=1e-6)


def test_no_images_have_no_answers(tmp_path: Path) -> None:
    saved(tmp_path / "a", recipe())
    answer = load(tmp_path / "a").predict([])
    assert answer["label"] == [] and answer["probabilities"].shape == (0, 3)


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    saved(tmp_path / "a", recipe())
    with pytest.raises(UserError, match=r"dtype float64 and shape \(22, 18, 3\) must be uint8"):
        load(tmp_path / "a").predict(np.zeros((1, 22, 18, 3)))
    with pytest.raises(UserError, match=r"shape \(18,\) must be uint8 and \(H, W\)"):
        load(tmp_path / "a").predict(pictures(22, 18))  # one image and not a list of one


def test_a_missing_bundle_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"birds/bundle\.json does not exist\. Make it with `saccade train birds`"):
        load(tmp_path / "birds")


def test_a_missing_weights_file_is_named(tmp_path: Path) -> None:
    saved(tmp_path / "a", recipe())
    (tmp_path / "a" / "weights.safetensors").unlink()
    with pytest.raises(UserError, match=r"weights\.safetensors cannot be used \(.+\)\. Run `dvc checkout`"):
        load(tmp_path / "a")


@pytest.mark.parametrize("left", [0, 7, 300, -1])
def test_damaged_weights_are_refused(tmp_path: Path, left: int) -> None:
    saved(tmp_path / "a", recipe())
    path = tmp_path / "a" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(UserError, match=r"weights\.safetensors cannot be used \(.+\)\. Run `dvc checkout`"):
        load(tmp_path / "a")


@pytest.mark.parametrize("left", [0, 100])
def test_a_damaged_description_is_refused(tmp_path: Path, left: int) -> None:
    saved(tmp_path / "a", recipe())
    path = tmp_path / "a" / "bundle.json"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(UserError, match=r"bundle\.json is damaged \(.+\)\. Run `dvc checkout`"):
        load(tmp_path / "a")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    saved(tmp_path / "a", recipe("lstm", hidden_size=6))
    saved(tmp_path / "b", recipe("lstm", hidden_size=7))
    (tmp_path / "b" / "weights.safetensors").replace(tmp_path / "a" / "weights.safetensors")
    with pytest.raises(UserError, match=r"(?s)weights\.safetensors cannot be used \(.*size mismatch"):
        load(tmp_path / "a")


@pytest.mark.parametrize("other", [7, None])
def test_another_format_is_refused(tmp_path: Path, other: int | None) -> None:
    saved(tmp_path / "a", recipe())
    path = tmp_path / "a" / "bundle.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": other}))
    with pytest.raises(UserError, match=r"bundle\.json is of another format than 1 or 2 or 3 or 4 or 5 or 6, those"):
        load(tmp_path / "a")


def test_loading_by_the_packages_own_name(tmp_path: Path) -> None:
    saved(tmp_path / "a", recipe())
    assert isinstance(saccade.load(tmp_path / "a"), Predictor)
    assert saccade.load(str(tmp_path / "a")).spec == recipe().spec
    assert saccade.Predictor is Predictor
    with pytest.raises(AttributeError, match="'saccade' has no attribute 'lode'"):
        _ = saccade.lode


@pytest.mark.parametrize(
    "code",
    [
        "import saccade",
        "from saccade.core import registry; registry.keyword_arguments('models', 'lstm', 'build')\n"
        "registry.literal_aliases(); registry.names('tasks')",
    ],
)
def test_importing_the_package_and_reading_its_signatures_does_not_import_torch(code: str) -> None:
    heavy = "print(sorted({'torch', 'numpy', 'cv2', 'albumentations', 'sklearn'} & set(sys.modules)))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", f"import sys\n{code}\n{heavy}"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert result.stdout == "[]\n"


@pytest.mark.parametrize("shape", [(9, 7, 1), (9, 7, 3)])
def test_a_single_image_is_not_taken_for_many(tmp_path: Path, shape: tuple[int, ...]) -> None:
    saved(tmp_path / "a", recipe())
    with pytest.raises(UserError, match=r"must be several: for a single one, pass image\[None\]"):
        saccade.load(tmp_path / "a").predict(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    "damage",
    [{"mean": "gone"}, {"surplus": 1}, {"spec": [1]}, {"spec": {"kind": "image", "colour": 1}}, {"classes": "gone"}],
)
def test_a_description_of_another_shape_is_refused(tmp_path: Path, damage: dict[str, Any]) -> None:
    saved(tmp_path / "run", recipe())
    path = tmp_path / "run" / "bundle.json"
    values = json.loads(path.read_text(encoding="utf-8")) | damage
    path.write_text(json.dumps({key: value for key, value in values.items() if value != "gone"}), encoding="utf-8")
    with pytest.raises(UserError, match=r"bundle\.json is damaged \(.*\)\. Run `dvc checkout`"):
        load(tmp_path / "run")
