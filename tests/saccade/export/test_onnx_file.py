"""Every registered network as ONNX: the file answers as torch does, of every length, and says whose it is.

An export takes one to four seconds of a processor, so a few run always and all with ``-m slow``.

Shapes: N examples, T time steps, K classes, O numbers to predict, V tokens of the vocabulary.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sequence_bundles import FORECAST, NEXT, PADDED, SERIES, TEXTS, trained
from torch.optim.swa_utils import update_bn

from saccade.bundle.bundle import NetworkConfig
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.export import onnx_file, optional_packages
from saccade.export.onnx_file import Exported, write_onnx
from saccade.export.parity import TOLERANCE, OnnxSession
from saccade.predict.predictor import Predictor

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

LETTERS = tuple("ABC")
LEAST_SIDES = {  # of networks whose windows need more than the rows of the others' 20 x 18
    "alexnet": 67,
    "convnext_tiny": 32,
    "efficientnet_b0": 32,
    "efficientnet_lite0": 32,
    "googlenet": 31,
    "mobilenet_v3": 32,
    "vgg16": 32,
}
SMALL: dict[str, dict[str, Any]] = {
    "bag_of_ngrams": {"buckets": 97},
    "classic_stack": {"channels": [3, 4, 5], "normalisation": "local_response"},
    "cnn_lstm": {"channels": [3, 4], "hidden_size": 5},
    "conv1d": {"channels": [4, 5], "kernel_size": 3},
    "gru": {"hidden_size": 5},
    "lstm": {"hidden_size": 5},
    "mlp": {"hidden": [6, 5]},
    "resnet9": {"width": 4},
    "rnn": {"hidden_size": 5},
}
SCALES = {"alexnet": 2.0, "classic_stack": 2.0}  # of weights, where the first ones tell noise from noise hardly
ALWAYS = {("lenet5", "image"), ("rnn", "texts")}


def image_config(name: str, **changes: Any) -> NetworkConfig:
    side = LEAST_SIDES.get(name, 20)
    spec = Spec("image", (side, side - 2 if name not in LEAST_SIDES else side, 3), LETTERS)
    config = NetworkConfig(name, SMALL.get(name, {}), spec, "classify", [0.5, 0.4, 0.3], [0.3, 0.2, 0.25], "ab")
    return dataclasses.replace(config, **changes)


def image_predictor(config: NetworkConfig, scale: float = 1.0) -> Predictor:
    torch.manual_seed(3)
    network = config.build_network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(scale)
    # With the first statistics of their norms, deep networks answer all images alike, and anything equals that.
    batches = torch.randint(0, 256, (5, 48, *config.spec.shape), dtype=torch.uint8)
    update_bn(list(batches[1:]), network)
    # Random weights may be a hundred times as sure as trained ones, and 1e-5 of a probability is rounding then.
    *_, head = (layer for layer in network.modules() if isinstance(layer, torch.nn.Linear))
    with torch.no_grad():
        head.weight.mul_(min(1.0, 0.1 / float(network.eval()(batches[0]).std(dim=0).max())))
    return Predictor(config, network.eval(), torch.device("cpu"))


def cases() -> list[Any]:
    """(network, kind of data) for all that go together; what takes long is marked slow."""
    specs = {"texts": TEXTS, "next tokens": NEXT, "series": SERIES, "padded series": PADDED, "forecast": FORECAST}
    found = []
    for name in registry.names("models"):
        module = registry.module("models", name)
        answers_once = "per_example" in getattr(module, "OUTPUTS", ("per_example",))
        kinds = ["image"] if "image" in module.ACCEPTS and answers_once else []
        if "tokens" in module.ACCEPTS:
            kinds += ["texts"] + (["next tokens"] if "per_token" in module.OUTPUTS else [])
        if "series" in module.ACCEPTS:
            kinds += ["series", "forecast"] + (["padded series"] if hasattr(module, "TAKES_PADDED_SERIES") else [])
        for kind in kinds:
            marks = () if (name, kind) in ALWAYS else pytest.mark.slow
            found.append(pytest.param(name, specs.get(kind), marks=marks, id=f"{name}-{kind.replace(' ', '-')}"))
    return found


def exported(predictor: Predictor, folder: Path, metadata: dict[str, str] | None = None) -> Exported:
    return write_onnx(predictor.config, predictor.network, folder / "it.onnx", metadata or {})


def assert_proven(made: Exported) -> None:
    assert len(made.parity.compared) >= 5 and made.parity.worst.difference <= TOLERANCE
    assert {each.shape[0] for each in made.parity.compared} >= {1, 2, 5, 33}
    assert [path.name for path in made.path.parent.iterdir()] == [made.path.name]


@pytest.mark.parametrize(("name", "spec"), cases())
def test_every_network_answers_as_in_torch(tmp_path: Path, name: str, spec: Spec | None) -> None:
    if spec is None:
        predictor = image_predictor(image_config(name), SCALES.get(name, 1.0))
    else:
        predictor = trained(name, spec, scale=2.0, **SMALL.get(name, {}))
    made = exported(predictor, tmp_path)
    assert_proven(made)
    is_fixed = spec is None or (name in ("mlp", "nlinear"))
    assert made.has_any_length != is_fixed
    if not is_fixed:
        steps = {each.shape[1] for each in made.parity.compared}
        assert min(steps) <= 2 and max(steps) > predictor.spec.shape[0]
    # what stands in the file is what Predictor.outputs gives, of answers that differ between examples
    if spec is None or spec.output == "per_example":
        stored = next(
            e.stored for e in onnx_file.made_examples(predictor.config, least_steps=None) if len(e.stored) > 8
        )
        found, expected = OnnxSession(str(made.path)).answers_of(stored), predictor.outputs(torch.from_numpy(stored))
        assert np.ptp(expected, axis=0).max() > 1e-5
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


SEQUENCE_VARIANTS = [
    pytest.param("lstm", TEXTS, {"bidirectional": True, "num_layers": 2, "pool": "attention"}, id="lstm-both-ways"),
    pytest.param("gru", PADDED, {"bidirectional": True, "pool": "max"}, id="gru-padded-both-ways"),
    pytest.param("rnn", TEXTS, {"bidirectional": True, "num_layers": 2, "pool": "last"}, id="rnn-both-ways"),
    pytest.param("rnn", SERIES, {"bidirectional": True, "num_layers": 2, "pool": "mean"}, id="rnn-series-both-ways"),
    pytest.param("lstm", FORECAST, {"linear_skip": True, "from_last": True}, id="lstm-linear-skip"),
    pytest.param("conv1d", TEXTS, {"padding": "valid", "pooling": "average", "pool": "mean"}, id="conv1d-valid"),
    pytest.param("bag_of_ngrams", TEXTS, {"embedding_size": 4, "ngram_length": 3}, id="bag-embedded"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "spec", "arguments"), SEQUENCE_VARIANTS)
def test_variants_of_sequence_networks(tmp_path: Path, name: str, spec: Spec, arguments: dict[str, Any]) -> None:
    made = exported(trained(name, spec, scale=2.0, **(SMALL.get(name, {}) | arguments)), tmp_path)
    assert_proven(made)
    assert made.has_any_length != ("linear_skip" in arguments)


TWO = Spec("image", (9, 8, 1), ("cat", "dog"))
PLAIN = NetworkConfig("mlp", {"hidden": [6]}, TWO, "classify", [0.4], [0.3], "ab", temperature=1.7)
NUMBERS = Spec("image", (9, 8, 1), targets=("width", "depth"))
ANSWERS = {
    "one output": dataclasses.replace(PLAIN, one_output=True),
    "several classes": dataclasses.replace(PLAIN, spec=dataclasses.replace(TWO, multilabel=True)),
    "numbers": dataclasses.replace(
        PLAIN, spec=NUMBERS, task="regress", target_mean=[200.0, -3.0], target_std=[50.0, 0.1], temperature=1.0
    ),
    "ensemble": dataclasses.replace(PLAIN, members=3),
    "ensemble of one output": dataclasses.replace(PLAIN, members=2, one_output=True),
    "cropped": dataclasses.replace(PLAIN, evaluate_crop=0.7),
}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n == "one output" else pytest.mark.slow) for n in ANSWERS]
)
def test_every_sort_of_answer(tmp_path: Path, name: str) -> None:
    config = ANSWERS[name]
    predictor = image_predictor(config, scale=3.0)
    made = exported(predictor, tmp_path)
    assert_proven(made)
    stored = np.random.default_rng(2).integers(0, 256, (11, 9, 8, 1)).astype(np.uint8)
    found, expected = OnnxSession(str(made.path)).answers_of(stored), predictor.outputs(torch.from_numpy(stored))
    assert found.shape == (11, 2) and found.dtype == np.float32 and np.ptp(expected, axis=0).max() > 0.01
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    session = OnnxSession(str(made.path))
    output = "values" if name == "numbers" else "probabilities"
    assert [each.name for each in session._session.get_outputs()] == [output]


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("linear")
    metadata = {"saccade.run": "a", "saccade.classes": '["up", "döwn"]'}
    return exported(trained("nlinear", SERIES), folder, metadata)


def test_the_file_says_whose_it_is_and_nothing_of_this_machine(linear: Exported) -> None:
    onnx = pytest.importorskip("onnx")
    made = linear
    assert made.notes == ["the number of steps is fixed at 7: nlinear has weights for each of them"]
    model = onnx.load(str(made.path))
    assert {each.key: each.value for each in model.metadata_props} == {
        "saccade.run": "a",
        "saccade.classes": '["up", "döwn"]',
        "saccade.parity": json.dumps(made.parity.record()),
    }
    (given,), (answer,) = model.graph.input, model.graph.output
    dims = [dim.dim_param or dim.dim_value for dim in given.type.tensor_type.shape.dim]
    assert (given.name, dims, answer.name) == ("examples", ["batch", 7, 3], "probabilities")
    assert [dim.dim_param or dim.dim_value for dim in answer.type.tensor_type.shape.dim] == ["batch", 2]
    assert str(Path(onnx_file.__file__).parents[2]).encode() not in made.path.read_bytes()
    assert b".py" not in made.path.read_bytes()


def test_a_file_that_answers_otherwise_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linear: Exported
) -> None:
    model = pytest.importorskip("onnx").load(str(linear.path))

    class Rounded(OnnxSession):
        def answers_of(self, stored: np.ndarray) -> np.ndarray:
            return super().answers_of(stored) + np.float32(2e-4) * (len(stored) == 5)

    monkeypatch.setattr(onnx_file, "_export", lambda *_: (model, None, []))  # which takes a second or two
    monkeypatch.setattr(onnx_file, "OnnxSession", Rounded)
    (tmp_path / "it.onnx").write_text("of before")
    with pytest.raises(UserError, match=r"otherwise than torch: odd batch \(5x7x3\) is off by 0.0002, and 1e-05 is"):
        exported(trained("nlinear", SERIES), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["it.onnx"]
    assert (tmp_path / "it.onnx").read_text() == "of before"


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    predictor = trained("nlinear", SERIES)
    monkeypatch.setattr(optional_packages.importlib, "import_module", absent)
    with pytest.raises(UserError, match=r"ONNX takes onnx, which is not installed: pip install 'saccade\[onnx\]'"):
        exported(predictor, tmp_path)
