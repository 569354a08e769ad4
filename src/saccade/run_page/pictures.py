"""Pictures inside the page, small enough that all of them together leave it easy to mail."""

import io
from dataclasses import dataclass, field
from pathlib import Path

from saccade.display.embedded import data_uri
from saccade.display.page import PageImage

MAX_BYTES = 1_900_000  # of all pictures of a page, before base64 makes them a third larger
_SMALL = 60_000  # bytes; smaller files stay as they are
_MAX_SIDE = 1600  # pixels
_QUALITY = 82  # of WebP: text in figures stays sharp
_DOTS_PER_PIXEL = 1.25  # our figures have 120 dots an inch; shown at 96 they are as large as they were drawn


@dataclass
class Pictures:
    """What may still be put into a page.

    Attributes:
        left: bytes that are left.
        passed_over: names of files for which there was no room.
    """

    left: int = MAX_BYTES
    passed_over: list[str] = field(default_factory=list)

    def embed(self, path: Path) -> PageImage | None:
        """Put a picture into the page.

        Args:
            path: a PNG file.

        Returns:
            The picture, if need be smaller and as WebP; None where there is no file, or no room.
        """
        if not path.exists():
            return None
        from PIL import Image

        content, media = path.read_bytes(), "png"
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
            side = _MAX_SIDE
            while len(content) > min(_SMALL, self.left) and side >= _MAX_SIDE / 4:
                smaller = _as_webp(image, side)
                content, media = min((content, media), (smaller, "webp"), key=lambda one: len(one[0]))
                if len(content) <= self.left:
                    break
                side //= 2
        if len(content) > self.left:
            self.passed_over.append(path.name)
            return None
        self.left -= len(content)
        shown = [max(1, round(pixels / _DOTS_PER_PIXEL)) for pixels in (width, height)]
        return PageImage(data_uri(content, media), shown[0], shown[1], is_enlarged=False)


def _as_webp(image: "object", side: int) -> bytes:
    from PIL import Image

    assert isinstance(image, Image.Image)
    copy = image.convert("RGB")
    copy.thumbnail((side, side * 4), Image.Resampling.LANCZOS)  # long sheets of pictures keep their width
    buffer = io.BytesIO()
    copy.save(buffer, "WEBP", quality=_QUALITY, method=4)
    return buffer.getvalue()
