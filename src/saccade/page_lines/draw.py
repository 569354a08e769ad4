"""A page with the boxes of its lines and what was read, drawn over it.

Shapes: H height, W width.
"""

from pathlib import Path

import numpy as np

from saccade.page_lines.read_page import ReadPage

_SURE, _UNSURE = (0, 120, 60), (200, 60, 0)
SURE_FROM = 0.9  # confidence of a line that is drawn as sure


def draw_page(page: np.ndarray, read: ReadPage, path: Path) -> None:
    """Draw boxes and texts beside the page: left the page with boxes, right the texts where they stand.

    Args:
        page: as it was read, uint8 (H, W), (H, W, 1) or (H, W, 3).
        read: what was read.
        path: PNG to write.
    """
    from PIL import Image, ImageDraw

    from saccade.page_lines.fonts import font_of_height

    values = page[:, :, 0] if page.ndim == 3 and page.shape[2] == 1 else page
    left = Image.fromarray(np.ascontiguousarray(values)).convert("RGB")
    right = Image.new("RGB", left.size, "white")
    on_page, on_text = ImageDraw.Draw(left), ImageDraw.Draw(right)
    for one in read.lines:
        colour = _SURE if one.read.confidence >= SURE_FROM else _UNSURE
        on_page.polygon([tuple(corner) for corner in one.found.corners_42.tolist()], outline=colour, width=2)
        x, y, width, height = one.found.box
        font = font_of_height(one.read.text, width, height)
        on_text.text((x, y), one.read.text, fill=colour, font=font)
    whole = Image.new("RGB", (2 * left.width, left.height))
    whole.paste(left, (0, 0))
    whole.paste(right, (left.width, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    whole.save(path, "PNG")
