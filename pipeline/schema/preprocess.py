"""``datasets.<name>.preprocess``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.schema.base import Block

Side = Annotated[int, Field(ge=1, le=4096)]


class PreprocessBlock(Block):
    """What every image is brought to; empty for series."""

    size: Annotated[list[Side], Field(min_length=2, max_length=2)] | None = Field(
        None, description="height and width in pixels; required for images"
    )
    channels: Literal[1, 3] | None = Field(None, description="1: grey, 3: RGB; required for images")
