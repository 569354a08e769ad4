"""Series of numbers: times, gaps, windows, labelled files, forecasts and their baselines.

Networks over series are in nn/ and models/.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from saccade.data.prepared import DatasetInfo, Split
    from saccade.kinds import Baseline, NewExamples, Reading, Recommendation, Resources
    from saccade.prepare.split_settings import SplitSettings

LAYOUT = "series"
PLURAL = "series"
FORMS = {"classes": "labelled_series", "forecast": "series_to_forecast", "numbers": "generated_series"}


def problems(
    form: str, source: str, preprocess: Mapping[str, Any], split: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, str], str]]:
    """What is wrong with values that are right one by one; see ``kinds.problems``."""
    if form != "series_to_forecast":
        return
    if split.get("test") == "given":
        yield ("split", "test"), f"{source} publishes no test split: give a share such as 0.2"
    if split.get("order", "random") == "random":
        yield (
            ("split", "order"),
            "a forecast is measured on times after those it has learnt from, and neighbouring windows share their "
            "steps: in random order, training would hold what the test asks for. Write order: time",
        )
    window, season = preprocess.get("window"), preprocess.get("season")
    if isinstance(window, int) and isinstance(season, int) and season > window:
        message = f"{season}: must be at most window ({window}), for a forecast sees no earlier season"
        yield ("preprocess", "season"), message


def recommend(
    form: str, examples: Any, preprocess: Mapping[str, Any], split: "SplitSettings", resources: "Resources"
) -> "Recommendation":
    """A linear forecast, or convolutions for classes; see ``kinds.recommend``."""
    from saccade.core.errors import UserError
    from saccade.kinds.series import recommended_settings as settings

    if form == "series_to_forecast":
        return settings.recommended_for_forecast(examples, preprocess, split, resources)
    if form == "labelled_series":
        return settings.recommended_for_classes(examples, preprocess, split, resources)
    raise UserError("nothing is recommended for generated series yet: `saccade recipes` lists settings to begin with")


def baseline_run(form: str, name: str, preprocess: Mapping[str, Any]) -> "Recommendation | None":
    """A linear forecast; see ``kinds.baseline_run``."""
    from saccade.kinds.series.recommended_settings import linear_baseline_run

    return linear_baseline_run(preprocess) if form == "series_to_forecast" and not name else None


def baseline(info: "DatasetInfo") -> "Baseline | None":
    """The mean of numbers to predict; a forecast is compared with several answers, see ``beside_answers``."""
    if not info.spec.targets or info.spec.horizon:
        return None
    from dataclasses import replace

    from saccade.evaluate.metric_intervals.interval import with_intervals
    from saccade.evaluate.metric_intervals.numbers import regression_intervals
    from saccade.kinds.linear_baseline import numbers_baseline

    simple = numbers_baseline()

    def measure(train: "Split", validation: "Split", test: "Split") -> dict[str, Any]:
        answers_NO = test.labels * 0 + train.labels.mean(axis=0)
        intervals = regression_intervals(answers_NO, test.labels, test.groups)
        return with_intervals(simple.measure(train, validation, test), intervals)

    return replace(simple, measure=measure)


def beside_answers(info: "DatasetInfo", splits: "Sequence[Split] | None") -> dict[str, Any]:
    """Of a forecast: when its windows lie (``timeline``), and what simple models forecast (``baselines``)."""
    if info.timeline is None:
        return {}
    from saccade.kinds.series.forecasting.baselines import baseline_answers

    answers = None
    if splits is not None:
        train, validation, test = splits
        answers = baseline_answers(
            train, validation, test, info.spec, mean=info.mean, std=info.std, seasons=info.timeline.seasons
        )
    return {"timeline": info.timeline, "baselines": answers}


def read_new(reading: "Reading") -> "NewExamples":
    """Read CSV files of labelled series."""
    from saccade.kinds.series.new_examples import read_files

    return read_files(reading)
