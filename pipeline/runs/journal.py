"""The journal of a run: what happened, in order, one JSON object a line. The tracking server gets a copy of it.

It lies in ``.saccade/runs/<identity>/journal.jsonl`` beside the folders that its events name. One process writes it
at a time (the one that holds the run's lock); any number may read. Standard library only: it is open before torch is.
"""

import json
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypedDict

FILE_NAME = "journal.jsonl"
GIT_DIFF_TAG = "saccade.git_diff"  # of every run since git.diff holds the run's own code alone

EndStatus = Literal["FINISHED", "FAILED", "KILLED"]
Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]


class DatasetRecord(TypedDict):
    """One dataset that a run read; ``context`` says what for (``training``, ``validation``, ``test``)."""

    name: str
    digest: str
    context: str
    source: str
    profile: dict[str, Any]


@dataclass
class JournalState:
    """Summary of a journal.

    ``status`` is None until the run started; ``epochs`` maps an epoch to its metrics, ``layers`` to what was measured
    of each layer; ``broke`` says where the loss became no finite number, if it did and the run has not gone on since;
    ``members`` maps the number of an ensemble's member to what ``Journal.member`` says of it.
    """

    run_uid: str | None = None
    run: str | None = None
    status: Status | None = None
    epochs: dict[int, dict[str, float]] = field(default_factory=dict)
    layers: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    broke: dict[str, Any] | None = None
    members: dict[int, dict[str, Any]] = field(default_factory=dict)


class Journal:
    """The journal in ``folder``. Nothing is created before the first event is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME

    def start(
        self,
        *,
        run_uid: str,
        run: str,
        experiment: str,
        identity: str,
        params: Mapping[str, Any],
        tags: Mapping[str, str],
        datasets: Sequence[DatasetRecord] = (),
        texts: Mapping[str, str] | None = None,
        folder_name: str | None = None,
    ) -> None:
        """Write who the run is: the first event, once. A run that goes on writes ``resume`` instead.

        Args:
            run_uid: the run's name for ever, on any tracking server.
            run: its key in params.yaml.
            experiment: name of the MLflow experiment.
            identity: SHA-256 over all that decides the run's result.
            params: every resolved parameter, keys flat and dotted.
            tags: anything else worth searching for, such as ``mlflow.source.git.commit``.
            datasets: data that the run reads. MLflow keeps one entry per name and digest.
            texts: text files to keep with the run, by artifact path (``params.yaml``, ``git.diff``).
            folder_name: a folder inside the journal's own with the report of the dataset.

        Raises:
            FileExistsError: the journal has events already.
        """
        if self.state().run_uid is not None:
            raise FileExistsError(f"{self.path} has a run already; resume it, or remove {self.folder} to start afresh")
        self._append(
            "start",
            run_uid=run_uid,
            run=run,
            experiment=experiment,
            identity=identity,
            params=dict(params),
            tags=dict(tags),
            datasets=list(datasets),
            texts=dict(texts or {}),
            folder_name=folder_name,
        )

    def resume(self, from_epoch: int) -> None:
        """Say that the run goes on after ``from_epoch`` finished epochs; its status is RUNNING again."""
        self._append("resume", from_epoch=from_epoch)

    def epoch(self, epoch: int, metrics: Mapping[str, float], layers: Sequence[Mapping[str, Any]] = ()) -> None:
        """Write one epoch's numbers, epochs counted from 1. After a resume the last record of an epoch counts.

        Args:
            epoch: number of the epoch, from 1.
            metrics: numbers that the tracking server gets.
            layers: rows on each layer, which it does not get.
        """
        self._append("epoch", epoch=epoch, metrics=_metrics_to_json(metrics), layers=list(layers))

    def broke(self, found: Mapping[str, Any]) -> None:
        """Write where and when the loss became no finite number: ``NonFiniteError.found``, and the saved batch."""
        self._append("broke", **found)

    def member(self, number: int, *, run_uid: str, identity: str) -> None:
        """Say that a run is one of those that this one, an ensemble, is made of; the last record of a number counts.

        Args:
            number: number of the member, from 0.
            run_uid: name of the member on any tracking server.
            identity: identity of the member; its journal lies in a folder of that name beside ours.
        """
        self._append("member", number=number, run_uid=run_uid, identity=identity)

    def bundle(self, folder_name: str, epoch: int | None = None) -> None:
        """Say that the trained model lies in ``folder_name``, a folder inside the journal's own.

        Args:
            folder_name: the bundle's folder.
            epoch: number of the epoch whose weights these are; None: the last one.
        """
        self._append("bundle", folder_name=folder_name, epoch=epoch)

    def evaluation(
        self, metrics: Mapping[str, float], folder_name: str | None = None, page_name: str | None = None
    ) -> None:
        """Write the numbers of the test split, and where what was drawn of it lies.

        Args:
            metrics: numbers that the tracking server gets.
            folder_name: a folder inside the journal's own with tables and pictures.
            page_name: a file inside the journal's own, the page of the run.
        """
        page = {} if page_name is None else {"page_name": page_name}
        self._append("evaluation", metrics=_metrics_to_json(metrics), folder_name=folder_name, **page)

    def explanation(self, folder_name: str) -> None:
        """Say that what explains the run by its own data lies in ``folder_name``, a folder inside the journal's own."""
        self._append("explanation", folder_name=folder_name)

    def end(self, status: EndStatus, reason: str | None = None) -> None:
        """Write how the run ended, and why: if not well, or before its last epoch."""
        self._append("end", status=status, reason=reason)

    def events(self, skip: int = 0) -> Iterator[dict[str, Any]]:
        """Yield the events in order, as they were written. A last line that was torn by a kill is left out.

        Args:
            skip: number of events to pass over at the start, unread.

        Yields:
            ``{"event": name, "at_ms": unix time, ...}`` with the arguments of the method of that name.

        Raises:
            ValueError: a line that is not the last one cannot be read.
        """
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        complete = lines[:-1]  # what follows the last line break is empty, or torn
        for number, line in enumerate(complete[skip:], start=skip + 1):
            try:
                event = json.loads(line)
            except ValueError as error:
                raise ValueError(f"{self.path} line {number} is not JSON ({error}); remove that line") from error
            if "metrics" in event:
                event["metrics"] = {key: float(value) for key, value in event["metrics"].items()}
            if "layers" in event:
                event["layers"] = [_numbers(row) for row in event["layers"]]
            yield event

    def size(self) -> int:
        """Bytes written so far: a cheap way to see that something is new."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def state(self) -> JournalState:
        """Read the journal and sum it up."""
        state = JournalState()
        for event in self.events():
            match event["event"]:
                case "start":
                    state.run_uid, state.run, state.status = event["run_uid"], event["run"], "RUNNING"
                case "resume":
                    state.status, state.broke = "RUNNING", None
                case "epoch":
                    state.epochs[event["epoch"]] = event["metrics"]
                    state.layers[event["epoch"]] = event.get("layers", [])  # older journals have none
                case "broke":
                    state.broke = event
                case "member":
                    state.members[event["number"]] = event
                case "end":
                    state.status = event["status"]
        return state

    def _append(self, event: str, **values: Any) -> None:
        line = json.dumps(_without_nonfinite({"event": event, "at_ms": time.time_ns() // 1_000_000, **values}))
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            _cut_torn_line(file)
            file.write(line.encode() + b"\n")
            file.flush()
            if event in ("start", "end"):
                os.fsync(file.fileno())


def _cut_torn_line(file: BinaryIO) -> None:
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return
    file.seek(size - 1)
    if file.read(1) == b"\n":
        return
    file.seek(0)
    file.truncate(file.read(size).rfind(b"\n") + 1)


def _metrics_to_json(metrics: Mapping[str, float]) -> dict[str, float]:
    return {key: float(value) for key, value in metrics.items()}  # a number of numpy's or torch's is no JSON


def _numbers(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value if key == "layer" else float(value) for key, value in row.items()}


def _without_nonfinite(value: Any) -> Any:
    """JSON has no word for these three: they become the strings that ``float`` reads back."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # nan, inf, -inf
    if isinstance(value, Mapping):
        return {key: _without_nonfinite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nonfinite(inner) for inner in value]
    return value
