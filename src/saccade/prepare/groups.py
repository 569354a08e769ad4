"""Which examples must stay in one split, because they are copies of each other or belong to one group."""

from collections.abc import Iterable, Sequence

import numpy as np


def group_keys(names: Sequence[str], together: Iterable[Sequence[int]] = ()) -> list[str]:
    """Name the unit of each example: examples of one unit stay in one split.

    Examples of equal names are of one unit, and so are those that are listed together; that is carried on, from a copy
    to a copy of the copy.

    Args:
        names: one of each of the N examples: its id, or the group it belongs to.
        together: rows of examples that belong together, group by group.

    Returns:
        N keys, equal within a unit: the smallest of its names, so that a unit without company keeps its own name.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # UTF-8 is in the order of the code points, too, and takes a quarter of the memory where names are digests
    _, named_N = np.unique(np.array([name.encode("utf-8", "surrogatepass") for name in names]), return_inverse=True)
    count = len(names)
    first_of_name = np.full(named_N.max(initial=-1) + 1, -1)
    first_of_name[named_N[::-1]] = np.arange(count)[::-1]
    links = [(np.arange(count), first_of_name[named_N])]
    links += [(np.asarray(rows[:-1]), np.asarray(rows[1:])) for rows in together if len(rows) > 1]
    starts, ends = (np.concatenate(side) for side in zip(*links, strict=True))
    graph = coo_array((np.ones(len(starts), dtype=bool), (starts, ends)), shape=(count, count))
    _, unit_N = connected_components(graph, directed=False)
    # Ascending names, so the first row of each unit has its smallest
    order = np.argsort(named_N, kind="stable")
    _, first = np.unique(unit_N[order], return_index=True)
    return [names[row] for row in order[first][unit_N]]


def equal_rows(values_N: np.ndarray, among: np.ndarray) -> list[list[int]]:
    """Rows whose values are equal: groups of two or more, ascending, in the order of their first members.

    Args:
        values_N: of any dtype that can be sorted.
        among: bool (N,), which rows to compare.

    Returns:
        Row numbers, group by group.
    """
    rows = np.flatnonzero(among)
    _, inverse, counts = np.unique(values_N[rows], return_inverse=True, return_counts=True)
    repeated = counts[inverse] > 1
    members: dict[int, list[int]] = {}
    for row, value in zip(rows[repeated].tolist(), inverse[repeated].tolist(), strict=True):
        members.setdefault(value, []).append(row)
    return list(members.values())


def leaking_rows(
    same: Sequence[list[int]], published: Sequence[str] | None, groups: Sequence[str] | None, left_out_N: np.ndarray
) -> list[list[int]]:
    """Rows that belong together, in several published splits: group by group.

    Args:
        same: rows of equal examples, group by group.
        published: the split of each example; None where nothing published is kept.
        groups: the value of ``split.group_by`` of each; None where there is none.
        left_out_N: bool (N,), examples that are in no split.

    Returns:
        Row numbers, group by group.
    """
    if published is None:
        return []
    together = [rows for rows in same if not left_out_N[rows[0]]]
    if groups is not None:
        together += equal_rows(np.asarray(groups), ~left_out_N)
    return [rows for rows in together if len({published[row] for row in rows}) > 1]
