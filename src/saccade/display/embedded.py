"""Images inside a page, as data URIs."""

import base64
import io
from pathlib import Path

from saccade.display.page import PageImage


def embedded_png(path: Path) -> PageImage:
    """A PNG file as it is."""
    from PIL import Image

    content = path.read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        return PageImage(data_uri(content, "png"), image.width, image.height, is_enlarged=False)


def data_uri(content: bytes, media: str) -> str:
    """The bytes of an image as an address.

    Args:
        content: bytes of the file.
        media: what comes after image/ in its media type, such as png.

    Returns:
        A data URI.
    """
    return f"data:image/{media};base64,{base64.b64encode(content).decode('ascii')}"
