"""What preprocess writes of several series: which channels, and what it says of those that are left out."""

from pathlib import Path

import numpy as np

from saccade.data.prepared import open_split
from saccade.kinds import Job
from saccade.kinds.series.series_to_forecast import prepare
from saccade.prepare.split_settings import SplitSettings
from saccade.readers.examples import FileSeries, LongSeries, SeriesPanel


def shop(name: str, steps: int, region: str) -> LongSeries:
    values = np.random.default_rng(steps).normal(size=(steps, 1))
    times = [str(day) for day in np.datetime64("2024-01-01") + np.arange(steps)]
    series = FileSeries(f"a.csv, shop {name}", ("sales",), values, range(2, steps + 2), "day", times)
    return LongSeries(series, ("sales",), name=name, static={"region": region})


def test_what_only_series_that_are_left_out_have_makes_no_channel(tmp_path: Path) -> None:
    shops = [shop("a", 130, "hills"), shop("tiny", 20, "island"), shop("b", 120, "coast"), shop("one", 1, "moon")]
    said: list[str] = []
    (tmp_path / "prepared").mkdir()
    job = Job(
        tmp_path / "prepared",
        tmp_path / "samples.png",
        SplitSettings(test=0.2, validation=0.15, order="time"),
        say=said.append,
    )
    prepared = prepare(SeriesPanel(shops, "shop"), job, window=8, horizon=3, covariates=["weekday"])
    waves = ("weekday sine", "weekday cosine", "weekday sine +3", "weekday cosine +3")
    assert prepared.info.spec.features == ("sales", *waves, "region = coast", "region = hills")
    assert said[:2] == [
        "1 of 4 series left out, with fewer than two rows: one",
        "1 of 3 series left out, too short for a window in each part: tiny (20 rows)",
    ]
    train = open_split(tmp_path / "prepared", "train")
    assert train.examples[0, :, -2:].tolist() == [[0, 1]] * 8 and train.examples[-1, :, -2:].tolist() == [[1, 0]] * 8
