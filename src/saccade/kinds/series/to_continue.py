"""Tables of series that a forecast goes on with, read as those of its dataset were, with what is known ahead."""

from dataclasses import replace

from saccade.core.errors import UserError
from saccade.core.messages import pluralise, printable
from saccade.data.forecast_inputs import ForecastInputs
from saccade.data.spec import Spec
from saccade.kinds import Reading
from saccade.kinds.series.forecasting.covariates import Filling, SeriesInputs, read_holidays, series_inputs
from saccade.kinds.series.forecasting.table import ForecastColumns, read_to_forecast
from saccade.kinds.series.new_examples import time_options
from saccade.readers.examples import LongSeries, SeriesPanel
from saccade.tables.table_format import TableFormat

_NAMED = 5  # series, in a line for people


def read_to_continue(reading: Reading, path: str) -> tuple[list[SeriesInputs], list[str]]:
    """Read the series of a table that a forecast goes on with, read as those of the run's dataset were.

    Args:
        reading: what the network takes, and how its dataset was read.
        path: file, relative to ``reading.here``.

    Returns:
        The series, each with what is known for the steps to forecast; and lines for people.

    Raises:
        UserError: there is no such file, it is no such table, or what must be known ahead is not there.
    """
    spec, source = reading.spec, reading.source
    inputs = spec.inputs or ForecastInputs(spec.features)
    if not (reading.here / path).is_file():
        raise UserError(f"{path} must be a table, but there is none")
    is_wide = bool(inputs.scales) and not inputs.series_column  # each series a column
    wide = source.get("series_columns") or [scale.name for scale in inputs.scales] if is_wide else None
    columns = ForecastColumns.named(
        time=source.get("time_column"),
        values=None if wide else inputs.measured,
        known=inputs.known,
        static=[column.name for column in inputs.static],
        series=inputs.series_column or None,
        each_a_series=wide,
    )
    table = read_to_forecast(
        reading.here / path,
        path,
        columns,
        time_options=time_options(spec, source),
        form=TableFormat.from_arguments(source),
    )
    inputs = _with_later_holidays(inputs, reading)
    filling = Filling.of(reading.preprocess)
    warnings: list[str] = []
    if isinstance(table, LongSeries):
        found = [series_inputs(table, inputs, filling, ahead=spec.horizon)]
    else:
        found = _those_long_enough(table, inputs, spec, filling, warnings)
    return found, warnings + _unknown_holidays(found, inputs, spec.horizon)


def _those_long_enough(
    table: SeriesPanel, inputs: ForecastInputs, spec: Spec, filling: Filling, warnings: list[str]
) -> list[SeriesInputs]:
    """All series at regular times but those that are shorter than a window, which a line names."""
    window, found, short = spec.shape[0], [], []
    for one in table.series:
        rows = len(one.series.values)
        if rows >= window:
            regular = series_inputs(one, inputs, filling, ahead=spec.horizon)
            rows = len(regular.regular.values)
            if rows >= window:
                found.append(regular)
                continue
        short.append(f"{printable(one.name)} ({pluralise(rows, 'row')})")
    if not found:
        raise UserError(
            f"{table.series[0].series.name} and all others have fewer rows than the {window:,} that the network sees: "
            f"give the {window:,} before the forecast"
        )
    if short:
        more = f" and {len(short) - _NAMED:,} more" if len(short) > _NAMED else ""
        warnings.append(
            f"{pluralise(len(short), 'forecast')} left out, of series shorter than the {window:,} steps that the "
            f"network sees: {', '.join(short[:_NAMED])}{more}"
        )
    new = [printable(one.name) for one in found if inputs.scale_of(one.name) is None]
    if new:
        more = f" and {len(new) - _NAMED:,} more" if len(new) > _NAMED else ""
        warnings.append(
            "not seen in training, so their mean and deviation are those of the rows given: "
            f"{', '.join(new[:_NAMED])}{more}"
        )
    return found


def _with_later_holidays(inputs: ForecastInputs, reading: Reading) -> ForecastInputs:
    """Holidays that params.yaml names beside those of training; those of years to come may have been added since."""
    if not inputs.holidays:
        return inputs
    later = read_holidays(reading.preprocess.get("holidays"), reading.here)
    return replace(inputs, holidays=tuple(sorted({*inputs.holidays, *later})))


def _unknown_holidays(found: list[SeriesInputs], inputs: ForecastInputs, horizon: int) -> list[str]:
    """A line where a forecast reaches into a year of which no holiday is named."""
    ends = [one.regular.calendar.date(len(one.regular.values) + horizon - 1) for one in found if one.regular.calendar]
    year = max((end.year for end in ends if end is not None), default=0)
    if not inputs.holidays or year <= int(inputs.holidays[-1][:4]):
        return []
    return [
        f"no holidays of {year} are named, so none is taken to be there; add them to preprocess.holidays "
        f"(the last is {inputs.holidays[-1]})"
    ]
