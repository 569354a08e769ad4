"""CSV files of series, as tests want them."""

import csv
from pathlib import Path

import numpy as np


def write_tides(path: Path, *, steps: int = 500, first_day: int = 1, header: str = "when,level,wind") -> None:
    """Hourly levels with a tide of 12 hours, in centimetres around 5,000; a cell and a row are missing."""
    random = np.random.default_rng(0)
    hours = np.arange(steps)
    level = 5000 + 200 * np.sin(2 * np.pi * hours / 12) + 20 * random.normal(size=steps)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        for hour in hours.tolist():
            when = f"2024-01-{first_day + hour // 24:02} {hour % 24:02}:00"
            if hour != 40:
                writer.writerow([when, "" if hour == 60 else f"{level[hour]:.2f}", f"{random.normal():.3f}"])
