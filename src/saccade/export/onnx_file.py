"""A trained network as one ONNX file: exported by torch, checked, compared with torch, and only then put in place.

Shapes: B batch, T time steps.
"""

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from saccade.bundle.bundle import NetworkConfig
from saccade.core.errors import UserError
from saccade.core.files import replacing_file
from saccade.export.answering import AnsweringNetwork, output_name
from saccade.export.example_shapes import draw, made_examples, steps_of
from saccade.export.onnx_forms import in_onnx_form
from saccade.export.optional_packages import onnx, require_exporter
from saccade.export.parity import OnnxSession, Parity, compare, require_parity

OPSET = 20
PARITY_KEY = "saccade.parity"  # of the metadata: what was found when the file was compared
_MAX_BYTES = 2**31 - 1  # of a protocol buffer, and so of a model in one file


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the file.
        num_bytes: its size.
        has_any_length: whether the number of time steps may differ from that of training.
        parity: how far onnxruntime's answers lie from torch's; the file carries it as ``saccade.parity``.
        notes: what the file cannot do, in sentences.
    """

    path: Path
    num_bytes: int
    has_any_length: bool
    parity: Parity
    notes: list[str] = field(default_factory=list)


def write_onnx(config: NetworkConfig, network: nn.Module, target: Path, metadata: Mapping[str, str]) -> Exported:
    """Export a network, prove that it answers as torch does, and put the file in its place.

    Args:
        config: config that the network was built from.
        network: network of a bundle, in evaluation mode, on the CPU.
        target: file to write; one that is there stays as it was until the new one is proven.
        metadata: text by key, which the file carries.

    Returns:
        What was written.

    Raises:
        UserError: a package is missing, the file would be too large, or it does not answer as torch does.
    """
    require_exporter()
    answering = AnsweringNetwork(config, network).eval()
    model, least_steps, notes = _export(config, answering)
    has_any_length = least_steps is not None
    _name_axes(model, has_any_length)
    _remove_traces(model)
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    if model.ByteSize() > _MAX_BYTES:
        raise UserError(f"the ONNX file would have {model.ByteSize():,} bytes, and may have {_MAX_BYTES:,} at most")
    onnx().checker.check_model(model, full_check=True)
    with replacing_file(target) as partial:
        partial.write_bytes(model.SerializeToString(deterministic=True))
        batches = made_examples(config, least_steps=least_steps)
        parity = compare(config, answering, OnnxSession(str(partial)), batches)
        require_parity(parity)
        model.metadata_props.add(key=PARITY_KEY, value=json.dumps(parity.record()))
        partial.write_bytes(model.SerializeToString(deterministic=True))
        num_bytes = partial.stat().st_size
    return Exported(target, num_bytes, has_any_length, parity, notes)


@torch.no_grad()
def least_length(config: NetworkConfig, answering: nn.Module) -> int | None:
    """The least number of time steps that torch answers about.

    Args:
        config: config of the network.
        answering: network with its answers, in evaluation mode.

    Returns:
        A number from 1; None where no other number of steps will do than that of training, or where there are none.
    """
    T, random = steps_of(config), np.random.default_rng(0)

    def answers_about(steps: int) -> bool:
        try:
            answering(torch.from_numpy(draw(config, 1, steps, random)))
        except (RuntimeError, IndexError):  # a layer as wide as the window is long, or a window longer than that
            return False
        return True

    if not T or not answers_about(T + 3):
        return None
    return next(steps for steps in range(1, T + 1) if answers_about(steps))


def _export(config: NetworkConfig, answering: AnsweringNetwork) -> tuple[Any, int | None, list[str]]:
    """The model, the least number of steps that it takes where that is free, and what it cannot do."""
    T, least = steps_of(config), least_length(config, answering)
    batch: dict[int, Any] = {0: torch.export.Dim.DYNAMIC}
    if not T:
        return _traced(config, answering, batch), None, []
    fixed = f"the number of steps is fixed at {T}"
    if least is None:
        return _traced(config, answering, batch), None, [f"{fixed}: {config.model} has weights for each of them"]
    try:
        traced = _traced(config, answering, {**batch, 1: torch.export.Dim.DYNAMIC})
    except torch.onnx.OnnxExporterError:
        return _traced(config, answering, batch), None, [f"{fixed}: torch's exporter cannot leave it open"]
    notes = [f"examples must have {least} steps at least, which its windows and poolings need"] if least > 1 else []
    return traced, least, notes


def _traced(config: NetworkConfig, answering: AnsweringNetwork, dynamic: dict[int, Any]) -> Any:
    example = next(each for each in made_examples(config, least_steps=None) if each.name == "batch 2")
    with _quiet():
        program = torch.onnx.export(
            in_onnx_form(answering),
            (torch.from_numpy(example.stored),),
            dynamo=True,
            dynamic_shapes=(dynamic,),
            input_names=["examples"],
            output_names=[output_name(config)],
            opset_version=OPSET,
            external_data=False,
            custom_translation_table={torch.ops.aten.hypot.default: _length_of_sides},
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def _length_of_sides(self: Any, other: Any) -> Any:
    """``torch.hypot`` in operators of ONNX, which has none such; the argument names are torch's."""
    from onnxscript import opset20 as op

    return op.Sqrt(op.Add(op.Mul(self, self), op.Mul(other, other)))


@contextmanager
def _quiet() -> Iterator[None]:
    """What torch's exporter tells of its own workings is left out; errors are raised as ever."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _name_axes(model: Any, has_any_length: bool) -> None:
    """Call the free axes batch and time, where the exporter calls them s51 and s25."""
    names = {0: "batch", 1: "time"} if has_any_length else {0: "batch"}
    given = model.graph.input[0].type.tensor_type.shape.dim
    renamed = {given[axis].dim_param: name for axis, name in names.items()}
    for value in (*model.graph.input, *model.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in renamed:
                dim.dim_param = renamed[dim.dim_param]
    del model.graph.value_info[:]  # shapes between the layers, in the exporter's names: whoever runs it finds them


def _remove_traces(model: Any) -> None:
    """Remove what the exporter notes of this machine: lines of code with the paths of their files, at every node."""
    graphs = [model.graph, *model.functions]
    while graphs:
        graph = graphs.pop()
        graph.ClearField("metadata_props")
        graph.ClearField("doc_string")
        for name in ("input", "output", "initializer"):
            for value in getattr(graph, name):
                if not isinstance(value, str):
                    value.ClearField("metadata_props")
                    value.ClearField("doc_string")
        for node in graph.node:
            node.ClearField("metadata_props")
            node.ClearField("doc_string")
            graphs += [attribute.g for attribute in node.attribute if attribute.HasField("g")]
    model.ClearField("metadata_props")
