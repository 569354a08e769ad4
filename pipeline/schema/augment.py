"""``datasets.<name>.augment``."""

from typing import Any

from pydantic import Field

from pipeline.schema.base import Block


class AugmentBlock(Block):
    """Stored views of the training split."""

    views: int = Field(0, ge=0, le=1000, description="augmented copies of the training split; 0: none, nothing copied")
    transforms: list[dict[str, Any]] = Field(
        default_factory=list, description="albumentations' own names and arguments, applied in order"
    )
    seed: int | None = Field(None, ge=0, description="default: the file's seed")
