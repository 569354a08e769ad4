"""What a file in ``datasets/`` reads out of the raw bytes: labelled examples, not yet resized or split."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from saccade.data.forecast_inputs import ForecastInputs
from saccade.data.spec import NO_CLASS
from saccade.io.time_detection import TimeOptions


@dataclass(frozen=True)
class FileSeries:
    """One series as a file holds it: its times not yet looked at, its holes not yet filled.

    Attributes:
        name: name of the file, for messages.
        features: names of what is measured at each step, F of them.
        values: float (R, F), a row a row of the file; NaN where nothing was measured.
        lines: line of the file in which each row begins, from 1.
        time_column: name of the column of times; None where there is none.
        times: text of each row's time; empty where there is no such column.
        time_options: what a user says of how the times are written.
        notes: lines for people on what was found out about the file's form.
        unit: what ``lines`` count, for messages: lines of a file, or steps of a row.
        texts: cells of columns that hold no numbers, as text, a cell a row, by the name of the column.
    """

    name: str
    features: tuple[str, ...]
    values: np.ndarray
    lines: Sequence[int]
    time_column: str | None = None
    times: Sequence[str] = ()
    time_options: TimeOptions = field(default_factory=TimeOptions)
    notes: Sequence[str] = ()
    unit: str = "line"
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class LongSeries:
    """One series whose future is to be forecast, not yet cut into windows.

    Attributes:
        series: the series, with a column of times.
        targets: names of the features that are to be forecast.
        notes: lines for people on what the source left out.
        known: names of the features that are known ahead; they may have values in rows behind the last measured one.
        name: name of the series among several; empty of one alone.
        static: text of what never changes in a series, by the name of its column.
    """

    series: FileSeries
    targets: tuple[str, ...]
    notes: Sequence[str] = ()
    known: tuple[str, ...] = ()
    name: str = ""
    static: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SeriesPanel:
    """Several series of one kind, whose future one network is to forecast: each with the same features and targets.

    Attributes:
        series: the series, each with its name.
        series_column: column that names them; empty where each is a column of its own.
        notes: lines for people on what the source left out.
    """

    series: Sequence[LongSeries]
    series_column: str
    notes: Sequence[str] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the features that are to be forecast, the same in all."""
        return self.series[0].targets


@dataclass(frozen=True)
class SeriesFiles:
    """Labelled series, a file an example, of any lengths.

    Attributes:
        classes: class names; a label is an index into them.
        labels: int64 (N,), each in [0, K).
        load: ``load(i)`` gives example ``i``; called in any order.
        ids: identity of each example; examples with equal ids end up in the same split.
        names: names of the files.
        published_splits: "train", "validation" or "test" for each example; None where the publisher did not split.
        groups: columns that ``split.group_by`` may name, each with a value an example.
        notes: lines for people on what the source left out.
    """

    classes: tuple[str, ...]
    labels: np.ndarray
    load: Callable[[int], FileSeries]
    ids: Sequence[str]
    names: Sequence[str]
    published_splits: Sequence[str] | None = None
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class SeriesExamples:
    """Sequences, with numbers to predict or with classes.

    Attributes:
        features: names of what is measured at each step, F of them.
        targets: names of the numbers to predict, O of them; empty where there are classes.
        labels: float32 (N, O); of classes int64 (N,), each in [0, K).
        series: ``series(i)`` gives example ``i`` as float32 (T, F); called in any order.
        ids: identity of each example; examples with equal ids end up in the same split.
        published_splits: "train", "validation" or "test" for each example; None where the publisher did not split.
        groups: columns that ``split.group_by`` may name, each with a value an example.
        notes: lines for people on what the source left out.
        classes: class names; empty where there are numbers to predict.
        names: name of each example for people; empty where they have none.
        horizon: number of steps ahead that the numbers to predict lie; 0 where they are none of the series' own future.
        step: time from each step to the next, such as "1 month"; empty where it is not known.
        length: steps of the longest series, where they differ in length; None: all are as long.
        train_steps: steps of the training examples, float (S, F): what the training examples were cut from, each step
            once, where they overlap; None: they do not.
        inputs: how the features of a forecast are made, where they are not just the columns of one series.
    """

    features: tuple[str, ...]
    targets: tuple[str, ...]
    labels: np.ndarray
    series: Callable[[int], np.ndarray]
    ids: Sequence[str]
    published_splits: Sequence[str] | None = None
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: Sequence[str] = ()
    classes: tuple[str, ...] = ()
    names: Sequence[str] = ()
    horizon: int = 0
    step: str = ""
    length: int | None = None
    train_steps: np.ndarray | None = None
    inputs: ForecastInputs | None = None


@dataclass(frozen=True)
class ImageExamples:
    """Labelled images of one source.

    Attributes:
        classes: class names; a label is an index into them. Empty where numbers are to be predicted.
        labels: int64 (N,), each in [0, K); where an example may have several classes or none, uint8 (N, K), 1 where it
            has the class; numbers to predict, float32 (N, O).
        load: ``load(i)`` reads example ``i``; one thread calls it, fastest in ascending order.
        decode: function from what ``load`` gave to an image, uint8 (H, W) for grey or (H, W, 3) for RGB; called in any
            thread. Raises UserError where it is none; that message goes on after the example's name.
        decode_for: faster form of ``decode`` for images that will be shrunk to a height and width, and need not come
            out larger than a few times that; it gives the image's own height and width, too. None: there is no faster
            way.
        ids: identity of each example: what stays the same about it when others are added or reordered (a path, a digest
            of its bytes or pixels); examples with equal ids are the same example and, unless groups say otherwise, end
            up in the same split.
        published_splits: "train", "validation" or "test" an example where the publisher split the data, else None.
        groups: columns that ``split.group_by`` may name, each with a value an example (patient, page).
        names: name of each example for people, such as its path in an archive; empty where they have none.
        notes: lines for people on what the source found and left out.
        warnings: lines that people should not miss.
        small_class_option: option that leaves out classes of few examples, for messages; empty: the source has none.
        decode_values: function from what ``load`` gave, and a height and width as of ``decode_for`` or None, to values
            that are not grey levels yet (``ImageValues``); None: there are none but grey levels.
        paths: path of each example's file, for patterns, where names say more than that; empty: names are paths.
        targets: names of the numbers to predict, O of them; empty where there are classes.
        texts: what each image says, where that is to be read, in any Unicode form; there are no classes then, and
            labels are zeros, int64 (N,).
    """

    classes: tuple[str, ...]
    labels: np.ndarray
    load: Callable[[int], Any]
    ids: Sequence[str]
    decode: Callable[[Any], np.ndarray] = np.asarray
    published_splits: Sequence[str] | None = None
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    names: Sequence[str] = ()
    notes: Sequence[str] = ()
    decode_for: Callable[[Any, tuple[int, int]], tuple[np.ndarray, tuple[int, int]]] | None = None
    warnings: Sequence[str] = ()
    small_class_option: str = ""
    decode_values: Callable[[Any, tuple[int, int] | None], Any] | None = None
    paths: Sequence[str] = ()
    targets: tuple[str, ...] = ()
    texts: Sequence[str] = ()

    def label(self, i: int) -> str:
        """What example ``i`` is, in words: its class or classes, its numbers with commas between them, or its text."""
        if self.texts:
            return self.texts[i]
        if self.targets:
            return ", ".join(f"{name} {value:.6g}" for name, value in zip(self.targets, self.labels[i], strict=True))
        return _named(self.labels[i], self.classes)

    def image(self, i: int) -> np.ndarray:
        """Example ``i``: uint8 (H, W) for grey, or (H, W, 3) for RGB."""
        return self.decode(self.load(i))

    def decoded(self, loaded: Any, size: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
        """What ``load`` gave as an image, large enough to be brought to ``size``, and its own height and width."""
        if self.decode_for is not None:
            return self.decode_for(loaded, size)
        image = self.decode(loaded)
        return image, (image.shape[0], image.shape[1])

    def name(self, i: int) -> str:
        """What people call example ``i``; its row where the source gives no names."""
        return self.names[i] if self.names else f"example {i}"


@dataclass(frozen=True)
class TextExamples:
    """Labelled texts of one source.

    Attributes:
        classes: class names; a label is an index into them.
        labels: int64 (N,), each in [0, K); where a text may have several classes or none, uint8 (N, K), 1 where it has
            the class.
        texts: texts normalised by ``tokenizer.normalise``, without white space around; read in any order.
        ids: digests of the texts: examples with equal ids are the same text.
        name: function from a row to its name for people, such as a file, or a file and a line.
        paths: paths of the files, where each is an example of its own; empty elsewhere.
        published_splits: "train", "validation" or "test" for each example; None where the publisher did not split.
        groups: columns that ``split.group_by`` may name, each with a value an example.
        notes: lines for people on what the source left out.
        unreadable: reason for which a row is no text or an empty one, by row; the message goes on after the row's name.
        warnings: lines that people should not miss.
        small_class_option: option that leaves out classes of few examples, for messages; empty: the source has none.
    """

    classes: tuple[str, ...]
    labels: np.ndarray
    texts: Sequence[str]
    ids: Sequence[str]
    name: Callable[[int], str]
    paths: Sequence[str] = ()
    published_splits: Sequence[str] | None = None
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: Sequence[str] = ()
    unreadable: Mapping[int, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    small_class_option: str = ""

    def label(self, i: int) -> str:
        """What example ``i`` is, in words: its class, or its classes with commas between them."""
        return _named(self.labels[i], self.classes)


def _named(label: Any, classes: Sequence[str]) -> str:
    """A class id as its name, or what an example has of several classes."""
    if np.ndim(label):
        return ", ".join(classes[k] for k in np.flatnonzero(label).tolist()) or NO_CLASS
    return classes[int(label)]


@dataclass(frozen=True)
class TextStream:
    """One long text, whose next token is to be predicted at each step.

    Attributes:
        pieces: pieces normalised by ``tokenizer.normalise``; joined, they are the text. No word lies in two of them.
        notes: lines for people on what the source left out.
    """

    pieces: Sequence[str]
    notes: Sequence[str] = ()
