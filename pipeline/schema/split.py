"""``datasets.<name>.split``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.schema.base import Block

Share = Annotated[float, Field(ge=0, lt=1)]


class SplitBlock(Block):
    """Which examples are for training, validation and test."""

    test: Literal["given"] | Share = Field(0.15, description="share in [0, 1) per class, or given: the published split")
    validation: Share = Field(0.15, description="share in [0, 1) per class; of what test: given leaves")
    order: Literal["random", "time"] = Field("random", description="time keeps the order: earliest for training")
    group_by: str | None = Field(None, description="column of the source; equal values stay in one split")
    train_fraction: float = Field(1.0, gt=0, le=1, description="share of the training split to keep, per class")
    seed: int | None = Field(None, ge=0, description="default: the file's seed")
