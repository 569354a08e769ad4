"""What every example of a dataset has in common, as files keep it."""

import pytest

from saccade.data.spec import LAYOUTS, Spec


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
