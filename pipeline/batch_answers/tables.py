"""Tables of answers on the disk, by the suffix of their file: parts of them, and all parts joined into one.

Parquet holds probabilities and numbers as they were computed, float32; CSV and JSON lines hold six digits of them, as
``saccade predict --json`` prints them.
"""

import csv
import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.batch_answers.columns import Column, Type, Values, joined
from saccade.core.errors import UserError
from saccade.core.files import replacing_file
from saccade.predict.answers import DIGITS

if TYPE_CHECKING:
    from types import ModuleType

SUFFIXES = (".parquet", ".csv", ".jsonl")


def check_format(table: Path) -> None:
    """Refuse a file that cannot be written.

    Args:
        table: the file that is asked for.

    Raises:
        UserError: its suffix is none of ``SUFFIXES``, it is a folder, or pyarrow is missing.
    """
    if table.suffix.lower() not in SUFFIXES:
        raise UserError(f"--out ({table}) must end with {', '.join(SUFFIXES)}")
    if table.is_dir():
        raise UserError(f"--out ({table}) must be a file, but is a folder")
    if table.suffix.lower() == ".parquet":
        _pyarrow(table)


def write_part(path: Path, columns: Sequence[Column], values: Values) -> None:
    """Write some rows, whole or not at all.

    Args:
        path: a file with the suffix of the table; a CSV gets no header.
        columns: columns of the table.
        values: values of each column.
    """
    with replacing_file(path) as partial:
        if path.suffix == ".parquet":
            _pyarrow(path).write_table(_arrow_table(columns, values), partial)
            return
        with partial.open("w", newline="", encoding="utf-8") as file:
            if path.suffix == ".csv":
                cells = [_as_cells(column.type, values[column.name]) for column in columns]
                csv.writer(file, lineterminator="\n").writerows(zip(*cells, strict=True))
                return
            names = [column.name for column in columns]
            lists = [_as_json(column.type, values[column.name]) for column in columns]
            for row in zip(*lists, strict=True):
                present = {name: value for name, value in zip(names, row, strict=True) if value is not None}
                file.write(json.dumps(present, ensure_ascii=False) + "\n")


def join_parts(parts: Sequence[Path], columns: Sequence[Column], table: Path) -> None:
    """Write all parts into one table, which is moved into place when it is whole; a part at a time is in memory.

    Args:
        parts: files of ``write_part`` in order, at least one.
        columns: columns of the table.
        table: the file.
    """
    with replacing_file(table) as partial:
        if table.suffix.lower() == ".parquet":
            parquet = _pyarrow(table)
            with parquet.ParquetWriter(partial, _schema(columns)) as writer:
                for part in parts:
                    writer.write_table(parquet.read_table(part, memory_map=False))
            return
        with partial.open("wb") as file:
            if table.suffix.lower() == ".csv":
                file.write(_header(columns))
            for part in parts:
                with part.open("rb") as rows:
                    shutil.copyfileobj(rows, file)


def _header(columns: Sequence[Column]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([column.name for column in columns])
    return text.getvalue().encode()


def _as_cells(kind: Type, values: Sequence[Any]) -> Sequence[Any]:
    """Values as CSV has them: nothing where there is none, several labels in one cell."""
    if kind == "probability":
        return ["" if value is None else f"{value:.{DIGITS}f}" for value in values]
    if kind == "number":
        return ["" if value is None else f"{value:.{DIGITS}g}" for value in values]
    if kind == "yes or no":
        return ["" if value is None else str(value).lower() for value in values]
    if kind == "texts":
        return ["" if value is None else joined(value) for value in values]
    return values  # of None, csv writes nothing


def _as_json(kind: Type, values: Sequence[Any]) -> Sequence[Any]:
    if kind == "probability":
        return [value if value is None else round(value, DIGITS) for value in values]
    if kind == "number":
        return [value if value is None else float(f"{value:.{DIGITS}g}") for value in values]
    return values


def _pyarrow(table: Path) -> "ModuleType":
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise UserError(
            f"{table} is a Parquet file, which pyarrow writes: pip install 'saccade[parquet]', or give a name that "
            "ends with .csv"
        ) from error
    module: ModuleType = pyarrow.parquet
    return module


def _schema(columns: Sequence[Column]) -> Any:
    import pyarrow

    types = {
        "text": pyarrow.string(),
        "whole number": pyarrow.int64(),
        "probability": pyarrow.float32(),
        "number": pyarrow.float32(),
        "yes or no": pyarrow.bool_(),
        "texts": pyarrow.list_(pyarrow.string()),
    }
    return pyarrow.schema([(column.name, types[column.type]) for column in columns])


def _arrow_table(columns: Sequence[Column], values: Values) -> Any:
    import pyarrow

    schema = _schema(columns)
    arrays = [pyarrow.array(values[field.name], type=field.type) for field in schema]
    return pyarrow.Table.from_arrays(arrays, schema=schema)
