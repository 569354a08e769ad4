"""What every example of a dataset has in common, as files keep it."""

import pytest

from saccade.data.spec import LAYOUTS, Spec
from saccade.data.timeline import Timeline


@pytest.mark.parametrize(("word", "output"), [("once", "per_example"), ("each_step", "per_token")])
def test_the_words_of_older_files_are_read(word: str, output: str) -> None:
    spec = Spec.from_dict({"kind": "tokens", "shape": [9], "vocabulary": ["a"], "unit": "words", "answers": word})
    assert spec.output == output and spec.layout == "tokens"
    assert Spec.from_dict(spec.to_dict()) == spec and "answers" not in spec.to_dict()


def test_a_layout_is_written_where_it_is_not_called_as_the_kind() -> None:
    counts = Spec("counts", (4,), layout="vector")
    assert counts.to_dict()["layout"] == "vector" and Spec.from_dict(counts.to_dict()) == counts
    assert "layout" not in Spec("series", (9, 2)).to_dict()


def test_a_layout_is_one_that_networks_know() -> None:
    with pytest.raises(ValueError, match=r"layout \('counts'\) of kind counts must be one of " + ", ".join(LAYOUTS)):
        Spec("counts", (4,))


def test_several_examples_are_called_as_their_kind_says() -> None:
    assert [Spec(kind, (1,)).plural for kind in ("image", "tokens", "series")] == ["images", "texts", "series"]
    assert Spec("counts", (4,), layout="vector").plural == "examples of counts"


def test_files_of_before_forecasts_of_several_series_are_read_and_written_as_they_were() -> None:
    old = {
        "calendar": {"first": "1", "step": "1", "form": "number.0"},
        "first_start": 2,
        "stride": 1,
        "seasons": [None],
    }
    timeline = Timeline.from_dict(old)
    assert timeline.naive_mae == () and timeline.panel == ()
    written = timeline.to_dict()
    assert {key: written[key] for key in old} | {"calendar": old["calendar"]} == old and written.keys() == old.keys()
    spec = Spec("series", (3, 1), targets=("a +1",), features=("a",), horizon=1)
    assert "inputs" not in spec.to_dict() and Spec.from_dict(spec.to_dict()) == spec
