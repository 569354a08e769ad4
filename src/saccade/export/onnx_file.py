"""A trained network as one ONNX file: exported by torch, checked, compared with torch, and only then put in place.

Shapes: B batch, T time steps.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from saccade.bundle.bundle import NetworkConfig
from saccade.core.errors import UserError
from saccade.core.files import replacing_file
from saccade.export.answering import AnsweringNetwork, output_name
from saccade.export.example_shapes import made_examples
from saccade.export.onnx_forms import in_onnx_form
from saccade.export.optional_packages import onnx, require_exporter
from saccade.export.parity import Compared, OnnxSession, compare, require_parity

OPSET = 20
_MAX_BYTES = 2**31 - 1  # of a protocol buffer, and so of a model in one file


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the file.
        num_bytes: its size.
        has_any_length: whether the number of time steps may differ from that of training.
        compared: every batch that torch and onnxruntime were both asked about.
        notes: what the file cannot do, in sentences.
    """

    path: Path
    num_bytes: int
    has_any_length: bool
    compared: list[Compared]
    notes: list[str] = field(default_factory=list)

    @property
    def worst(self) -> Compared:
        """The batch whose answers differ most."""
        return max(self.compared, key=lambda each: each.difference)


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
    has_any_length = _takes_any_length(config, answering)
    model, has_any_length, notes = _export(config, answering, has_any_length)
    _name_axes(model, config, has_any_length)
    _remove_traces(model)
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    if model.ByteSize() > _MAX_BYTES:
        raise UserError(f"{target} would have {model.ByteSize():,} bytes, and an ONNX file at most {_MAX_BYTES:,}")
    onnx().checker.check_model(model, full_check=True)
    with replacing_file(target) as partial:
        partial.write_bytes(model.SerializeToString(deterministic=True))
        batches = made_examples(config, has_any_length=has_any_length)
        compared = compare(config, answering, OnnxSession(str(partial)), batches)
        require_parity(compared, str(target))
        num_bytes = partial.stat().st_size
    return Exported(target, num_bytes, has_any_length, compared, notes)


@torch.no_grad()
def _takes_any_length(config: NetworkConfig, answering: nn.Module) -> bool:
    """Whether torch itself answers about one step more than training had, and about a single one."""
    if config.spec.layout not in ("tokens", "series"):
        return False
    try:
        for each in made_examples(config, has_any_length=True):
            if each.stored.shape[1] != config.spec.shape[0]:
                answering(torch.from_numpy(each.stored))
    except (RuntimeError, IndexError):  # a layer is as wide as the window is long
        return False
    return True


def _export(config: NetworkConfig, answering: AnsweringNetwork, has_any_length: bool) -> tuple[Any, bool, list[str]]:
    """The model, whether time is free in it, and why not."""
    steps = config.spec.shape[0]
    fixed = f"the number of steps is fixed at {steps}"
    if has_any_length:
        try:
            return _traced(config, answering, {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}), True, []
        except torch.onnx.OnnxExporterError:
            reason = f"{fixed}: torch's exporter cannot leave it open for {config.model}"
    elif config.spec.layout in ("tokens", "series"):
        reason = f"{fixed}: {config.model} has a weight for every step, or windows that need as many"
    else:
        reason = ""
    return _traced(config, answering, {0: torch.export.Dim.DYNAMIC}), False, [reason] if reason else []


def _traced(config: NetworkConfig, answering: AnsweringNetwork, dynamic: dict[int, Any]) -> Any:
    example = next(each for each in made_examples(config, has_any_length=False) if each.name == "batch 2")
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


def _name_axes(model: Any, config: NetworkConfig, has_any_length: bool) -> None:
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
