"""``runs.<name>.evaluate``."""

from typing import Annotated, Literal

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
    features_baseline: Literal["auto"] | bool = Field(
        "auto",
        description="whether images are compared, too, with a linear model on what EfficientNet-Lite0, "
        "trained on ImageNet, makes of them; about a minute for 5,000 images on two cores, once; auto: where they are "
        "in colour or a side is above 32 pixels",
    )
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, cuda, cuda:1 or mps")
