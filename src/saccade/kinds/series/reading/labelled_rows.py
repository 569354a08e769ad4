"""Labelled series that one file holds many of, as a source hands them on.

Shapes: N series, T steps of one of them, F features.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from saccade.core.errors import UserError
from saccade.readers.examples import FileSeries, SeriesFiles
from saccade.tables.cells import sorted_labels


@dataclass(frozen=True)
class LabelledRows:
    """Series of one file, in its order.

    Attributes:
        name: the user's name of the file.
        features: names of what is measured at each step, F of them.
        values: float (T, F) of each series; NaN where nothing was measured.
        labels: label of each; empty text where there is none.
        names: name of each, for messages, such as a file and a line.
        groups: further columns, each with a value a series.
        splits: published split of each; None where the file publishes none.
        notes: lines for people on what was found, with the name of the file.
        load: function from a row to its series where there is more to it than values, such as times; None: there is
            not.
    """

    name: str
    features: tuple[str, ...]
    values: Sequence[np.ndarray]
    labels: Sequence[str]
    names: Sequence[str]
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    splits: Sequence[str] | None = None
    notes: tuple[str, ...] = ()
    load: Callable[[int], FileSeries] | None = None

    def series(self, i: int) -> FileSeries:
        """Series ``i`` as a file of its own would hold it."""
        if self.load is not None:
            return self.load(i)
        return FileSeries(self.names[i], self.features, self.values[i], range(1, len(self.values[i]) + 1), unit="step")


def series_files(files: Sequence[LabelledRows], splits: Sequence[str | None]) -> SeriesFiles:
    """All series of one file or several as one source.

    Args:
        files: what was read, all of the same features.
        splits: published split of each file; None where its own rows say it, or nothing does.

    Returns:
        The examples; ids are digests of the values, so that copies stay in one split.

    Raises:
        UserError: features differ, a label is missing, or there is one class alone.
    """
    first = files[0]
    for other in files[1:]:
        if other.features != first.features:
            raise UserError(
                f"{other.name} must hold the features of {first.name} ({', '.join(first.features)}), but holds "
                f"{', '.join(other.features)}"
            )
    labels = [label for file in files for label in file.labels]
    names = [name for file in files for name in file.names]
    if "" in labels:
        raise UserError(f"{names[labels.index('')]} must have a label, but has none. Add it, or take the series out.")
    classes = sorted_labels(labels)
    if len(classes) < 2:
        raise UserError(f"{first.name} must have at least two classes, but there is only {classes[0]!r}")
    label_of = {label: k for k, label in enumerate(classes)}
    places = [(file, i) for file in files for i in range(len(file.labels))]
    split_of = [
        split or (file.splits[i] if file.splits is not None else "")
        for file, split in zip(files, splits, strict=True)
        for i in range(len(file.labels))
    ]
    groups = {
        name: [value for file in files for value in file.groups[name]]
        for name in first.groups
        if all(name in file.groups for file in files)
    }
    return SeriesFiles(
        classes=tuple(classes),
        labels=np.array([label_of[label] for label in labels], dtype=np.int64),
        load=lambda i: places[i][0].series(places[i][1]),
        ids=[_digest(file.values[i]) for file, i in places],
        names=names,
        published_splits=split_of if all(split_of) else None,
        groups=groups,
        notes=[note for file in files for note in file.notes],
    )


def _digest(values_TF: np.ndarray) -> str:
    return hashlib.blake2b(np.ascontiguousarray(values_TF, np.float32).tobytes(), digest_size=16).hexdigest()


def plain_label(text: str) -> str:
    """A label without what only the way of writing numbers adds.

    >>> plain_label("1.0000000e+00"), plain_label(" walk "), plain_label("1.5"), plain_label("007")
    ('1', 'walk', '1.5', '007')
    """
    text = text.strip()
    if text.lstrip("+-").isdecimal():
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() else text
