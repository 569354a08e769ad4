"""``saccade describe``: a network layer by layer, as a table, as JSON, as a figure. Nothing is trained."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import paths
from pipeline.console import say
from pipeline.params.problems import ParamsError, Problem, nearest
from pipeline.params.registered_names import registered_name_problems
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.data.spec import LAYOUTS, RESERVED, Spec, middle

if TYPE_CHECKING:
    from torch import nn

    from pipeline.params.load import Params
    from saccade.explain.architecture.memory import Memory
    from saccade.explain.architecture.summary import Layer, NetworkSummary

_SIDES = {"image": 3, "series": 2, "tokens": 1, "vector": 1}  # how many an example of a layout has
_VOCABULARY = 10_000  # tokens, where nobody says


@dataclass(frozen=True)
class Subject:
    """A network to describe.

    Attributes:
        model: name of a file in ``models/``.
        arguments: arguments of its ``build``; those left out have their defaults.
        spec: spec that it is built for.
        run: key of the trained run; None where it is no run's.
        frozen: layers that its training leaves as they are, as ``train.freeze`` names them.
        options: options of ``saccade.explain.architecture.summary.describe``: optimizer, batch_size.
        evaluate_crop: the share of each side of an image that evaluation looks at.
    """

    model: str
    arguments: Mapping[str, Any]
    spec: Spec
    run: str | None = None
    frozen: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    evaluate_crop: float = 1.0


def network_of_model(
    name: str,
    input_shape: str | None,
    num_classes: int | None,
    settings: Sequence[str],
    vocabulary: int | None = None,
) -> Subject:
    """The network of a model file.

    Args:
        name: name of the file.
        input_shape: CxHxW, TxF or T; None: what the file calls typical.
        num_classes: number of classes; None: what the file calls typical.
        settings: KEY=VALUE, values as YAML writes them.
        vocabulary: number of token ids of texts, from 3; None: 10,000. Of a network that reads lines, those of their
            characters; None: what the file calls typical.

    Returns:
        What to describe.

    Raises:
        ParamsError: all that is wrong with the command line.
    """
    arguments, problems = _arguments_of(settings)
    problems += registered_name_problems(("model",), {"name": name, **arguments}, "models", ["build"])
    shape: tuple[int, ...] | None = None
    if input_shape is not None:
        shape, wrong = _shape_of(input_shape)
        problems += wrong
    layout, reads_lines = "", False
    if name in registry.names("models"):
        reads_lines = "transcript" in registry.constant_or((), "models", name, "OUTPUTS")
        shape = shape or _typical(name, "TYPICAL_SHAPE", "--input", problems)
        if reads_lines:
            if num_classes is not None:
                message = f"{name} reads lines and tells no classes: --vocabulary is how many characters it knows"
                problems.append(Problem(("--classes",), message))
            if vocabulary is None:
                characters = _typical(name, "TYPICAL_CHARACTERS", "--vocabulary", problems)
                vocabulary = len(RESERVED) + (characters or 0)
            num_classes = 0
        else:
            num_classes = num_classes or _typical(name, "TYPICAL_CLASSES", "--classes", problems)
        accepted = registry.constant("models", name, "ACCEPTS")
        layout = _layout_of(shape, accepted) if shape else layout
        if shape and layout not in accepted:
            given = f"{'x'.join(map(str, shape))} is {layout}"
            problems.append(Problem(("--input",), f"{name} takes {' or '.join(accepted)}, but {given}"))
        if shape and vocabulary is not None and layout != "tokens" and not reads_lines:
            problems.append(Problem(("--vocabulary",), "only texts have one: --input T, such as --input 200"))
    if problems:
        raise ParamsError(Path("the command line"), problems)
    assert shape is not None and num_classes is not None
    if reads_lines:
        assert vocabulary is not None
        spec = Spec(
            layout, shape, vocabulary=_tokens(vocabulary), unit="characters", output="transcript", is_padded=True
        )
        return Subject(name, arguments, spec)
    classes = tuple(f"class {k}" for k in range(num_classes))
    if layout == "tokens":
        tokens = _tokens(vocabulary or _VOCABULARY)
        return Subject(name, arguments, Spec("tokens", shape, classes, vocabulary=tokens, unit="words"))
    return Subject(name, arguments, Spec(layout, shape, classes))


def _tokens(count: int) -> tuple[str, ...]:
    return (*RESERVED, *(f"token {i}" for i in range(len(RESERVED), count)))


def _layout_of(shape: tuple[int, ...], accepted: Sequence[str]) -> str:
    """The layout of so many sides, one that the model accepts where there is one."""
    layouts = [layout for layout in LAYOUTS if _SIDES[layout] == len(shape)]
    return next((layout for layout in layouts if layout in accepted), layouts[0])


def _arguments_of(settings: Sequence[str]) -> tuple[dict[str, Any], list[Problem]]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    arguments, problems = {}, []
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not (key and equals):
            problems.append(Problem(("--set",), f"{setting!r}: must be KEY=VALUE, such as --set dropout=0.5"))
            continue
        try:
            arguments[key.strip()] = YAML(typ="safe", pure=True).load(text)
        except YAMLError as error:
            problems.append(Problem(("model", key), f"{text!r}: not valid YAML: {' '.join(str(error).split())}"))
    return arguments, problems


def _shape_of(text: str) -> tuple[tuple[int, ...] | None, list[Problem]]:
    """(H, W, C) of CxHxW, (T, F) of TxF, (T,) of T, (F,) of F."""
    sides = text.lower().split("x")
    if len(sides) not in _SIDES.values() or not all(side.isascii() and side.isdigit() and int(side) for side in sides):
        message = (
            f"{text!r}: must be CxHxW for images, such as 3x224x224, TxF for series, such as 100x2, T for texts or F "
            "for vectors"
        )
        return None, [Problem(("--input",), message)]
    numbers = tuple(map(int, sides))
    return (*numbers[1:], numbers[0]) if len(numbers) == 3 else numbers, []


def _typical(name: str, constant: str, option: str, problems: list[Problem]) -> Any:
    try:
        return registry.constant("models", name, constant)
    except LookupError:
        file = registry.source_file("models", name).name
        problems.append(Problem((option,), f"missing; models/{file} names no {constant}"))
        return None


def network_of_run(run: str, params: "Params") -> Subject:
    """The network of a trained run, from its bundle; how it is trained from params.yaml, if it is there.

    Args:
        run: key in ``runs:``.
        params: the whole file.

    Returns:
        What to describe.

    Raises:
        UserError: there is no such run, or no bundle of it.
    """
    from saccade.bundle.bundle import read_config

    known = {*params.runs, *(path.parent.name for path in Path("models").glob("*/bundle.json"))}
    if run not in known:
        raise UserError(f"neither params.yaml nor models/ has a run {run!r}; {nearest(run, sorted(known))}")
    config = read_config(paths.model(run))
    block = params.runs[run].train if run in params.runs else None
    options = {"optimizer": block.optimizer.model_dump(), "batch_size": block.batch_size} if block else {}
    frozen = block.frozen_layers if block else ()
    return Subject(config.model, config.arguments, config.built_for, run, frozen, options, config.evaluate_crop)


def show(subject: Subject, *, as_json: bool, figure: Path | None) -> None:
    """Describe a network.

    Args:
        subject: network to describe.
        as_json: print JSON in place of tables.
        figure: file to draw it into: .png, .svg or .pdf; None draws nothing.
    """
    from saccade.explain.architecture import summary
    from saccade.explain.architecture.diagram import check_suffix, draw_network

    if figure is not None:
        check_suffix(figure)
    spec = subject.spec
    description = summary.describe(lambda: _built(subject), spec.input_shape, **subject.options)
    if as_json:
        values = {"model": subject.model, "classes": spec.num_outputs, **description.to_dict()}
        order = ["model", "input", "classes", "parameters", "macs", "layers"]
        if subject.evaluate_crop != 1:
            values["evaluate_crop"] = subject.evaluate_crop
            order.insert(2, "evaluate_crop")
        say(json.dumps({key: values[key] for key in order}, indent=2))
    else:
        _print_tables(subject, description)
    if figure is not None:
        draw_network(subject.run or subject.model, description, figure)
        if not as_json:
            say(f"drawn: {figure}")


def _built(subject: Subject) -> "nn.Module":
    from saccade.transfer.freeze import expand_backbone, freeze

    network = registry.module("models", subject.model).build(subject.spec, **subject.arguments)
    head = registry.constant_or(None, "models", subject.model, "HEAD")
    freeze(network, expand_backbone(network, subject.frozen, head))
    return network


# --- tables -----------------------------------------------------------------------------------------------------------

_COLUMNS = (
    "layer",
    "kind",
    "kernel",
    "stride",
    "padding",
    "output",
    "parameters",
    "multiply-adds",
    "sees",
    "output side",
)
_NUMBERS = ("parameters", "multiply-adds")


def _print_tables(subject: Subject, description: "NetworkSummary") -> None:
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table

    say(f"{subject.model}: {registry.summary('models', subject.model)}")
    say(_built_for(subject))
    table = Table()
    for column in _COLUMNS:
        table.add_column(column, justify="right" if column in _NUMBERS else "left", no_wrap=True)
    for layer in description.layers:
        table.add_row(*_cells(layer))
    console = Console(highlight=False)
    # A formula that is cut helps nobody: what does not fit is wrapped by the terminal.
    console.width = max(console.width, Measurement.get(console, console.options.update(max_width=1000), table).maximum)
    console.print(table, markup=False)
    for line in (*_totals(description), *_memory(description.memory, subject.options.get("optimizer"))):
        say(line)


def _built_for(subject: Subject) -> str:
    spec = subject.spec
    outputs = f"{len(spec.classes)} classes" if spec.classes else f"outputs {spec.num_outputs}"
    crop = ""
    if subject.evaluate_crop != 1:
        rows, columns = (middle(side, subject.evaluate_crop)[1] for side in spec.shape[:2])
        crop = f" (evaluation: the middle {rows}x{columns}, enlarged)"
    outputs += " at each step" if spec.output != "per_example" else ""
    tokens = f" tokens of {len(spec.vocabulary):,}" if spec.layout == "tokens" else ""
    arguments = ", ".join(f"{key} {json.dumps(value)}" for key, value in subject.arguments.items())
    return (
        (f"run {subject.run}, " if subject.run else "")
        + f"input {'x'.join(map(str, spec.input_shape))}{crop}{tokens}, {outputs}"
        + (f"; {arguments}" if arguments else "")
    )


def _cells(layer: "Layer") -> list[str]:
    from saccade.explain.architecture.diagram_blocks import format_sides

    def window(sides: tuple[int, ...] | None, *, short: bool = False) -> str:
        return format_sides(sides, short=short) if sides else ""

    return [
        layer.name + (f" ({layer.uses} uses)" if layer.uses > 1 else ""),
        layer.kind,
        window(layer.kernel_size),
        window(layer.stride, short=True),
        window(layer.padding, short=True),
        format_sides(layer.output_shape) if layer.output_shape else "",
        f"{layer.parameters:,}" if layer.parameters else "",
        f"{layer.macs:,}" if layer.macs else "",
        "all" if layer.receptive_field is None else format_sides(layer.receptive_field),
        layer.formula,
    ]


def _totals(description: "NetworkSummary") -> list[str]:
    lines = [f"total: {description.parameters:,} parameters, {description.macs:,} multiply-adds for one example"]
    frozen = description.parameters - description.trainable
    if frozen:
        lines.append(f"  of the parameters, {frozen:,} are frozen")
    in_layers = sum(layer.parameters for layer in description.layers)
    if in_layers < description.parameters:
        lines.append(f"  of the parameters, {description.parameters - in_layers:,} are in no layer that runs")
    if description.training_only_parameters:
        lines.append(
            f"  auxiliary heads, in training alone: {description.training_only_parameters:,} parameters and "
            f"{description.training_only_macs:,} multiply-adds more"
        )
    lines.append("  sees: the receptive field, also where it reaches beyond the border; all: the whole input")
    return lines


def _memory(memory: "Memory", optimizer: Mapping[str, Any] | None) -> list[str]:
    from saccade.explain.architecture.summary import OPTIMIZER

    used = optimizer or OPTIMIZER
    name = str(used["name"]) + (" with momentum" if used.get("momentum") else "")
    parts = (
        f"weights {_size(memory.weights)}, gradients {_size(memory.gradients)}, {name} {_size(memory.optimizer)}, "
        f"activations {_size(memory.activations)} ({_size(memory.activations / memory.batch_size)} an example)"
    )
    lines = [f"memory of a training step, float32, batch of {memory.batch_size}: {_size(memory.total)}", f"  {parts}"]
    if memory.measured_examples < memory.batch_size:
        lines.append(f"  activations were measured on {memory.measured_examples} examples")
    return lines


def _size(num_bytes: float) -> str:
    """Three digits, as people read them."""
    if num_bytes < 1000:
        return f"{num_bytes:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        num_bytes /= 1000
        if num_bytes < 999.5:
            return f"{num_bytes:.3g} {unit}"
    return f"{num_bytes / 1000:,.3g} TB"
