"""What each channel of a forecast's windows holds: the measured past, what is known ahead, and what never changes.

Shapes: F features (channels), C measured columns, K channels known ahead, S static channels, G targets.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class StaticColumn:
    """A column that holds one value a series.

    Attributes:
        name: header of the column.
        categories: its values in the order of their channels, one each (one-hot); empty where it holds a number.
    """

    name: str
    categories: tuple[str, ...] = ()

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of its channels.

        >>> StaticColumn("region", ("north", "south")).channels, StaticColumn("area").channels
        (('region = north', 'region = south'), ('area',))
        """
        return tuple(f"{self.name} = {category}" for category in self.categories) or (self.name,)


@dataclass(frozen=True)
class SeriesScale:
    """The scale of one series of a panel, measured on its own training part.

    Attributes:
        name: name of the series.
        mean: mean of each measured column, C numbers in the data's own unit.
        std: standard deviation of each measured column, C numbers above 0.
    """

    name: str
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class ForecastInputs:
    """How the channels of a window are made.

    A window of W steps holds, step by step: the measured columns; each channel known ahead at the same step; each
    channel known ahead again, ``shift`` steps later, for each of ``shifts``; and the static channels. The shifts are
    the horizon, and where the window is shorter than that the horizon less W, less 2 W and so on: each step of the
    horizon is in the window once.

    Attributes:
        measured: columns that are known up to the last step of a window, the targets among them.
        known: columns of the table that are known ahead.
        calendar: words of the calendar, such as hour or weekday, each a sine and a cosine.
        holidays: days in the form 2024-12-25, in order; they are one channel, and none where there are none.
        static: columns that hold one value a series.
        shifts: numbers of steps by which channels are shifted.
        scales: scales of the series of a panel: what is stored of a measured column is the value less the mean of its
            series, over its standard deviation; empty where there is one series, which is stored as it is.
        series_column: column that names the series; empty where there is one series.
    """

    measured: tuple[str, ...]
    known: tuple[str, ...] = ()
    calendar: tuple[str, ...] = ()
    holidays: tuple[str, ...] = ()
    static: tuple[StaticColumn, ...] = ()
    shifts: tuple[int, ...] = ()
    scales: tuple[SeriesScale, ...] = field(default=(), repr=False)
    series_column: str = ""

    @property
    def known_channels(self) -> tuple[str, ...]:
        """Names of the channels that are known ahead, before they are shifted.

        >>> ForecastInputs(("sales",), ("price",), ("hour",), ("2024-12-25",)).known_channels
        ('price', 'hour sine', 'hour cosine', 'holiday')
        """
        waves = tuple(f"{word} {wave}" for word in self.calendar for wave in ("sine", "cosine"))
        return (*self.known, *waves, *(("holiday",) if self.holidays else ()))

    @property
    def features(self) -> tuple[str, ...]:
        """Names of all channels, in their order.

        >>> ForecastInputs(("sales",), ("price",), shifts=(2, 1)).features
        ('sales', 'price', 'price +2', 'price +1')
        """
        shifted = tuple(f"{name} +{shift}" for shift in self.shifts for name in self.known_channels)
        static = tuple(channel for column in self.static for channel in column.channels)
        return (*self.measured, *self.known_channels, *shifted, *static)

    def scale_of(self, name: str) -> SeriesScale | None:
        """The scale of a series; None of one that training has not seen."""
        return next((scale for scale in self.scales if scale.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # tuples become lists, at any depth
        return plain

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ForecastInputs":
        """The inverse of ``to_dict``."""
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        plain["static"] = tuple(StaticColumn(one["name"], tuple(one["categories"])) for one in plain["static"])
        plain["scales"] = tuple(
            SeriesScale(one["name"], tuple(one["mean"]), tuple(one["std"])) for one in plain["scales"]
        )
        return cls(**plain)


def shifts_for(window: int, horizon: int) -> tuple[int, ...]:
    """By how many steps channels are shifted so that each step of the horizon is in the window.

    >>> shifts_for(24, 6), shifts_for(4, 10)
    ((6,), (10, 6, 2))
    """
    return tuple(range(horizon, 0, -window))
