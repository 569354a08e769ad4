"""``runs.<name>.evaluate``."""

from typing import Annotated

from pydantic import Field

from pipeline.schema.base import Block


class EvaluateBlock(Block):
    """What is measured on the test split."""

    top_k: list[Annotated[int, Field(ge=1)]] = Field([1, 5], description="k of the top-k accuracies")
    batch_size: int = Field(512, ge=1, description="examples at once; changes nothing but speed and memory")
    tta: int | None = Field(
        None,
        ge=2,
        description="test-time augmentation: images and views whose answers are averaged for the metrics tta_*, the "
        "image as it is among them; null: no such metrics",
    )
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, cuda, cuda:1 or mps")
