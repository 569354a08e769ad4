"""``saccade explain`` of texts, series and rows of images: what each step adds to an answer, and what recurs.

Numbers are ``saccade.explain.sequences``'s; here examples are read, files written and lines printed.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pipeline import paths
from pipeline.console import say, warn
from saccade import kinds
from saccade.bundle.bundle import read_config
from saccade.core.errors import UserError
from saccade.core.files import replacing_file
from saccade.core.messages import pluralise
from saccade.explain.attribution.frozen import unchanged
from saccade.explain.sequences import coloured_text, figures
from saccade.explain.sequences.coloured_text import shown_answer
from saccade.explain.sequences.examples import Explained, explain_stored
from saccade.explain.sequences.influence import LIMIT_S, Influence, methods_for
from saccade.explain.sequences.page import Panel, Part, write_page
from saccade.explain.sequences.states import LayerStates, read_states
from saccade.kinds import Reading
from saccade.predict import predictor as prediction
from saccade.predict.predictor import Predictor

MAX_EXAMPLES = 20
_MAX_LAYERS = 4  # drawn of an example
_STRONGEST = 8  # steps in the terminal


@dataclass(frozen=True)
class Request:
    """What is to be explained, and how.

    Attributes:
        reading: what is read, and for which run; nothing: the run itself is explained.
        prompt: text whose next token is explained.
        dataset: key of the run's dataset, whose test split explains the run.
        classes: classes, tokens or numbers to explain; empty: the first and the runner-up.
        methods: methods of ``saccade.explain.sequences``, or all; empty: the one that fits best.
        limit_s: seconds that one example may take.
        as_json: whether JSON is printed, and nothing drawn.
        as_npz: whether the numbers are written as arrays, too.
        folder: folder for pages and figures.
        device: auto, cpu, cuda, cuda:1 or mps.
    """

    reading: Reading
    dataset: str
    folder: Path
    prompt: str | None = None
    classes: Sequence[str] = ()
    methods: Sequence[str] = ()
    limit_s: float = LIMIT_S
    as_json: bool = False
    as_npz: bool = False
    device: str = "cpu"


@dataclass(frozen=True)
class _Example:
    """An example to explain: as a split holds it, and the names of its steps."""

    title: str
    stored: np.ndarray
    text: str | None = None
    steps: Sequence[str] | None = None


def explain_examples(request: Request) -> None:
    """Explain what a trained run says of sequences that are given.

    Args:
        request: what is to be explained; it names examples.

    Raises:
        UserError: no such model, something that it cannot be asked, or what was given cannot be read.
    """
    _refuse_what_it_does_not_take(request)
    trained = prediction.load(paths.model(request.reading.run), device=request.device)
    with unchanged(trained.network):
        _explain_examples(trained, request)


def _refuse_what_it_does_not_take(request: Request) -> None:
    run, reading, spec = request.reading.run, request.reading, request.reading.spec
    writes = spec.output == "per_token"
    if request.prompt is not None and not writes:
        raise UserError(f"--prompt ({request.prompt[:30]}) must be left out: {run} says nothing of what comes next")
    if reading.texts and (spec.layout != "tokens" or writes):
        remedy = "give --prompt TEXT" if writes else "give files"
        raise UserError(f"--text ({reading.texts[0][:30]}) must be left out: {run} takes {spec.plural}; {remedy}")
    if reading.paths and writes:
        raise UserError(f"{reading.paths[0]} must be left out: {run} goes on with texts; give --prompt TEXT")
    if request.prompt is not None and not request.prompt.strip():
        raise UserError(f"--prompt ({request.prompt!r}) must hold one of the {spec.unit} at least")


def reads_steps(run: str) -> bool:
    """Whether a trained run reads its examples step by step: texts, series, and the rows or strips of images.

    Args:
        run: folder of a bundle in models/.

    Returns:
        False of images that are seen all at once, and of vectors.
    """
    config = read_config(paths.model(run))
    if config.spec.layout in ("tokens", "series"):
        return True
    return any(isinstance(module, nn.RNNBase) for module in config.build_network().modules())


# --- examples ---------------------------------------------------------------------------------------------------------


def _explain_examples(trained: Predictor, request: Request) -> None:
    found: list[Explained] = []
    examples = list(_examples(trained, request))
    for example in examples:
        try:
            one = _explain(trained, request, example)
        except UserError as error:
            if len(examples) == 1:
                raise
            warn(f"{example.title}: {error}")
            continue
        found.append(one)
        if request.as_json:
            say(json.dumps(one.record()))
            continue
        say(_lines(one))
        _draw(trained, request, example, one, len(found))
    if not found:
        raise UserError("none of the examples could be explained, see above")
    if request.as_npz:
        _write_npz(request.folder / "examples.npz", found, as_json=request.as_json)
    if not request.as_json:
        page = request.folder / "examples.html"
        lead = f"What each step adds to what {request.reading.run} says of an example. {_how(found[0].influences[0])}"
        write_page(page, f"{request.reading.run}: examples explained", lead, _parts(request.folder, found))
        say(f"drawn: {page}")


def _explain(trained: Predictor, request: Request, example: _Example) -> Explained:
    options = {"title": example.title, "text": example.text, "steps": example.steps}
    return explain_by_all(trained, request, example.stored, **options)


def explain_by_all(trained: Predictor, request: Request, stored: np.ndarray, **options: Any) -> Explained:
    """An example explained by each method that is asked for.

    Args:
        trained: network.
        request: methods, classes and the time they may take.
        stored: the example, as a split holds it.
        **options: further arguments of ``explain_stored``.

    Returns:
        The influences of all methods, one after the other.
    """
    methods: Sequence[str | None] = methods_for(trained) if "all" in request.methods else request.methods or [None]
    found = [
        explain_stored(trained, stored, classes=request.classes, method=method, limit_s=request.limit_s, **options)
        for method in dict.fromkeys(methods)
    ]
    return replace(found[0], influences=tuple(influence for one in found for influence in one.influences))


def _examples(trained: Predictor, request: Request) -> Iterator[_Example]:
    """What is to be explained, as the kind of data reads it; more than 20 are left out, which is said."""
    spec, reading = trained.spec, request.reading
    if request.prompt is not None:
        from saccade.kinds.tokens.text.tokenizer import tokenizer_of

        yield _Example(request.prompt[-60:], tokenizer_of(spec).encode(request.prompt), request.prompt)
        return
    if spec.horizon:
        yield from _windows(trained, request)
        return
    new = kinds.read_new(reading)
    taken = 0
    for batch in new.batches:
        for one in batch:
            if taken == MAX_EXAMPLES:
                break
            taken += 1
            if isinstance(one.array, UserError):
                warn(f"{one.name} {one.array}")
                continue
            text = one.place.get("text")
            yield _Example(one.name, one.array, None if text is None else str(text).strip())
    for line in new.warnings:
        warn(line)
    if new.total > taken:
        warn(f"the first {taken:,} of {pluralise(new.total, 'example')} are explained")


def _windows(trained: Predictor, request: Request) -> Iterator[_Example]:
    """The last window of each series of a file, from which its forecast is made."""
    from saccade.kinds.series.to_continue import read_to_continue
    from saccade.predict.forecast import last_windows

    if len(request.reading.paths) != 1:
        raise UserError(
            f"{request.reading.run} forecasts one file at a time, but {len(request.reading.paths)} are named"
        )
    (path,) = request.reading.paths
    series, warnings = read_to_continue(request.reading, path)
    for line in warnings:
        warn(line)
    if trained.spec.inputs is not None and trained.spec.inputs.scales:
        warn("numbers of each series are in units of its own deviation, from its own mean on")
    windows_NWF = last_windows(trained, series[:MAX_EXAMPLES])
    if len(series) > MAX_EXAMPLES:
        warn(f"the first {MAX_EXAMPLES} of {len(series):,} series are explained")
    for one, window_WF in zip(series, windows_NWF, strict=False):
        calendar, T = one.regular.calendar, len(one.regular.values)
        assert calendar is not None
        steps = [calendar.text(step) for step in range(T - len(window_WF), T)]
        yield _Example(one.name or path, window_WF, steps=steps)


# --- what is printed --------------------------------------------------------------------------------------------------


def _lines(one: Explained) -> str:
    """The answers, and for each that is explained the text with colours, or its strongest steps."""
    answers = ", ".join(_answer(answer.name, answer.probability, answer.value) for answer in one.answers[:5])
    lines = [f"{_printable(one.title)}: {answers}"]
    with_colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ and one.unit in ("characters", "words")
    texts = one.coloured_texts()
    largest = coloured_text.largest_of(texts)
    for influence, text in zip(one.influences, texts, strict=True):
        lines.append(f"  {shown_answer(influence.answer.name)}: {influence.sum_in_words()}")
        if with_colours:
            lines.append(coloured_text.as_ansi(text, largest))
        else:
            lines.append("    " + (strongest(one, influence) or "no step moves it"))
    return "\n".join(lines)


def _answer(name: str, probability: float | None, value: float | None) -> str:
    return f"{shown_answer(name)} {value:.6g}" if probability is None else f"{shown_answer(name)} {probability:.4f}"


def _how(one: Influence) -> str:
    return {
        "integrated-gradients": "Integrated gradients: together they are the difference from steps that say nothing.",
        "leave-one-out": "Leaving one out: how far the score falls where a step says nothing.",
        "contributions": "Contributions: the network is a sum over n-grams, here divided among their tokens; exact.",
    }[one.method]


def strongest(one: Explained, influence: Influence) -> str:
    """The steps that move an answer most, such as "great +0.52"."""
    flat = influence.values.reshape(-1)
    found = []
    for place in np.argsort(-np.abs(flat), kind="stable")[:_STRONGEST].tolist():
        if flat[place] == 0:
            continue
        step, column = divmod(place, max(1, len(one.columns)))
        name = shown_answer(one.steps[step])
        if one.unit in ("rows", "steps") and name.isdigit():  # rows, and series without times
            name = f"{one.unit.removesuffix('s')} {name}"
        if len(one.columns) > 1:
            name = f"{name} {one.columns[column]}"
        found.append(f"{name} {flat[place]:+.3g}")
    return ", ".join(found)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


# --- what is drawn ----------------------------------------------------------------------------------------------------


def _draw(trained: Predictor, request: Request, example: _Example, one: Explained, number: int) -> None:
    request.folder.mkdir(parents=True, exist_ok=True)
    one.draw(request.folder / f"example-{number}.png")
    layers = states_of(trained, example.stored)
    for place, layer in enumerate(layers[:_MAX_LAYERS], start=1):
        path = request.folder / f"example-{number}-{_file_name(layer.name)}.png"
        figures.draw_states(layer, one.steps, path, title=f"{_printable(one.title)[:60]}: {layer.name}")
        if place == _MAX_LAYERS < len(layers):
            warn(f"gates are drawn of the first {_MAX_LAYERS} of {len(layers)} layers and directions")


def states_of(trained: Predictor, stored: np.ndarray) -> list[LayerStates]:
    """Gates and states for one example; none where nothing recurs."""
    if not any(isinstance(module, nn.RNNBase) for module in trained.network.modules()):
        return []
    return read_states(trained, torch.from_numpy(np.array(stored))[None])


def _file_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())


def _parts(folder: Path, found: Sequence[Explained]) -> Iterator[Part]:
    for number, one in enumerate(found, start=1):
        yield part_of(one, folder / f"example-{number}.png", sorted(folder.glob(f"example-{number}-*.png")))


def part_of(one: Explained, figure: Path, gates: Sequence[Path]) -> Part:
    """An explained example as a part of a page."""
    is_text = one.unit in ("characters", "words")
    is_number = one.answers[0].probability is None
    rows = [("answer", "value" if is_number else "probability")]
    rows += [
        (shown_answer(each.name), f"{each.value:.6g}" if is_number else f"{each.probability:.4f}")
        for each in one.answers
    ]
    panels = [Panel(rows=rows)]
    panels.append(Panel(texts=one.coloured_texts()) if is_text else Panel("what each step adds", figure=figure))
    for path in gates:
        layer = path.stem.split("-", 2)[2].replace("-", " ")
        panels.append(Panel(f"gates and states: {layer}", figure=path))
    return Part(one.title or "example", panels)


def _write_npz(path: Path, found: Sequence[Explained], *, as_json: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {}
    for number, one in enumerate(found):
        arrays[f"{number}/steps"] = np.array(one.steps)
        arrays |= {f"{number}/{name}": values for name, values in one.arrays().items()}
    with replacing_file(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)
    if not as_json:
        say(f"written: {path}")
