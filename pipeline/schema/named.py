"""Blocks that name a file of the library and give it arguments: source, task, model."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class NamedBlock(BaseModel):
    """``{name: lenet5, ...}``: a name, and arguments that are checked against the named file's signature."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)

    name: str = Field(description="file name, without .py, in src/saccade/datasets, models or tasks")

    @property
    def arguments(self) -> dict[str, Any]:
        """Everything but the name."""
        return dict(self.model_extra or {})
