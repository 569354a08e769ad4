"""``datasets.<name>.augment``."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from pipeline.schema.base import ParamsModel


def _transforms_tag(value: object) -> str:
    return "policy" if isinstance(value, str) else "list"


class AugmentBlock(ParamsModel):
    """Views of the training split."""

    mode: Literal["stored", "online"] = Field(
        "stored",
        description="stored: views are made once; online: a new one in each epoch while training runs, none is stored",
    )
    views: int = Field(0, ge=0, le=1000, description="number of stored copies of the training split; 0: none")
    transforms: Annotated[
        Annotated[str, Tag("policy")] | Annotated[list[dict[str, Any]], Tag("list")], Discriminator(_transforms_tag)
    ] = Field(
        default_factory=list,
        description="a policy's name (`saccade describe policy` lists them), or transforms with arguments, in order",
    )
    include_original: bool = Field(False, description="view 0 is the images as they are")
    evaluate_crop: Literal["auto"] | Annotated[float, Field(gt=0, le=1)] = Field(
        "auto",
        description="share of each side, around its middle, that evaluation and prediction look at; "
        "auto: as much as the views show",
    )
    seed: int | None = Field(None, ge=0, description="default: the file's seed")

    @property
    def makes_views(self) -> bool:
        """Whether training sees anything but the images as they are."""
        return self.mode == "online" or self.views > 0
