"""What every block of params.yaml has in common."""

from pydantic import BaseModel, ConfigDict


class ParamsModel(BaseModel):
    """Frozen; unknown keys, wrong types, NaN and infinities are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
