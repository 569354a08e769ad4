"""What may belong together, and where a split by it is not safe."""

import pytest

from saccade.recognition.groups import group_column_names, group_patterns, why_not_grouped


def test_headers_that_name_subjects() -> None:
    assert group_column_names(["age", "subjectId", "sex", "Receipt No", "participation"]) == ["Receipt No", "subjectId"]


@pytest.mark.parametrize(
    ("names", "patterns"),
    [
        (["a/p01_1.png", "b/p02_1.png"], ["{group}_*"]),
        (["a/Patient 7-x.png", "b/patient 12-y.png"], ["{group}-*"]),
        (["a/subject3/1.png", "b/subject4/1.png"], ["{group}/*"]),
        (["s1/a/1.png", "s2/a/1.png"], ["{group}/*/*"]),
        (["a/partfr017_53.png", "b/partcr001_5.png"], ["{group}_*"]),
        (["a/cat_1.png", "b/dog_2.png"], []),
        (["a/IMG_0001.png", "b/IMG_0002.png"], []),
        (["a/p1_1.png", "b/other.png"], []),
    ],
)
def test_patterns_of_names(names: list[str], patterns: list[str]) -> None:
    assert list(group_patterns(names)) == patterns


@pytest.mark.parametrize(
    ("groups", "labels", "reason"),
    [
        ([str(n) for n in range(12)], [0, 1] * 6, "each has one example"),
        ([str(n % 3) for n in range(12)], [0, 1] * 6, "there are only 3"),
        (["big"] * 20 + [str(n) for n in range(20)], [0, 1] * 20, "'big' alone has 20 of 40 examples"),
        ([str(n % 10) for n in range(40)], [int(n % 10 < 2) for n in range(40)], "class 'b' comes from 2 alone"),
        ([str(n % 10) for n in range(40)], [n // 20 for n in range(40)], None),
        ([str(n % 10) for n in range(40)], [], None),
    ],
)
def test_splits_by_groups_that_are_safe(groups: list[str], labels: list[int], reason: str | None) -> None:
    found = why_not_grouped(groups, labels, ["a", "b"])
    assert found is None if reason is None else found is not None and found.startswith(reason)
