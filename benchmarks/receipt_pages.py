"""How well the lines of whole receipts are found and read: pages made of the lines of receipts, with known boxes.

    python benchmarks/receipt_pages.py --lines receipt-lines.tar.gz --prepared data/prepared/receipts --split validation
    python benchmarks/receipt_pages.py ... --split test --bundle models/receipts-crnn --drawn page.png

The archive holds lines and no pages, so pages are composed: the lines of one receipt in order, at their own size, one
or several to a row where they are short, gaps from a seeded generator, on paper. Real receipts differ: logos, stamps,
folds and rules are missing, and the gaps are ours. ``--photo`` adds a shadow, 3 degrees of skew and grey paper.
Found: share of true boxes that a box overlaps by IoU 0.5 or more, each used once; false: boxes that overlap none.
End to end: the text of the matched box against the transcript; a line that was not found counts with all its
characters, one that is none with all that was read.
"""

import argparse
import io
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from receipts_peers import pictures, upper

from saccade.data.prepared import open_split, read_dataset_info
from saccade.kinds.origins import read_origins
from saccade.page_lines.find import find_lines
from saccade.transcripts import metrics
from saccade.transcripts.edits import count_edits


def compose(lines: Sequence[np.ndarray], rng: np.random.Generator, *, photo: bool) -> tuple[np.ndarray, np.ndarray]:
    """A page of the lines of a receipt.

    Args:
        lines: uint8 (H, W) each, in order.
        rng: generator of gaps, margins, skew and noise.
        photo: whether it looks like a photograph rather than a scan.

    Returns:
        The page, uint8 (H, W), and the box of each line, left, top, right, bottom.
    """
    import cv2

    width = max(480, max(line.shape[1] for line in lines) + 40)
    rows: list[list[int]] = []
    used = width
    for number, line in enumerate(lines):
        gap = int(rng.uniform(2.5, 5) * 16)
        if rows and used + gap + line.shape[1] <= width - 20 and line.shape[1] < 0.3 * width and rng.random() < 0.7:
            rows[-1].append(number)
            used += gap + line.shape[1]
        else:
            rows.append([number])
            used = 20 + line.shape[1]
    margin = int(rng.integers(20, 60))
    page = np.full(
        (margin * 2 + sum(max(lines[i].shape[0] for i in row) + 16 for row in rows), width + 2 * margin), 250
    )
    boxes = np.zeros((len(lines), 4))
    top = margin
    for row in rows:
        free = width - sum(lines[i].shape[1] for i in row) - 20
        gap = min(int(rng.uniform(2.5, 6) * 16), free // max(1, len(row)))
        left = margin + 10 + (int(rng.integers(0, max(1, free // 2))) if len(row) == 1 and rng.random() < 0.3 else 0)
        for i in row:
            height, across = lines[i].shape
            paper = np.percentile(lines[i], 90)
            grey = np.clip(lines[i].astype(np.float64) + 250 - paper, 0, 255)
            page[top : top + height, left : left + across] = np.minimum(grey, 250)
            boxes[i] = left, top, left + across, top + height
            left += across + gap
        top += max(lines[i].shape[0] for i in row) + int(rng.integers(2, 16))
    page = page[: top + margin].astype(np.uint8)
    degrees = float(rng.choice([-3, 3])) if photo else float(rng.uniform(-1, 1))
    turn_23 = cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), degrees, 1.0)
    page = cv2.warpAffine(page, turn_23, page.shape[::-1], flags=cv2.INTER_LINEAR, borderValue=250)
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]] @ turn_23[:, :2].T + turn_23[:, 2]
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    H, W = page.shape
    shade = np.ones((H, W))
    if photo:
        across = (np.arange(W)[None] / W - rng.uniform(0.2, 0.8)) + 0.3 * (np.arange(H)[:, None] / H - 0.5)
        shade = 0.75 * (1 - 0.45 / (1 + np.exp(-25 * across)))  # grey paper, and the edge of a shadow
    noise = rng.normal(0, 6 if photo else 3, (H, W))
    return np.clip(page * shade + noise, 0, 255).astype(np.uint8), boxes


def match(true_N4: np.ndarray, found_M4: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of true and found boxes of IoU 0.5 or more, each box once, the best first."""
    low = np.maximum(true_N4[:, None, :2], found_M4[None, :, :2])
    high = np.minimum(true_N4[:, None, 2:], found_M4[None, :, 2:])
    both = np.prod(np.maximum(high - low, 0), axis=2)
    area_N, area_M = (np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (true_N4, found_M4))
    iou_NM = both / (area_N[:, None] + area_M[None] - both)
    pairs, rows, columns = [], set(), set()
    for flat in np.argsort(-iou_NM, axis=None).tolist():
        i, j = divmod(flat, iou_NM.shape[1])
        if iou_NM[i, j] < 0.5:
            break
        if i not in rows and j not in columns:
            pairs.append((i, j))
            rows.add(i)
            columns.add(j)
    return pairs


def main() -> None:
    """Compose pages, find their lines, read them, print a row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=Path, required=True, help="receipt-lines.tar.gz")
    parser.add_argument("--prepared", type=Path, required=True, help="folder of the prepared dataset")
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--photo", action="store_true", help="shadow, 3 degrees of skew, grey paper")
    parser.add_argument("--bundle", type=Path, help="folder of a trained network that reads lines")
    parser.add_argument("--drawn", type=Path, help="PNG of the first page")
    asked = parser.parse_args()
    by_name = pictures(asked.lines)
    part = open_split(asked.prepared, asked.split)
    origins = read_origins(asked.prepared, part.rows)
    truths = metrics.true_texts(part.labels, read_dataset_info(asked.prepared).spec.vocabulary)
    reader = None
    if asked.bundle:
        from saccade.predict import predictor

        reader = predictor.load(asked.bundle, device="cpu")
    from saccade.page_lines.read_page import read_images

    found_boxes = true_boxes = false_boxes = edits = characters = alone_edits = 0
    degrees_off, seconds = [], 0.0
    for receipt in sorted(set(origins.groups))[: asked.pages]:
        rows = [i for i in np.argsort(part.rows).tolist() if origins.groups[i] == receipt]
        cuts = [np.asarray(Image.open(io.BytesIO(by_name[Path(origins.name(i)).name])).convert("L")) for i in rows]
        page, boxes = compose(cuts, np.random.default_rng(int(receipt)), photo=asked.photo)
        started = time.process_time()
        found = find_lines(page)
        seconds += time.process_time() - started
        x_y_w_h = np.array([one.box for one in found.lines], np.float64).reshape(-1, 4)
        pairs = match(boxes, np.concatenate([x_y_w_h[:, :2], x_y_w_h[:, :2] + x_y_w_h[:, 2:]], axis=1))
        found_boxes, true_boxes = found_boxes + len(pairs), true_boxes + len(boxes)
        false_boxes += len(found.lines) - len(pairs)
        degrees_off.append(found.degrees)
        texts = [upper(truths[i]) for i in rows]
        characters += sum(map(len, texts))
        if reader is not None:
            reads = [upper(one.text) for one in read_images([line.image for line in found.lines], reader)]
            by_true = dict(pairs)
            edits += sum(count_edits(text, reads[by_true[i]] if i in by_true else "") for i, text in enumerate(texts))
            edits += sum(len(read) for j, read in enumerate(reads) if j not in by_true.values())
            alone = [upper(one.text) for one in read_images(cuts, reader)]
            alone_edits += sum(count_edits(text, read) for text, read in zip(texts, alone, strict=True))
        if asked.drawn:
            Image.fromarray(page).save(asked.drawn.with_name(f"{asked.drawn.stem}-given.png"))
            if reader is not None:
                from saccade.page_lines.draw import draw_page
                from saccade.page_lines.read_page import read_page

                read = read_page(page, reader)
                draw_page(page, read, asked.drawn)
                print(read.text)
                print(json.dumps(read.record()["fields"]))
            asked.drawn = None
    row = {
        "split": asked.split,
        "photo": asked.photo,
        "true_boxes": true_boxes,
        "found": round(found_boxes / true_boxes, 4),
        "false_share": round(false_boxes / max(1, false_boxes + found_boxes), 4),
        "mean_degrees": round(float(np.mean(np.abs(degrees_off))), 2),
        "cpu_seconds_a_page": round(seconds / max(1, len(degrees_off)), 3),
    }
    if reader is not None:
        row |= {"cer_end_to_end": round(edits / characters, 4), "cer_of_cut_lines": round(alone_edits / characters, 4)}
    print(json.dumps(row))


if __name__ == "__main__":
    main()
