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
    fit: Literal["stretch", "crop", "pad"] = Field(
        "stretch", description="images of other proportions: stretch the sides, crop the middle, or pad with black"
    )
    on_unreadable: Literal["error", "quarantine"] = Field(
        "error", description="files that are no whole pictures: stop, or leave them out and list them"
    )
    on_conflict: Literal["error", "quarantine"] = Field(
        "error", description="the same picture under several classes: stop, or leave all its copies out and list them"
    )
    near_duplicates: bool = Field(True, description="search for pictures that are nearly the same, and report them")
