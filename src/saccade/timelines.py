"""When the windows of a forecast lie, and what else is known of the series that they were cut from."""

from dataclasses import asdict, dataclass
from typing import Any

from saccade.calendars import Calendar


@dataclass(frozen=True)
class Timeline:
    """Of the windows of one series.

    Attributes:
        calendar: of its steps.
        first_start: the first step of window 0.
        stride: steps from each window to the next.
        seasons: of each target, after how many steps it repeats itself; None where no season was found or given.
    """

    calendar: Calendar
    first_start: int
    stride: int
    seasons: tuple[int | None, ...]

    def time(self, window: int, step: int) -> str:
        """The time of a step of a window, counted from its first input; as the file writes times."""
        return self.calendar.text(self.first_start + window * self.stride + step)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "seasons": list(self.seasons)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Timeline":
        """The inverse of ``to_dict``."""
        return cls(**{**values, "calendar": Calendar(**values["calendar"]), "seasons": tuple(values["seasons"])})
