"""Weights of 8 bits: taken where the validation split loses nothing to speak of, refused and left alone elsewhere.

Shapes: N examples, K classes.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.bundle.config import NetworkConfig
from saccade.core.errors import UserError
from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.export import quantise
from saccade.export.parity import OnnxSession
from saccade.export.quantise import is_as_good, write_quantised
from saccade.export.scores import Score, score_of

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

WIDTH, K = 64, 10
CONFIG = NetworkConfig("mlp", {}, Spec("vector", (WIDTH,), tuple("abcdefghij")), "classify", [], [], "ab")


def linear_file(folder: Path) -> Path:
    """A softmax regression over (N, 64): 64 x 128, then 128 x 10."""
    random = np.random.default_rng(0)
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weights = {
        "first": random.standard_normal((WIDTH, 128)).astype(np.float32),
        "second": random.standard_normal((128, K)).astype(np.float32),
    }
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["examples", "first"], ["h"]),
            helper.make_node("Relu", ["h"], ["r"]),
            helper.make_node("MatMul", ["r", "second"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        ],
        "linear",
        [helper.make_tensor_value_info("examples", kind, ["batch", WIDTH])],
        [helper.make_tensor_value_info("probabilities", kind, ["batch", K])],
        [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    model.metadata_props.add(key="saccade.run", value="a")
    onnx.save(model, str(folder / "whole.onnx"))
    return folder / "whole.onnx"


def split_of(source: Path, number: int = 300) -> Split:
    """Examples that the file is sure of, with the classes that it gives them."""
    examples = np.random.default_rng(1).standard_normal((4 * number, WIDTH)).astype(np.float32)
    answers = OnnxSession(str(source)).answers_of(examples)
    rows = np.flatnonzero(answers.max(axis=1) > 0.9999)[:number]
    assert len(rows) == number
    return Split(examples[rows], answers[rows].argmax(axis=1).astype(np.int64), np.arange(number))


def test_a_file_shrinks_and_keeps_what_it_says(tmp_path: Path) -> None:
    source = linear_file(tmp_path)
    split = split_of(source)
    found = write_quantised(CONFIG, source, tmp_path / "small.onnx", split, split)
    assert found.method in ("dynamic", "static") and not found.reason
    assert found.before.value == 1 and 0.995 < found.after.value <= 1
    assert found.num_bytes == (tmp_path / "small.onnx").stat().st_size < 0.4 * found.num_bytes_before
    said = {each.key: each.value for each in onnx.load(str(tmp_path / "small.onnx")).metadata_props}
    assert said.pop("saccade.run") == "a"
    how = json.loads(said.pop("saccade.quantised"))
    assert how == {"method": found.method, "score": "accuracy", "before": 1.0, "after": found.after.value} and not said
    assert {path.name for path in tmp_path.iterdir()} == {"whole.onnx", "small.onnx"}


def scores(monkeypatch: pytest.MonkeyPatch, *values: float) -> None:
    following = iter(values)
    monkeypatch.setattr(quantise, "score_of", lambda *_, **__: Score("accuracy", next(following), True))


def test_where_rounding_as_it_comes_costs_too_much_the_ranges_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = linear_file(tmp_path)
    split = split_of(source)
    scores(monkeypatch, 0.97, 0.9649, 0.9651)
    found = write_quantised(CONFIG, source, tmp_path / "small.onnx", split, split)
    assert found.method == "static" and found.after.value == 0.9651
    operators = {node.op_type for node in onnx.load(str(tmp_path / "small.onnx")).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= operators
    answers = OnnxSession(str(tmp_path / "small.onnx")).answers_of(split.examples)
    assert (answers.argmax(axis=1) == split.labels).mean() > 0.9


def test_what_costs_half_a_point_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = linear_file(tmp_path)
    split = split_of(source)
    scores(monkeypatch, 0.97, 0.95, 0.96)
    with pytest.raises(
        UserError, match=r"goes from 97.00% to 96.00%, and half a point is allowed; nothing was written"
    ):
        write_quantised(CONFIG, source, tmp_path / "small.onnx", split, split)
    assert [path.name for path in tmp_path.iterdir()] == ["whole.onnx"]


def test_what_saves_nothing_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = linear_file(tmp_path)
    monkeypatch.setattr(quantise, "_dynamic", lambda source, made, _: made.write_bytes(source.read_bytes()[:-600]))
    split = split_of(source)
    found = write_quantised(CONFIG, source, tmp_path / "small.onnx", split, split)
    assert (found.method, found.num_bytes) == ("none", source.stat().st_size)
    assert found.reason.startswith("8 bits would save 2% of it, for recurrent layers keep 32")
    assert [path.name for path in tmp_path.iterdir()] == ["whole.onnx"]


@pytest.mark.parametrize(("channels", "first"), [(16, "dynamic"), (128, "static")])
def test_large_convolutions_are_measured_first(channels: int, first: str) -> None:
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    kernel = onnx.numpy_helper.from_array(np.zeros((channels, channels, 3, 3), np.float32), "kernel")
    dense = onnx.numpy_helper.from_array(np.zeros((700, 700), np.float32), "dense")  # of no convolution
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["examples", "kernel"], ["h"]),
            helper.make_node("MatMul", ["h", "dense"], ["values"]),
        ],
        "two",
        *([helper.make_tensor_value_info(name, kind, None)] for name in ("examples", "values")),
        [kernel, dense],
    )
    assert quantise.methods_for(helper.make_model(graph))[0] == first


@pytest.mark.parametrize(
    ("before", "after", "larger", "is_good"),
    [
        (0.9700, 0.9651, True, True),
        (0.9700, 0.9649, True, False),
        (0.9700, 0.9900, True, True),
        (2.0, 2.019, False, True),
        (2.0, 2.021, False, False),
    ],
)
def test_half_a_point_or_a_hundredth_of_the_error(before: float, after: float, larger: bool, is_good: bool) -> None:
    assert is_as_good(Score("", before, larger), Score("", after, larger)) is is_good


def test_scores_of_every_sort_of_answer() -> None:
    def score(spec: Spec, answers: Any, labels: Any, **changes: Any) -> tuple[str, float]:
        config = NetworkConfig("mlp", {}, spec, "", [], [], "ab", **changes)
        rows = np.arange(len(labels))
        given = np.array(answers, np.float32)
        split = Split(rows[:, None].astype(np.float32), np.array(labels), rows)
        found = score_of(config, lambda stored: given[stored[:, 0].astype(int)], split)
        return found.name, round(found.value, 6)

    vector = Spec("vector", (1,), ("a", "b", "c"))
    assert score(vector, [[0.1, 0.8, 0.1], [0.5, 0.4, 0.1], [0.2, 0.2, 0.6]], [1, 1, 2]) == ("accuracy", 0.666667)
    several = Spec("vector", (1,), ("a", "b"), multilabel=True)
    assert score(several, [[0.4, 0.4], [0.2, 0.9]], [[1, 0], [0, 0]], thresholds=[0.3, 0.5]) == (
        "share of labels that are right",
        0.75,
    )
    numbers = Spec("vector", (1,), targets=("x", "y"))
    assert score(numbers, [[1, 2], [3, 4]], [[1.5, 2], [3, 2]]) == ("mean absolute error", 0.625)
    text = Spec("tokens", (2,), vocabulary=("<pad>", "<unknown>", "e"), output="per_token")
    said = [[[0, 0.1, 0.9], [0, 0.9, 0.1]], [[0, 0.9, 0.1], [0.9, 0.1, 0]]]
    assert score(text, said, [[2, 2], [1, 0]]) == ("accuracy", 0.666667)  # what stands behind a text's end is left out
