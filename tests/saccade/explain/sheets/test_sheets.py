"""Sheets of a small run: which are drawn, what they say, and what is said in words and numbers of one image."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from saccade.bundle.bundle import NetworkConfig
from saccade.core.errors import UserError
from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.explain.attribution.frozen import state_digest
from saccade.explain.attribution.image_explainer import ImageExplainer
from saccade.explain.sheets.example_sheet import draw_example
from saccade.explain.sheets.explained import explain_image
from saccade.explain.sheets.run_sheets import RunData, draw_run, telling
from saccade.predict.predictor import Predictor

SPEC = Spec("image", (20, 22, 1), ("cat", "dog", "eel"))


def explainer_of(model: str = "lenet5", spec: Spec = SPEC, **options: Any) -> ImageExplainer:
    torch.manual_seed(5)
    channels = spec.shape[2]
    config = NetworkConfig(model, {}, spec, "classify", [0.4] * channels, [0.3] * channels, "a test", **options)
    return ImageExplainer(Predictor(config, config.build_network().eval(), torch.device("cpu")))


def data_of(spec: Spec = SPEC, count: int = 3) -> RunData:
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (count, *spec.shape), dtype=np.uint8)
    labels = np.arange(count) % 2 if spec.classes else random.random((count, len(spec.targets))).astype(np.float32)
    split = Split(images, labels, np.arange(count))
    return RunData(split, split, is_held_out=False)


def test_a_run_gets_all_sheets_and_keeps_its_weights(tmp_path: Path) -> None:
    explainer = explainer_of()
    before = state_digest(explainer.predictor.network)
    written = draw_run(explainer, data_of(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.png" for name in ("filters", "activations", "units", "classes", "curves")
    }
    assert written.numbers["filters"]["count"] == 6
    assert [one["units"] for one in written.numbers["layers"]] == [6, 16]
    assert set(written.numbers["classes"]) == {"cat", "dog"}  # the third has no example
    assert "random" in written.numbers["curves"]["deletion"] and written.numbers["curves"]["examples"] == 3
    assert len(written.lines) == 5
    assert state_digest(explainer.predictor.network) == before


def test_without_data_the_filters_are_left_and_a_network_by_rows_has_none(tmp_path: Path) -> None:
    draw_run(explainer_of(), None, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["filters.png"]
    (line,) = draw_run(explainer_of("gru"), None, tmp_path).lines
    assert line.startswith("filters: the first layer weighs no part of the image")


def test_numbers_to_predict_are_explained_too(tmp_path: Path) -> None:
    spec = replace(SPEC, classes=(), targets=("age", "size"))
    explainer = explainer_of(spec=spec)
    written = draw_run(explainer, data_of(spec), tmp_path)
    assert set(written.numbers["classes"]) == {"age", "size"} and not (tmp_path / "curves.png").exists()
    found = explain_image(explainer, data_of(spec).train.examples[0], explainer.fitting()[:1])
    assert list(found.labels) == ["age", "size"]


def test_one_image_in_words_numbers_and_arrays(tmp_path: Path) -> None:
    explainer, image = explainer_of(), data_of().train.examples[1]
    methods = [one for one in explainer.fitting() if one.name not in ("layer-cam", "smooth-grad")]
    found = explain_image(explainer, image, methods, label="dog", layer="features.0")
    answer = explainer.predictor.predict([image])
    assert found.labels[0] == "dog" and found.labels[1] in ("cat", "eel")
    assert found.values[0] == pytest.approx(float(answer["probabilities"][0, 1]))
    record = found.record()
    maps = record["answers"][0]["maps"]
    assert np.shape(maps["grad-cam"]["map"]) == (20, 22) and maps["grad-cam"]["layer"] == "features.0"
    assert abs(maps["integrated-gradients"]["completeness_gap"]) < 0.05
    row, column = maps["occlusion"]["peak"]
    assert maps["occlusion"]["map"][row][column] == max(map(max, maps["occlusion"]["map"]))
    assert set(record["like_random_weights"]) == {
        "grad-cam", "saliency", "deconvolution", "guided-backpropagation"
    }  # fmt: skip
    arrays = found.arrays()
    assert arrays["grad_cam"].shape == (2, 20, 22) and arrays["image"].shape == (20, 22, 1)
    draw_example("a picture", found.image, found.rows, tmp_path / "one.png", like_random=found.like_random)
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")


def test_a_network_whose_answer_depends_on_nothing_has_no_evidence() -> None:
    explainer = explainer_of()
    with torch.no_grad():
        explainer.predictor.network[1].classifier[-1].weight.zero_()
    image = data_of().train.examples[0]
    found = explain_image(explainer, image, explainer.fitting())
    assert all(np.isfinite(one.map).all() and not one.has_evidence for row in found.rows for one in row.explanations)
    assert f"grad-cam: no positive evidence for {found.labels[0]}" in found.notes()
    assert set(found.like_random.values()) == {0.0}


def test_two_classes_with_one_output_and_several_networks_are_explained_as_they_answer() -> None:
    two = replace(SPEC, classes=("no", "yes"))
    explainer, image = explainer_of(spec=two, one_output=True), data_of().train.examples[0]
    no, yes = (explainer.explain(image, name, "integrated-gradients").map for name in two.classes)
    np.testing.assert_allclose(no, -yes, atol=1e-6)
    with torch.no_grad():
        scores = explainer.networks[0](explainer.read(torch.from_numpy(image)[None]))
    shares = explainer.predictor.outputs(torch.from_numpy(image)[None])
    np.testing.assert_allclose(scores.softmax(1).numpy(), shares, rtol=1e-5)
    several = explainer_of(members=2)
    found = several.explain(image, "cat", "layer-cam").map
    first, ensemble = several.predictor.network[0], several.predictor.network[1]
    config = replace(several.predictor.config, members=1)
    each = [
        ImageExplainer(Predictor(config, torch.nn.Sequential(first, one), torch.device("cpu")))
        for one in ensemble.members
    ]
    np.testing.assert_allclose(found, sum(one.explain(image, "cat", "layer-cam").map for one in each) / 2, atol=1e-6)


def test_what_does_not_fit_or_does_not_exist_is_refused_with_what_does() -> None:
    explainer, image = explainer_of(), data_of().train.examples[0]
    with pytest.raises(UserError, match=r"class \(dgo\) must be one of the 3 of the run; nearest: dog"):
        explainer.explain(image, "dgo", "saliency")
    with pytest.raises(UserError, match=r"method \(gradcam\) must be one of grad-cam, layer-cam, .*, or all"):
        explainer.explain(image, "dog", "gradcam")
    with pytest.raises(UserError, match=r"layer \(featurs.3\) must be .*; nearest: features\.3"):
        explainer.explain(image, "dog", "grad-cam", "featurs.3")
    by_rows = explainer_of("lstm")
    with pytest.raises(UserError, match=r"method \(grad-cam\) does not fit lstm: .*These do: saliency, smooth-grad"):
        by_rows.explain(image, "dog", "grad-cam")
    series = Spec("series", (9, 2), ("cat", "dog"))
    config = NetworkConfig("lstm", {}, series, "classify", [0.0] * 2, [1.0] * 2, "a test")
    with pytest.raises(UserError, match="must take images to be explained by maps, but it takes series"):
        ImageExplainer(Predictor(config, config.build_network().eval(), torch.device("cpu")))


def test_units_are_told_by_several_classes_and_by_numbers() -> None:
    values_NU = np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    share_U, words = telling(values_NU, np.array([[9.0, 1.0], [5.0, 0.0], [3.0, 1.0], [0.0, 0.0]]), ["age", "size"])
    assert words[0] == "-age" and share_U[0] > 0.95 and share_U[1] == 0
    share_U, words = telling(values_NU, np.array([[1, 0], [1, 0], [0, 1], [0, 0]], dtype=np.uint8), ["cat", "dog"])
    assert words[0] == "-cat" and share_U[0] == pytest.approx(0.8)
