"""Which column names files, and how: the forms in which tables of other machines do."""

import pytest

from saccade.recognition.columns import Column, TableLook
from saccade.recognition.listed_files import find_listed_files


def table(name: str = "list.csv", **columns: list[str]) -> TableLook:
    made = tuple(Column(key, values, len(values)) for key, values in columns.items())
    return TableLook(name, made, len(made[0].values), True, tuple(column.values[0] for column in made))


FILES = [f"img/{number}.png" for number in range(10)]


@pytest.mark.parametrize(
    ("cells", "folder", "arguments"),
    [
        ([f"img/{n}.png" for n in range(10)], "", {"path_column": "file"}),
        ([f"./img/{n}.png" for n in range(10)], "", {"path_column": "file"}),
        ([rf"img\{n}.png" for n in range(10)], "", {"path_column": "file"}),
        ([f"{n}.png" for n in range(10)], "img", {"path_column": "file"}),
        ([f"{n}" for n in range(10)], "img", {"path_column": "file"}),
        (
            [rf"C:\Users\me\data\img\{n}.png" for n in range(10)],
            "",
            {"path_column": "file", "root": "C:/Users/me/data"},
        ),
        ([f"/home/me/data/img/{n}.png" for n in range(10)], "", {"path_column": "file", "root": "/home/me/data"}),
        ([f"scans/{n}.png" for n in range(10)], "img", {"path_column": "file", "root": "scans"}),
    ],
)
def test_paths_and_from_where_they_count(cells: list[str], folder: str, arguments: dict[str, str]) -> None:
    found = find_listed_files(table(sex=["f", "m"] * 5, file=cells), FILES)
    assert found is not None and (found.folder, found.arguments) == (folder, arguments)


def test_paths_count_from_the_folder_of_the_table() -> None:
    found = find_listed_files(table("set/list.csv", path=["1.png", "2.png"]), ["set/1.png", "set/2.png"])
    assert found is not None and (found.folder, found.arguments) == ("set", {})


def test_ids_in_a_pattern() -> None:
    files = [f"scans/{n:03}_left.png" for n in range(8)] + [f"scans/{n:03}_right.png" for n in range(8)]
    found = find_listed_files(table(id=[f"{n:03}" for n in range(8)], age=["3", "4"] * 4), files)
    assert found is not None and found.arguments == {"path_template": "scans/{id}_left.png"}


@pytest.mark.parametrize(
    "cells",
    [["a.png", "b.png"], ["0.5", "1.5"], ["0", "1"] * 9, [f"img/{n}.png" for n in range(5)] + ["x", "y", "z"]],
)
def test_cells_that_name_none_of_the_files(cells: list[str]) -> None:
    assert find_listed_files(table(file=cells), FILES) is None
