"""``saccade predict RUN``: what a trained run says of new examples, or how it goes on with a text or a series.

The kind of data reads the examples, the task answers where it has a way of its own; here it is printed.
"""

import dataclasses
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from pipeline.batch_answers.tables import SUFFIXES
from pipeline.batch_answers.write_answers import check_table, write_answers
from pipeline.console import Progress, say, warn
from pipeline.runs.reported import reported_decoder, reported_threshold
from saccade import kinds
from saccade.bundle.bundle import NetworkConfig, read_config
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.core.messages import pluralise
from saccade.predict.answers import Answers, Question, classify
from saccade.predict.any_predictor import AnyPredictor, WrongUseError

if TYPE_CHECKING:
    from pipeline.model_registry.resolve import FoundBundle
    from saccade.data.spec import Spec

_MAX_NAME_CELLS = 60  # of the table's first column; a longer one pushes its row to the right


def spec_of(model: Path) -> "Spec":
    """What a trained network takes.

    Args:
        model: folder of its bundle.

    Returns:
        The spec of its dataset.

    Raises:
        UserError: there is no bundle of it.
    """
    return read_config(model).spec


def predict(question: Question, *, device: str, found: "FoundBundle") -> None:
    """Load a trained run, ask it, and print what it says.

    Args:
        question: what it is asked.
        device: auto, cpu, cuda, cuda:1 or mps.
        found: bundle of the network, and its record.

    Raises:
        UserError: no such model, something that this run cannot be asked, or what was given cannot be read.
    """
    from saccade.predict import predictor as prediction

    task = task_that_takes(question, read_config(found.bundle))
    predictor = prediction.load(found.bundle, device=device)
    threshold, warning = reported_threshold(question.reading.run, found.bundle, found.record)
    decoder, other_warning = reported_decoder(question.reading.run, found.bundle, found.record)
    for line in filter(None, (warning, other_warning)):
        warn(line)
    question = dataclasses.replace(question, unsure_below=threshold, decoder=decoder)
    tell(predictor, task, question, model=found.bundle)


def task_that_takes(question: Question, config: NetworkConfig) -> ModuleType:
    """The task of a network, once it is sure that it can be asked so.

    Args:
        question: what it is asked.
        config: config of the network.

    Returns:
        The file of the task.

    Raises:
        UserError: this network cannot be asked so.
    """
    task = registry.module("tasks", config.task)
    _refuse_what_it_does_not_take(config, task, question)
    if question.table is not None:
        check_table(question, config)
    return task


def tell(predictor: AnyPredictor, task: ModuleType, question: Question, *, model: Path) -> None:
    """Ask a network, and print what it says, or write it as a table where one is asked for.

    Args:
        predictor: the network, whatever computes it.
        task: file of its task.
        question: what it is asked.
        model: folder or file that the network was read from.

    Raises:
        UserError: something that it cannot be asked, or what was given cannot be read.
    """
    run = question.reading.run
    if question.table is not None:
        write_answers(predictor, question, model=model)
        return
    try:
        answers: Answers = getattr(task, "predict", classify)(predictor, question)
    except WrongUseError as error:
        raise UserError(f"{run}: {error}") from error
    if answers.text is not None:
        _warn_all(answers)
        say(json.dumps(next(iter(answers.rows)).record) if question.as_json else answers.text)
        return
    failed = _print_rows(answers, run, as_json=question.as_json)
    _warn_all(answers)
    for line in () if question.as_json else answers.notes:
        say(line)
    if answers.drawn is not None and not question.as_json:
        say(f"drawn: {answers.drawn}")
    if failed:
        what = pluralise(answers.total, answers.titles[0])
        raise UserError(f"{failed:,} of {what} could not be read, see above")


def _warn_all(answers: Answers) -> None:
    for line in answers.warnings:
        warn(line)


def _print_rows(answers: Answers, run: str, *, as_json: bool) -> int:
    """Print each row as soon as it is there; how many examples had a problem instead."""
    table, failed = None if as_json else _Table(answers), 0
    if table:
        say(table.header)
    with Progress(f"{answers.titles[0]}s", line_every_s=math.inf) as progress:
        for done, answer in enumerate(answers.rows, start=1):
            if answer.problem:
                failed += 1
                warn(f"{_printable(answer.cells[0])} {answer.problem}")
            else:
                progress.say(table.line(answer.cells) if table else json.dumps(answer.record))
            progress(f"predicting with {run}", done, answers.total)
    return failed


def _refuse_what_it_does_not_take(config: NetworkConfig, task: ModuleType, question: Question) -> None:
    spec, run, given = config.spec, question.reading.run, question.given()
    does = getattr(task, "DOES", f"{'classifies' if spec.classes else 'answers with numbers of'} {spec.plural}")
    taken = getattr(task, "TAKES", kinds.inputs_of(spec))
    if question.figure is not None and "--out" not in taken:
        raise UserError(f"--out ({question.figure}) must end with {', '.join(SUFFIXES)}: {run} {does}")
    remedy = getattr(task, "GIVE", "").format(run=run) or kinds.how_to_give(spec, run)
    for name, value in given.items():
        if name not in taken:
            what = name if value is True else f"{value}" if name == "PATH" else f"{name} ({value})"
            raise UserError(f"{what} must be left out: {run} {does}; {remedy}")
    if not given.keys() & {"PATH", "--text", "--prompt"}:
        raise UserError(f"there must be something to predict: {run} {does}; {remedy}")
    if hasattr(task, "check_question"):
        task.check_question(question, spec)


class _Table:
    """A table whose lines can be printed one by one: its columns are as wide as whatever may come, in letter cells.

    Args:
        answers: whose rows are printed.
    """

    def __init__(self, answers: Answers) -> None:
        first, *others = (_widest(texts) for texts in answers.widest)
        widest = [first if answers.are_numbers else min(first, _MAX_NAME_CELLS), *others]
        self._are_numbers = answers.are_numbers
        self._widths = [max(width, _widest([title])) for width, title in zip(widest, answers.titles, strict=True)]
        self.header = self.line(answers.titles)

    def line(self, cells: Sequence[str]) -> str:
        """One row."""
        from rich.cells import cell_len  # Chinese letters take two cells each

        shown = list(map(_printable, cells))
        blanks = [" " * (width - cell_len(text)) for text, width in zip(shown, self._widths, strict=True)]
        padded = [
            blank + text if self._are_numbers and column else text + blank
            for column, (text, blank) in enumerate(zip(shown, blanks, strict=True))
        ]
        return "  ".join(padded).rstrip()


def _widest(texts: Iterable[str]) -> int:
    from rich.cells import cell_len

    return max((cell_len(_printable(text)) for text in texts), default=0)


def _printable(text: str) -> str:
    """The text on one line, line breaks and bytes that are no letters written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
