"""Arrays of labelled series: .npz with X and y, or X.npy beside y.npy, also parted into X_train, X_test and so on.

Shapes: N series, T steps, F features, K classes.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from saccade.core.errors import UserError
from saccade.data.spec import SPLIT_NAMES, SPLITS
from saccade.kinds.series.reading.labelled_rows import LabelledRows, plain_label
from saccade.kinds.series.reading.row_table import VALUE
from saccade.readers.examples import FileSeries

_EXAMPLES = ("x", "data", "series", "examples", "features", "inputs", "values")
_LABELS = ("y", "label", "labels", "target", "targets", "class", "classes")


def read_arrays(arrays: Mapping[str, np.ndarray], name: str, steps_axis: int | None) -> list[LabelledRows]:
    """Put the arrays of a file, or of several, together.

    Args:
        arrays: arrays by their names, such as X and y, or X_train, y_train, X_test and y_test.
        name: the user's name of the file, for messages.
        steps_axis: axis of three that counts steps, 1 or 2; None: it is asked for where it can be both.

    Returns:
        The series of each split, or all; labels are empty where there is no such array.

    Raises:
        UserError: no array holds series, or shapes do not fit.
    """
    parts: dict[str, dict[str, np.ndarray]] = {}
    for key, values in arrays.items():
        split, role = _split_and_role(key)
        if role:
            parts.setdefault(split, {})[role] = values
    if not any("examples" in part for part in parts.values()):
        raise UserError(
            f"{name} must hold an array X of series and an array y of labels (also X_train, y_train, X_test and so "
            f"on), but holds {', '.join(map(repr, arrays)) or 'none'}. Save them under these names."
        )
    return [
        _rows(part, f"{name}, {split}" if split else name, split, steps_axis)
        for split, part in sorted(parts.items(), key=lambda item: ("", *SPLITS).index(item[0]))
        if "examples" in part
    ]


def open_arrays(path: Path, name: str) -> dict[str, np.ndarray]:
    """The arrays of a .npz or a .npy file, which are no pickled objects.

    Args:
        path: the file.
        name: the user's name of the file, for messages; its stem is the name of the array of a .npy file.

    Returns:
        Arrays by their names.

    Raises:
        UserError: it is no such file, or holds objects.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {Path(name).stem: loaded}
        with loaded:
            return {key: loaded[key] for key in loaded.files}
    except (ValueError, OSError, EOFError) as error:
        if "pickle" in str(error) or "Object" in str(error):
            raise UserError(
                f"{name} must hold plain arrays, but holds pickled objects, which are not opened. Series of unequal "
                "length are saved as one array with NaN behind their ends."
            ) from error
        raise UserError(f"{name} must be a .npy or .npz file, but is none: {error}") from error


def read_array_series(path: Path, name: str, value_columns: Sequence[str] = ()) -> FileSeries:
    """A .npy file that holds one series, (steps,) or (steps, features), whose features are called 0, 1, 2, ...

    Args:
        path: the file.
        name: the user's name of the file, for messages.
        value_columns: features to take, in this order; none: all.

    Returns:
        The series, without times.

    Raises:
        UserError: it is no such file, or has no such feature.
    """
    (values,) = open_arrays(path, name).values()
    if values.ndim not in (1, 2) or not np.issubdtype(values.dtype, np.number):
        raise UserError(
            f"{name} must hold numbers, (steps,) or (steps, features), but is {values.dtype} {values.shape}"
        )
    values_TF = values.reshape(len(values), -1).astype(np.float64)
    known = [str(feature) for feature in range(values_TF.shape[1])]
    if unknown := next((column for column in value_columns if column not in known), None):
        raise UserError(f"{name} must have a feature {unknown}, but has 0 to {len(known) - 1}")
    taken = [int(column) for column in value_columns or known]
    features = tuple(str(feature) for feature in taken)
    return FileSeries(name, features, values_TF[:, taken], range(1, len(values) + 1), unit="step")


def _split_and_role(key: str) -> tuple[str, str]:
    """Which split an array is of, and whether it holds examples or labels.

    >>> _split_and_role("X_train"), _split_and_role("y"), _split_and_role("mean"), _split_and_role("testLabels")
    (('train', 'examples'), ('', 'labels'), ('', ''), ('test', 'labels'))
    """
    words = [word.lower() for word in re.split(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])", key) if word]
    split = next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), "")
    left = [word for word in words if word not in SPLIT_NAMES]
    if any(word in _LABELS for word in left):
        return split, "labels"
    return split, "examples" if any(word in _EXAMPLES for word in left) or (split and not left) else ""


def _rows(part: Mapping[str, np.ndarray], name: str, split: str, steps_axis: int | None) -> LabelledRows:
    examples = part["examples"]
    if examples.ndim not in (2, 3) or not np.issubdtype(examples.dtype, np.number) or not examples.size:
        raise UserError(
            f"{name}: X must hold numbers, (series, steps) or (series, steps, features), but is "
            f"{examples.dtype} {examples.shape}"
        )
    values_NTF = _in_steps(examples, name, steps_axis)
    labels = _labels(part["labels"], len(values_NTF), name) if "labels" in part else [""] * len(values_NTF)
    lengths_N = _lengths(values_NTF)
    F = values_NTF.shape[2]
    notes = []
    if lengths_N.min() < values_NTF.shape[1]:
        short = int((lengths_N < values_NTF.shape[1]).sum())
        notes.append(f"{name}: {short:,} of {len(lengths_N):,} series end before the array does, where all is NaN")
    return LabelledRows(
        name,
        (VALUE,) if F == 1 else tuple(f"feature {feature}" for feature in range(F)),
        [values_TF[:length] for values_TF, length in zip(values_NTF, lengths_N.tolist(), strict=True)],
        labels,
        [f"{name}, series {i}" for i in range(len(values_NTF))],
        splits=[split] * len(values_NTF) if split else None,
        notes=tuple(notes),
    )


def _in_steps(examples: np.ndarray, name: str, steps_axis: int | None) -> np.ndarray:
    """Float32 (N, T, F) of arrays with two or three axes."""
    if examples.ndim == 2:
        return examples[:, :, None].astype(np.float32)
    if steps_axis is None:
        if 1 not in examples.shape[1:]:
            _, second, third = examples.shape
            raise UserError(
                f"{name}: X {examples.shape} must be readable in one way, but is {second:,} steps of {third:,} "
                f"features, or {third:,} steps of {second:,} features. Say which: steps_axis: 1, or steps_axis: 2"
            )
        steps_axis = 1 if examples.shape[2] == 1 else 2
    return (examples if steps_axis == 1 else examples.transpose(0, 2, 1)).astype(np.float32)  # from N F T


def _lengths(values_NTF: np.ndarray) -> np.ndarray:
    """Steps of each series up to its last number, int64 (N,)."""
    is_there_NT = ~np.isnan(values_NTF).all(axis=2)
    lengths_N: np.ndarray = values_NTF.shape[1] - is_there_NT[:, ::-1].argmax(axis=1)
    return lengths_N


def _labels(labels: np.ndarray, count: int, name: str) -> list[str]:
    if len(labels) != count:
        raise UserError(f"{name}: y must hold a label for each of the {count:,} series, but holds {len(labels):,}")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and ((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all():
        labels = labels.argmax(axis=1)
    if labels.ndim != 1:
        raise UserError(f"{name}: y must hold one label a series, or one 1 a row among zeros, but is {labels.shape}")
    return [plain_label(str(label.decode() if isinstance(label, bytes) else label)) for label in labels.tolist()]
