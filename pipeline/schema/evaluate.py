"""``runs.<name>.evaluate``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.schema.base import ParamsModel


class RejectBlock(ParamsModel):
    """From which confidence on a classifier answers; below it, it says that it is unsure."""

    max_error: float = Field(gt=0, lt=1, description="share of the answers that may be wrong")
    confidence: float = Field(
        0.95,
        gt=0,
        lt=1,
        description="probability, over validation splits, that the answers are indeed wrong no more often",
    )


class DecoderBlock(ParamsModel):
    """How a network that reads lines makes a text of what it says at each step."""

    name: Literal["greedy", "beam"] = Field(
        "greedy",
        description="greedy: the most probable character at each step; beam: prefix beam search with a language model "
        "of the characters of the training transcripts",
    )
    width: int = Field(16, ge=1, le=1024, description="beginnings of a text that a beam search keeps at each step")
    language_weight: Literal["auto"] | Annotated[float, Field(ge=0, le=10)] = Field(
        "auto",
        description="weight of the language model in a beam search, 0: none; auto: the one that reads the validation "
        "lines with the fewest edits",
    )


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
    reject: RejectBlock | None = Field(
        None,
        description="threshold on the calibrated confidence, chosen on the validation split, below which the run says "
        "that it is unsure; only where an example has one class; null: it always answers",
    )
    decoder: DecoderBlock | None = Field(
        None,
        description="how a run that reads lines makes texts; null: the most probable character at each step",
    )
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, cuda, cuda:1 or mps")
