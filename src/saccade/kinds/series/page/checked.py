"""What is known of labelled series on their way from the source into splits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.data.spec import SPLITS
from saccade.display.page import Name
from saccade.kinds.series.reading.labelled_files import CheckedFiles


@dataclass(frozen=True)
class CheckedSeries:
    """Labelled series, looked through and split.

    Attributes:
        names: of the files.
        found: in them.
        splits: str (N,), "train", "validation", "test", or "" for what is in none.
    """

    names: Sequence[str]
    found: CheckedFiles
    splits: np.ndarray

    @property
    def notes(self) -> Sequence[str]:
        """What the source left out."""
        return self.found.examples.notes

    def name(self, row: int) -> Name:
        """What people call an example."""
        return Name(self.names[row])

    def class_name(self, row: int) -> Name:
        """The class that the source gives it."""
        return Name(self.found.examples.classes[self.found.examples.labels[row]])

    def where(self, rows: Sequence[int]) -> str:
        """The splits that examples are in, for people."""
        found = set(self.splits[list(rows)].tolist())
        return ", ".join(split for split in SPLITS if split in found) or "no split"
