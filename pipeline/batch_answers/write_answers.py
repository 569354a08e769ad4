"""``saccade predict RUN FOLDER --out answers.parquet``: a row an example, in order, written while they are read."""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from pipeline.batch_answers.columns import PROBLEM, UNSURE, AnswerColumns, Config, Values
from pipeline.batch_answers.journal import AnswerJournal
from pipeline.batch_answers.tables import check_format, join_parts, write_part
from pipeline.console import Progress, pluralise, say, warn
from pipeline.signals import KilledBySignal, StopRequest
from saccade import kinds
from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file
from saccade.kinds import NewExample, NewExamples, Reading
from saccade.predict.answers import Question
from saccade.transcripts.decoder import GREEDY, Decoder
from saccade.transcripts.new_lines import LineReader, read_new_lines

PART_ROWS = 4096
PART_S = 15.0  # what a kill costs at most, where examples are large


class Answerer(Protocol):
    """What answers: a network of torch's, or one that was exported."""

    @property
    def config(self) -> Config:
        """Description of the network."""
        ...

    def answers_of(self, stored: np.ndarray, batch_size: int = 512) -> np.ndarray:
        """Calibrated probabilities float32 (N, K), or numbers (N, O), of examples as they lie in data/prepared."""
        ...


def check_table(question: Question, config: Config) -> None:
    """Refuse a table before a network is loaded.

    Args:
        question: what is asked, with the table.
        config: description of the network.

    Raises:
        UserError: the file cannot be written, or the network does not answer once an example.
    """
    assert question.table is not None
    check_format(question.table)
    spec, run = config.spec, question.reading.run
    if spec.output == "per_token" or spec.horizon:
        does, instead = ("forecasts", ".png") if spec.horizon else ("goes on with texts", "")
        remedy = f"give --out a name that ends with {instead}, or --json" if instead else "leave --out out"
        raise UserError(f"--out ({question.table}) must be left out: {run} {does}, not once an example; {remedy}")


def write_answers(answerer: Answerer, question: Question, *, model: Path) -> None:
    """Answer about all examples and write the table; a start that finds one begun by the same command goes on with it.

    Args:
        answerer: the network.
        question: what is asked, with the table.
        model: folder or file that the network was read from.

    Raises:
        UserError: there is nothing to read, nothing of it could be read, or the table is one of the files that are
            read.
        KilledBySignal: Ctrl-C or SIGTERM came; what was answered until then is kept.
    """
    table = question.table
    assert table is not None
    examples = kinds.read_new(question.reading)
    if table.resolve() in {(question.reading.here / path).resolve() for path in question.reading.paths}:
        raise UserError(f"--out ({table}) must not be a file that is read: give another name")
    columns = AnswerColumns(answerer.config, examples.columns, top=question.top, unsure_below=question.unsure_below)
    depends_on = {
        "model": digest_of_model(model),
        "inputs": digest_of_inputs(question.reading, examples),
        "reading": _digest(
            repr((sorted(question.reading.source.items()), sorted(question.reading.preprocess.items())))
        ),
        "threshold": question.unsure_below,
        "decoder": "" if question.decoder is None else question.decoder.in_words(),
        "columns": [list(vars(column).values()) for column in columns.columns],
    }
    started_at = time.monotonic()
    with AnswerJournal(table, depends_on) as journal:
        if journal.dropped:
            warn(f"{table.name}: {journal.dropped}")
        before, total, things = journal.done, examples.total, f"{examples.title}s"
        if before and not question.as_json:
            say(f"{table.name}: goes on after {before:,} of {total:,}")
        with Progress(things) as progress, StopRequest() as stop:
            progress(f"predicting with {question.reading.run}", before, total)
            for part in _parts(answerer, columns, examples, before, question.batch_size, stop, question.decoder):
                write_part(journal.path_of(journal.done), columns.columns, part)
                unsure = sum(map(bool, part.get(UNSURE, ())))
                journal.add(len(part[PROBLEM]), problems=_num_problems(part), unsure=unsure)
                progress(f"predicting with {question.reading.run}", journal.done, total)
            if stop.number is not None and journal.done < total:
                raise KilledBySignal(stop.number, next_time=f"goes on after {journal.done:,} of {total:,}")
        join_parts([journal.path_of(part.first) for part in journal.parts], columns.columns, table)
        journal.remove()
    for line in examples.warnings:
        warn(line)
    _say_what_was_written(question, journal, examples, before, time.monotonic() - started_at)


def _parts(
    answerer: Answerer,
    columns: AnswerColumns,
    examples: NewExamples,
    first: int,
    batch_size: int,
    stop: StopRequest,
    decoder: Decoder | None,
) -> Iterator[Values]:
    """The rows of the examples from the first on, some thousand or some seconds of them at a time.

    A part ends where a batch of the kind ends, so that one that goes on answers about the same batches: the last bit
    of a probability depends on which examples are answered together. Once a stop is requested, what is there is the
    last part.
    """
    if first == examples.total:
        return
    batch_size = min(batch_size, examples.batch_size or batch_size)
    part: Values = {column.name: [] for column in columns.columns}
    began_at = time.monotonic()
    for batch in examples.picked(range(first, examples.total)):
        for name, values in columns.values(batch, answers_of_batch(answerer, batch, batch_size, decoder)).items():
            part[name] += values
        if stop.is_requested:
            break
        if len(part[PROBLEM]) >= PART_ROWS or time.monotonic() - began_at >= PART_S:
            yield part
            part, began_at = {column.name: [] for column in columns.columns}, time.monotonic()
    if part[PROBLEM]:
        yield part


def answers_of_batch(
    answerer: Answerer, batch: Sequence[NewExample], batch_size: int, decoder: Decoder | None = None
) -> np.ndarray:
    """What the network says of those examples of a batch that could be read.

    Args:
        answerer: the network.
        batch: examples, or what is wrong with them.
        batch_size: examples at once.
        decoder: what makes texts of the logits of a network that reads lines; None: the most probable character at each
            step.

    Returns:
        float32, a row an example that could be read; of a network that reads lines a ``ReadLine`` each.
    """
    arrays = [one.array for one in batch if not isinstance(one.array, UserError)]
    if not arrays:
        return np.zeros((0, answerer.config.spec.num_outputs), np.float32)
    if answerer.config.spec.output == "transcript":
        lines = read_new_lines(cast("LineReader", answerer), batch, decoder or GREEDY, batch_size)
        found = np.empty(len(lines), object)
        found[:] = lines
        return found
    return answerer.answers_of(np.stack(arrays), batch_size)


def _num_problems(part: Values) -> int:
    return sum(problem is not None for problem in part[PROBLEM])


def digest_of_model(model: Path) -> str:
    """SHA-256 of the file, or of the SHA-256 of each file of the folder.

    Args:
        model: folder of a bundle, or an exported file.

    Returns:
        Hexadecimal digits.
    """
    if model.is_file():
        return sha256_of_file(model)
    files = sorted(path for path in model.iterdir() if path.is_file())
    return _digest("".join(f"{path.name} {sha256_of_file(path)}\n" for path in files))


def digest_of_inputs(reading: Reading, examples: NewExamples) -> str:
    """SHA-256 of the names, sizes and times of all files and of texts that were given; contents are not read.

    Args:
        reading: what was given.
        examples: what was found.

    Returns:
        Hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps([examples.total, *reading.texts]).encode())
    here = str(reading.here)
    for path in examples.files:
        try:
            found = os.stat(os.path.join(here, path))  # noqa: PTH116, PTH118 - pathlib takes as long as a small picture
            known = f"{found.st_size} {found.st_mtime_ns}"
        except OSError:
            known = "missing"
        digest.update(f"{path}\0{known}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _say_what_was_written(
    question: Question, journal: AnswerJournal, examples: NewExamples, before: int, elapsed_s: float
) -> None:
    problems = sum(part.problems for part in journal.parts)
    unsure = sum(part.unsure for part in journal.parts)
    reads_lines = question.reading.spec.output == "transcript"
    rate = (examples.total - before) / max(elapsed_s, 1e-9)
    if question.as_json:
        summary: dict[str, Any] = {
            "out": str(question.table),
            "rows": examples.total,
            "problems": problems,
            "unsure": unsure if reads_lines or question.unsure_below is not None else None,
            "examples_per_s": round(rate, 1),
        }
        say(json.dumps(summary))
    else:
        told = [f"{pluralise(problems, 'row')} with a problem in place of an answer"] if problems else []
        told += [f"{unsure:,} with unsure characters"] if reads_lines else []
        told += [f"{unsure:,} unsure, below {question.unsure_below:.4f}"] if question.unsure_below is not None else []
        said = "".join(f", {one}" for one in told)
        say(f"{question.table}: {pluralise(examples.total, 'row')}{said}; {rate:,.0f} {examples.title}s a second")
    if problems == examples.total:
        raise UserError(f"none of the {examples.total:,} {examples.title}s could be read: see the column {PROBLEM}")
