"""What is known of a dataset of images on its way from the source into splits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.data.spec import SPLITS
from saccade.display.page import Figure, Name
from saccade.kinds.image.checks.decode_pass import Inspected
from saccade.kinds.image.checks.findings import Findings
from saccade.kinds.image.page.contact_sheets import line_picture, portrait
from saccade.readers.examples import ImageExamples


@dataclass(frozen=True)
class Checked:
    """A dataset of images, looked through and split.

    Attributes:
        examples: as the source gives them.
        inspected: what one pass over them found; its arrays are still there.
        findings: what comparing them found.
        splits: str (N,), "train", "validation", "test", or "" for what is in none.
    """

    examples: ImageExamples
    inspected: Inspected
    findings: Findings
    splits: np.ndarray

    @property
    def notes(self) -> Sequence[str]:
        """What the source left out."""
        return self.examples.notes

    def name(self, row: int) -> Name:
        """What people call an example."""
        return Name(self.examples.name(row))

    def class_name(self, row: int) -> Name:
        """What the source says that it is: its class, its classes or its numbers."""
        return Name(self.examples.label(row))

    def split(self, row: int) -> str:
        """Where it is, for people."""
        return str(self.splits[row]) or ("left out" if self.findings.left_out[row] else "in no split")

    def figure(self, row: int, note: str = "") -> Figure:
        """The example as a picture, with its name, class and split."""
        about = (self.class_name(row), ", ".join(["", self.split(row), *[note] * bool(note)]))
        draw = line_picture if self.examples.texts else portrait
        return Figure(draw(self.inspected.images[row]), self.name(row), about)

    def split_bits(self) -> np.ndarray:
        """uint8 (N,): one bit a split, 0 for what is in none."""
        bits_N = np.zeros(len(self.splits), np.uint8)
        for bit, split in enumerate(SPLITS):
            bits_N[self.splits == split] = 1 << bit
        return bits_N
