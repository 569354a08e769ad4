"""A page that was read: its lines in order, each with its box, its text and how sure that is.

Where little can be read, the page is read turned by 180, 90 and 270 degrees too, and the surest way round is taken.

Shapes: H height, W width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from saccade.kinds.image.pixels.line import prepare_line
from saccade.page_lines.fields import Field, find_fields
from saccade.page_lines.find import FoundLine, FoundLines, find_lines
from saccade.predict.texts.read_lines import DIGITS, LineReader, line_record
from saccade.transcripts.decoder import GREEDY, Decoder
from saccade.transcripts.read_line import ReadLine

if TYPE_CHECKING:
    from saccade.data.spec import Spec

TURNED_BELOW = 0.3  # median confidence of lines below which other ways round are tried
TURNED_GAIN = 0.2  # by which another way round must be surer
_BATCH = 32


@dataclass(frozen=True)
class PageLine:
    """A line of a page that was read.

    Attributes:
        found: where it stands.
        read: what it says.
    """

    found: FoundLine
    read: ReadLine


@dataclass(frozen=True)
class ReadPage:
    """A page that was read.

    Attributes:
        lines: the lines, in reading order.
        fields: date, total and tax numbers that were found.
        degrees: angle by which its rows fall to the right.
        turned: 0, 90, 180 or 270: degrees by which it was turned to the right before it was read.
        notes: what people should know of it.
    """

    lines: tuple[PageLine, ...]
    fields: tuple[Field, ...]
    degrees: float
    turned: int
    notes: tuple[str, ...]

    @property
    def text(self) -> str:
        """A row of the page a line; segments of one row are parted by three spaces."""
        rows: dict[int, list[str]] = {}
        for one in self.lines:
            rows.setdefault(one.found.row, []).append(one.read.text)
        return "\n".join("   ".join(texts) for texts in rows.values())

    def record(self) -> dict[str, Any]:
        """The page as values for JSON: boxes in pixels of the picture as it was given."""
        return {
            "lines": [_record(number, one) for number, one in enumerate(self.lines)],
            "fields": [one.record() for one in self.fields],
            "degrees": round(self.degrees, 2),
            "turned": self.turned,
            "notes": list(self.notes),
        }


def read_page(page: np.ndarray, reader: LineReader, decoder: Decoder = GREEDY) -> ReadPage:
    """Find the lines of a page and read them.

    Args:
        page: uint8 (H, W), (H, W, 1) or (H, W, 3) in RGB.
        reader: network that reads lines.
        decoder: what makes texts of its logits.

    Returns:
        What was read; a page without a line has none, and says so.
    """
    found, lines = _read_one_way(page, reader, decoder)
    turned = 0
    if _sureness(lines) < TURNED_BELOW and (lines or find_any(page)):
        others = {degrees: _read_one_way(np.rot90(page, -degrees // 90), reader, decoder) for degrees in (180, 90, 270)}
        best = max(others, key=lambda degrees: _sureness(others[degrees][1]))
        if _sureness(others[best][1]) > _sureness(lines) + TURNED_GAIN:
            turned, (found, lines) = best, others[best]
            lines = tuple(_turned_back(one, best, page.shape) for one in lines)
    return ReadPage(
        lines,
        tuple(find_fields([(one.read.text, one.read.confidence, one.found.row) for one in lines])),
        found.degrees,
        turned,
        tuple(_notes(page, found, lines, turned)),
    )


def find_any(page: np.ndarray) -> bool:
    """Whether a page that is turned on its side has lines."""
    return bool(find_lines(np.rot90(page)).lines)


def _read_one_way(page: np.ndarray, reader: LineReader, decoder: Decoder) -> tuple[FoundLines, tuple[PageLine, ...]]:
    found = find_lines(np.ascontiguousarray(page))
    reads = read_images([one.image for one in found.lines], reader, decoder)
    return found, tuple(PageLine(one, read) for one, read in zip(found.lines, reads, strict=True))


def read_images(images: Sequence[np.ndarray], reader: LineReader, decoder: Decoder = GREEDY) -> list[ReadLine]:
    """Read pictures of lines, as they are prepared for the network; memory holds a batch.

    Args:
        images: uint8 (H, W) or (H, W, 3), each of another size.
        reader: network that reads lines.
        decoder: what makes texts of its logits.

    Returns:
        A line each.
    """
    import torch

    spec: Spec = reader.spec
    shape = (spec.shape[0], spec.shape[1], spec.shape[2])
    reads: list[ReadLine] = []
    for start in range(0, len(images), _BATCH):
        stored = np.stack([prepare_line(image, shape) for image in images[start : start + _BATCH]])
        reads += reader.read_lines(torch.from_numpy(stored), _BATCH, decoder=decoder)
    return reads


def _sureness(lines: Sequence[PageLine]) -> float:
    """The median over lines of the mean probability of a character; 0 where there is none."""
    said = [[c.probability for c in one.read.characters] for one in lines]
    sure = [sum(each) / len(each) if each else 0.0 for each in said]
    return float(np.median(sure)) if sure else 0.0


def _turned_back(line: PageLine, degrees: int, shape: tuple[int, ...]) -> PageLine:
    """A line of a page that was turned to the right, with corners in the page as it was given."""
    x, y = line.found.corners_42.T
    height, width = shape[:2]
    corners = {180: (width - x, height - y), 90: (y, height - x), 270: (width - y, x)}[degrees]
    return replace(line, found=replace(line.found, corners_42=np.stack(corners, axis=1)))


def _notes(page: np.ndarray, found: FoundLines, lines: Sequence[PageLine], turned: int) -> list[str]:
    height, width = page.shape[:2]
    notes = []
    if not lines:
        notes.append(
            "no line of print was found: a page is dark print on brighter paper, letters 5 pixels high or more"
        )
    if len(lines) == 1 and width >= 2 * height:
        notes.append("one line was found: a picture of a single line is read better without --page")
    if turned:
        notes.append(
            f"the page was turned by {turned} degrees to the right before it was read; boxes are in it as given"
        )
    if found.has_columns:
        notes.append("it looks like two columns of text: rows are read across both; cut the columns apart to read each")
    if lines and not turned and _sureness(lines) < TURNED_BELOW:
        notes.append("little of it can be read, whichever way it is turned: the print may be unlike that of training")
    return notes


def _record(number: int, line: PageLine) -> dict[str, Any]:
    x, y, width, height = line.found.box
    whole = line_record(line.read, line.found.image.shape[1])
    return {
        "line": number,
        "row": line.found.row,
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "corners": np.round(line.found.corners_42, 1).tolist(),
        "text": whole["text"],
        "confidence": round(line.read.confidence, DIGITS),
        "characters": whole["characters"],
    }
