"""``datasets.<name>.augment``."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from pipeline.schema.base import Block


def _form(value: object) -> str:
    return "policy" if isinstance(value, str) else "list"


class AugmentBlock(Block):
    """Views of the training split."""

    mode: Literal["stored", "online"] = Field(
        "stored", description="stored: made once; online: made while training runs, a new one each epoch, nothing kept"
    )
    views: int = Field(0, ge=0, le=1000, description="stored copies of the training split; 0: none, nothing copied")
    transforms: Annotated[
        Annotated[str, Tag("policy")] | Annotated[list[dict[str, Any]], Tag("list")], Discriminator(_form)
    ] = Field(
        default_factory=list,
        description="a policy's name (`saccade describe policy` lists them), or transforms with arguments, in order",
    )
    include_original: bool = Field(False, description="view 0 is the images as they are")
    evaluate_crop: Literal["auto"] | Annotated[float, Field(gt=0, le=1)] = Field(
        "auto",
        description="share of each side that evaluation and prediction look at, the middle of it; "
        "auto: as much as the views show",
    )
    seed: int | None = Field(None, ge=0, description="default: the file's seed")

    @property
    def makes_views(self) -> bool:
        """Whether training sees anything but the images as they are."""
        return self.mode == "online" or self.views > 0
