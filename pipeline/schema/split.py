"""``datasets.<name>.split``."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.schema.base import ParamsModel
from saccade.prepare.splits import DEFAULT_TEST

Share = Annotated[float, Field(gt=0, lt=1)]


class SplitBlock(ParamsModel):
    """Which examples are for training, validation and test."""

    test: Literal["given"] | Share | None = Field(
        None,
        description="share in (0, 1) per class, or given: the published split; default: given where the source "
        "publishes a test split, else 0.15",
    )
    validation: Share = Field(0.15, description="share in (0, 1) per class; of what test: given leaves")
    order: Literal["random", "time"] = Field(
        "random", description="random, or time: the earliest examples for training"
    )
    group_by: str | None = Field(
        None,
        description="a column of the source, or a pattern of its paths: 'patient-{group}/*'; groups stay whole",
    )
    group_near_duplicates: bool = Field(False, description="whether images that are nearly the same stay in one split")
    allow_leakage: bool = Field(False, description="whether copies may stay in several published splits: a known flaw")
    overfit: bool = Field(False, description="for one long text: all of it is training, validation and test split")
    folds: int | None = Field(
        None,
        ge=2,
        description="number of equal parts of all examples, one of which is the test split; with order: time, training "
        "is what lies before it",
    )
    fold: int | None = Field(
        None, ge=1, description="fold that is the test split, from 1; `saccade repeat --folds` takes each in turn"
    )
    train_fraction: float = Field(1.0, gt=0, le=1, description="share of the training split to keep, per class")
    seed: int | None = Field(None, ge=0, description="default: the file's seed")

    @model_validator(mode="after")
    def _a_fold_is_the_test_split(self) -> "SplitBlock":
        if (self.folds is None) != (self.fold is None):
            raise ValueError("folds and fold must be set together, such as folds: 5, fold: 1; or neither of them")
        if self.folds is None or self.fold is None:
            return self
        if self.fold > self.folds:
            raise ValueError(f"fold ({self.fold}) must be at most folds ({self.folds})")
        if self.test is not None:
            raise ValueError(f"test ({self.test}) must be left out with folds: fold {self.fold} is the test split")
        return self

    @model_validator(mode="after")
    def _something_is_left_for_training(self) -> "SplitBlock":
        test = DEFAULT_TEST if self.test is None else self.test
        if test != "given" and test + self.validation >= 1:
            raise ValueError(
                f"test + validation ({test + self.validation:g}) must be below 1: nothing is left to train on"
            )
        return self
