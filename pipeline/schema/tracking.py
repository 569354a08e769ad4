"""``tracking``."""

from pydantic import Field

from pipeline.schema.base import ParamsModel


class TrackingBlock(ParamsModel):
    """Where runs are kept in MLflow; the server is named by MLFLOW_TRACKING_URI."""

    experiment: str = Field("saccade", min_length=1, description="MLflow experiment")
