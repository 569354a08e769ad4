"""Names as people write them."""

import pytest

from saccade.core.names import alike_names, composed


def test_an_accent_is_one_letter_however_it_was_typed() -> None:
    assert composed("cafe\u0301") == composed("caf\u00e9") == "caf\u00e9" and composed("plain") == "plain"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Dog", "cat", "dog"], [["Dog", "dog"]]),
        (["a b", "a_b", "a-b", "ab"], [["a b", "a-b", "a_b", "ab"]]),
        (["class 1", "Class_1", "class 2"], [["Class_1", "class 1"]]),
        (["a", "A", "b"], []),  # letters to be recognised
        (["-1", "1", "1-2", "12", "A-", "A"], []),  # numbers and marks
        (["two  spaces", "two spaces"], [["two  spaces", "two spaces"]]),
    ],
)
def test_alike_are_those_that_differ_in_capitals_spaces_or_dashes_alone(
    names: list[str], expected: list[list[str]]
) -> None:
    assert alike_names(names) == expected
