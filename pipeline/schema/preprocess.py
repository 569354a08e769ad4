"""``datasets.<name>.preprocess``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.schema.base import ParamsModel

Side = Annotated[int, Field(ge=1, le=4096)]
Tokens = Annotated[int, Field(ge=1, le=1_000_000)]

# The keys that each kind of data takes; a key that is another kind's is refused with the reason.
OF_IMAGES = ("size", "channels", "fit", "on_unreadable", "on_conflict", "near_duplicates")
OF_TEXTS = ("unit", "max_length", "max_vocabulary", "lower_case", "on_unreadable", "on_conflict", "repeats")
OF_LONG_TEXTS = ("unit", "length", "stride", "max_vocabulary", "lower_case")
OF_FORECASTS = ("window", "horizon", "stride", "missing", "season")
OF_LABELLED_SERIES = ("length", "missing", "on_conflict")
OF_SERIES: tuple[str, ...] = ()  # generated ones


class PreprocessBlock(ParamsModel):
    """What every image, text or series is brought to; empty for generated series."""

    size: Annotated[list[Side], Field(min_length=2, max_length=2)] | None = Field(
        None, description="height and width in pixels; required for images"
    )
    channels: Literal[1, 3] | None = Field(None, description="1: grey, 3: RGB; required for images")
    fit: Literal["stretch", "crop", "pad"] = Field(
        "stretch", description="images of other proportions: stretch the sides, crop the middle, or pad with black"
    )
    unit: Literal["characters", "words"] | None = Field(None, description="what a token is; required for texts")
    max_length: Tokens | None = Field(
        None, description="tokens kept of a longer text, the first ones; required for labelled texts"
    )
    length: Tokens | None = Field(
        None,
        description="tokens of a window of one long text, required for that; steps kept of each labelled series, the "
        "first ones, default: all, which must be as many in each",
    )
    stride: Tokens | None = Field(
        None,
        description="tokens from one training window of a long text to the next, at most length, the default; "
        "steps from one window of a series to the next, default: 1",
    )
    window: Tokens | None = Field(None, description="steps that a forecast sees; required for forecasts")
    horizon: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="steps that are forecast, those behind the window; required for forecasts"
    )
    missing: Literal["error", "interpolate"] = Field(
        "error",
        description="empty cells and missing rows of a series: stop, or draw straight lines between their neighbours",
    )
    season: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="steps of a season, at most window, for a forecast's seasonal baseline; null: it is looked for",
    )
    max_vocabulary: int = Field(
        20_000, ge=3, le=10_000_000, description="most ids: padding, unknown, and the most frequent training tokens"
    )
    lower_case: bool = Field(False, description="make capitals small")
    on_unreadable: Literal["error", "quarantine"] = Field(
        "error", description="files that are no whole pictures or texts: stop, or leave them out and list them"
    )
    on_conflict: Literal["error", "quarantine", "keep"] = Field(
        "error",
        description="the same example under several classes: stop, or leave all its copies out and list them; texts "
        "may be kept, too, where one may rightly be of several classes",
    )
    repeats: Literal["keep", "drop"] = Field("keep", description="the same text again in its class: keep or leave out")
    near_duplicates: bool = Field(True, description="search for pictures that are nearly the same, and report them")
