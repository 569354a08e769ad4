"""Networks as ONNX files with the metadata that ``saccade export`` writes, made in a moment and not compared."""

import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from saccade.bundle.config import NetworkConfig, to_values
from saccade.predict.predictor import Predictor

STORED = {"image": torch.uint8, "tokens": torch.int32, "series": torch.float32, "vector": torch.float32}


class _Answering(nn.Module):
    """Stored examples in, probabilities or numbers out."""

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.network, self.config = predictor.network, predictor.config

    def forward(self, examples: Tensor) -> Tensor:
        output = self.network(examples).float()
        if self.config.one_output:
            output = torch.cat((torch.zeros_like(output), output), dim=1)
        if self.config.spec.multilabel:
            return output.sigmoid()
        return output.softmax(dim=-1) if is_of_classes(self.config) else output


def is_of_classes(config: NetworkConfig) -> bool:
    return bool(config.spec.classes) or config.spec.output == "per_token"


def metadata(config: NetworkConfig, **others: str) -> dict[str, str]:
    """What the file says of itself; ``others`` go before it."""
    found = {
        "saccade.format": "1",
        "saccade.bundle": json.dumps(to_values(config)),
        "saccade.classes": json.dumps(list(config.spec.classes)),
        "saccade.metrics": "{}",
        "saccade.data": "{}",
        "saccade.run": "small",
    }
    return found | {f"saccade.{name}": value for name, value in others.items()}


def export(predictor: Predictor, path: Path, *, any_length: bool = False, **others: str) -> Path:
    """Write the network with torch's exporter.

    Args:
        predictor: the network.
        path: the file.
        any_length: whether the number of time steps is left open.
        others: more of the metadata, by name.

    Returns:
        The file.
    """
    spec = predictor.spec
    example = torch.ones(2, *spec.shape).to(STORED[spec.layout])
    names = dict(list({0: "batch", 1: "time"}.items())[: 2 if any_length else 1])
    name = "probabilities" if is_of_classes(predictor.config) else "values"
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing is the older way, and takes a second where the other takes ten
        torch.onnx.export(
            _Answering(predictor).eval(),
            (example,),
            written,
            dynamo=False,
            dynamic_axes={"examples": names, name: names if spec.output == "per_token" else {0: "batch"}},
            input_names=["examples"],
            output_names=[name],
        )
    return write(onnx.load_from_string(written.getvalue()), path, metadata(predictor.config, **others))


def softmax_regression(predictor: Predictor, path: Path, **others: str) -> Path:
    """Write an ``mlp`` without hidden layers about images, node by node: torch's exporter takes seconds.

    Args:
        predictor: such a network; its classes exclude each other, or do not.
        path: the file.
        others: more of the metadata, by name.

    Returns:
        The file.
    """
    config, spec = predictor.config, predictor.spec
    (weight_KD, bias_K), C = predictor.network[1].parameters(), spec.shape[2]
    K, D = weight_KD.shape
    std = np.array(config.std, dtype=np.float32)
    values = {
        "scale": (1 / (255 * std)).astype(np.float32),
        "shift": (np.array(config.mean, dtype=np.float32) / std).astype(np.float32),
        "weight": weight_KD.detach().numpy().T.copy(),
        "bias": bias_K.detach().numpy(),
        "temperature": np.array(config.temperature, dtype=np.float32),
        "flat": np.array([-1, D], dtype=np.int64),
    }
    make = onnx.helper.make_node
    name = "probabilities" if is_of_classes(config) else "values"
    last = "Sigmoid" if spec.multilabel else "Softmax" if is_of_classes(config) else "Identity"
    nodes = [
        make("Cast", ["examples"], ["x"], to=onnx.TensorProto.FLOAT),
        make("Mul", ["x", "scale"], ["scaled"]),
        make("Sub", ["scaled", "shift"], ["normal"]),
        make("Transpose", ["normal"], ["channels_first"], perm=[0, 3, 1, 2]),
        make("Reshape", ["channels_first", "flat"], ["rows"]),
        make("MatMul", ["rows", "weight"], ["sums"]),
        make("Add", ["sums", "bias"], ["logits"]),
        make("Div", ["logits", "temperature"], ["divided"]),
        make(last, ["divided"], [name]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "softmax regression",
        [onnx.helper.make_tensor_value_info("examples", onnx.TensorProto.UINT8, ["batch", *spec.shape[:2], C])],
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", K])],
        [onnx.numpy_helper.from_array(value, key) for key, value in values.items()],
    )
    model = onnx.helper.make_model(
        graph, producer_name="tests", opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10
    )
    return write(model, path, metadata(config, **others))


def write(model: Any, path: Path, said: dict[str, str]) -> Path:
    """Write a model with these metadata in place of its own."""
    del model.metadata_props[:]
    for key, value in said.items():
        model.metadata_props.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
    return path
