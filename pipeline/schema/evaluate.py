"""``runs.<name>.evaluate``."""

from typing import Annotated

from pydantic import Field

from pipeline.schema.base import ParamsModel


class EvaluateBlock(ParamsModel):
    """What is measured on the test split."""

    top_k: list[Annotated[int, Field(ge=1)]] = Field([1, 5], description="values of k for the top-k accuracies")
    batch_size: int = Field(512, ge=1, description="examples per forward pass; affects only speed and memory")
    tta: int | None = Field(
        None,
        ge=2,
        description="test-time augmentation: images, the original and views of it, whose answers are averaged "
        "for the metrics tta_*; null: no such metrics",
    )
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, cuda, cuda:1 or mps")
