"""Tesseract on the lines of receipts that recipe receipts-crnn is tested on: the same split, the same comparison.

    apt-get install tesseract-ocr
    python benchmarks/receipts_peers.py --lines receipt-lines.tar.gz --prepared data/prepared/receipts

``--prepared`` is what `saccade prepare receipts` wrote: its test split is read, and nothing of the test split chooses
anything. How the picture is given to Tesseract (enlarged, with a margin or without) is chosen on validation lines.
Tesseract runs with --psm 7 (one line), its English model, a thread. Transcripts are upper case where the print is not,
so both sides are upper-cased, and white space is brought to single spaces; network and Tesseract are compared alike.
Writes a table to benchmarks/results/receipts_peers.md; what was read is kept in ``--work``, and gone on with.
"""

import argparse
import io
import json
import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from saccade.data.alphabet import normalise
from saccade.data.prepared import open_split, read_dataset_info
from saccade.kinds.origins import read_origins
from saccade.transcripts import metrics

RESULTS = Path(__file__).parent / "results" / "receipts_peers.md"
VARIANTS = tuple((scale, margin) for scale in (1, 2, 3) for margin in (0, 10))  # times, pixels of the enlarged picture
_AT_ONCE = 100  # lines a process, which loads its model once


def upper(text: str) -> str:
    """A transcript as it is compared.

    >>> upper("Total  rm 5.00 ")
    'TOTAL RM 5.00'
    """
    return metrics.comparable(normalise(text.upper()))


def pictures(archive: Path) -> dict[str, bytes]:
    """The bytes of each picture of the archive, by its last name."""
    with tarfile.open(archive) as tar:
        return {
            Path(member.name).name: tar.extractfile(member).read()  # type: ignore[union-attr]
            for member in tar
            if member.name.endswith(".jpg")
        }


def enlarged(content: bytes, scale: int, margin: int) -> Image.Image:
    """A picture of a line for Tesseract: enlarged, with a margin of the paper's grey (the median of its border)."""
    line = Image.open(io.BytesIO(content)).convert("L")
    line = line.resize((line.width * scale, line.height * scale), Image.Resampling.BICUBIC) if scale > 1 else line
    grey_HW = np.asarray(line)
    paper = np.median(np.concatenate([grey_HW[0], grey_HW[-1], grey_HW[:, 0], grey_HW[:, -1]]))
    return Image.fromarray(np.pad(grey_HW, margin, constant_values=int(paper))) if margin else line


def read_by_tesseract(contents: Sequence[bytes], scale: int, margin: int, kept: Path) -> list[str]:
    """Read lines, a process for each hundred; texts are kept in a file that a later call goes on with."""
    texts: list[str] = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else []
    while len(texts) < len(contents):
        texts += _read([enlarged(one, scale, margin) for one in contents[len(texts) : len(texts) + _AT_ONCE]])
        kept.write_text(json.dumps(texts), encoding="utf-8")
        print(f"{kept.stem}: {len(texts):,} of {len(contents):,}", flush=True)
    return texts


def _read(lines: Sequence[Image.Image]) -> list[str]:
    """Read some lines in one process; one that Tesseract passes over as too small is an empty text."""
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{folder}/{number}.png" for number in range(len(lines))]
        for line, name in zip(lines, names, strict=True):
            line.save(name)
        listed = Path(folder, "list.txt")
        listed.write_text("\n".join(names) + "\n", encoding="utf-8")
        command = ["tesseract", str(listed), "-", "--psm", "7", "-l", "eng"]
        environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
        read = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout
    texts = read.removesuffix("\f").split("\f")  # between pages, and behind the last in some versions
    if len(texts) == len(lines):
        return texts
    if len(lines) == 1:
        return [""]
    half = len(lines) // 2
    return _read(lines[:half]) + _read(lines[half:])


def rates(truths: Sequence[str], reads: Sequence[str], groups: np.ndarray | None) -> list[str]:
    """Cells of a table: each metric with its 95 % interval by receipt."""
    counts = metrics.count_lines(list(map(upper, truths)), list(map(upper, reads)))
    intervals = metrics.transcript_intervals(counts, groups)
    cells = []
    for name, value in metrics.transcript_metrics(counts).items():
        one = intervals[name]
        ends = f" ({100 * one.low:.1f} to {100 * one.high:.1f})" if one.low is not None and one.high is not None else ""
        cells.append(f"{100 * value:.2f}{ends}")
    return cells


def main() -> None:
    """Choose on validation, read the test lines, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=Path, required=True, help="receipt-lines.tar.gz")
    parser.add_argument("--prepared", type=Path, required=True, help="folder of the prepared dataset")
    parser.add_argument("--work", type=Path, required=True, help="folder that keeps what was read")
    parser.add_argument("--choose-on", type=int, default=300, help="validation lines that choose the enlargement")
    parser.add_argument("--receipts", type=int, help="receipts of the test split, drawn by a seed; default: all")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    by_name = pictures(asked.lines)
    vocabulary = read_dataset_info(asked.prepared).spec.vocabulary

    def split(name: str) -> tuple[list[bytes], list[str], np.ndarray | None]:
        part = open_split(asked.prepared, name)
        origins = read_origins(asked.prepared, part.rows)
        contents = [by_name[Path(origins.name(i)).name] for i in range(len(part.rows))]
        return contents, metrics.true_texts(part.labels, vocabulary), part.groups

    contents, truths, _ = split("validation")
    chosen_from = np.random.default_rng(0).permutation(len(contents))[: asked.choose_on].tolist()
    head = "| picture given | CER % | WER % | line accuracy % | word precision % | word recall % | word F1 % |"
    trials, errors = [head.replace("picture given", "validation"), "|---|" + "---|" * 6], {}
    for scale, margin in VARIANTS:
        kept = asked.work / f"validation_{scale}_{margin}_{asked.choose_on}.json"
        reads = read_by_tesseract([contents[i] for i in chosen_from], scale, margin, kept)
        cells = rates([truths[i] for i in chosen_from], reads, None)
        errors[scale, margin] = float(cells[0].split()[0])
        trials.append(f"| {scale}x, margin {margin} px | {' | '.join(cells)} |")
    best = min(errors, key=lambda variant: errors[variant])

    contents, truths, groups = split("test")
    if asked.receipts and groups is not None:
        drawn = np.random.default_rng(0).permutation(np.unique(groups))[: asked.receipts]
        places = np.flatnonzero(np.isin(groups, drawn)).tolist()
        contents, truths, groups = [contents[i] for i in places], [truths[i] for i in places], groups[places]
    rows = [head.replace("picture given", "test"), "|---|" + "---|" * 6]
    for scale, margin in dict.fromkeys([best, VARIANTS[0]]):
        started = time.process_time()
        reads = read_by_tesseract(contents, scale, margin, asked.work / f"test_{scale}_{margin}_{len(contents)}.json")
        named = "chosen" if (scale, margin) == best else "as cut"
        rows.append(f"| {scale}x, margin {margin} px ({named}) | {' | '.join(rates(truths, reads, groups))} |")
        print(rows[-1], f"{time.process_time() - started:.0f} s", flush=True)
    version = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=True)
    receipts = "" if groups is None else f" of {len(np.unique(groups)):,} receipts"
    told = (version.stdout or version.stderr).splitlines()[0]
    RESULTS.write_text(
        f"# Lines of receipts, read by {told}\n\n"
        f"{len(contents):,} test lines{receipts}; --psm 7, model eng. Both sides upper-cased, white space to single "
        "spaces. Intervals of 95 %, by receipt. Written by `python benchmarks/receipts_peers.py`.\n\n"
        + "\n".join(rows)
        + f"\n\nChosen by the CER of {len(chosen_from):,} validation lines (intervals here by line):\n\n"
        + "\n".join(trials)
        + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
