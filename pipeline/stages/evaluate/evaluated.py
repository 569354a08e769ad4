"""evaluated.json: what was measured, on what, with what, so that it can be checked again and compared in pairs."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline import paths
from pipeline.console import say
from pipeline.runs.evaluations import FORMAT, path_of
from pipeline.runs.identity import code_items, listed_code
from pipeline.runs.versions import library_versions, processor_of
from pipeline.schema.evaluate import EvaluateBlock
from saccade.bundle.bundle import weights_sha256
from saccade.core.files import sha256_of_file, write_json
from saccade.data.prepared import DatasetInfo, Split
from saccade.evaluate.outcomes import FILE_NAME, read_outcomes, write_outcomes
from saccade.evaluate.paired_tests import PairedTest, block_length_for, compare_with_baselines
from saccade.predict.predictor import Predictor, TokenOutputs

_MAX_ANSWER_BYTES = 1 << 24  # hashed at a time


def answers_sha256(answers: np.ndarray | TokenOutputs | list[np.ndarray]) -> str:
    """SHA-256 of a network's answers: of their types, shapes and bytes.

    Args:
        answers: from ``Predictor.answer_split``.

    Returns:
        64 hexadecimal digits; equal only where every bit is.
    """
    if isinstance(answers, TokenOutputs):
        arrays = [answers.nats, answers.predicted]
    else:
        arrays = [answers] if isinstance(answers, np.ndarray) else answers
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str} {array.shape}\n".encode())
        flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        for start in range(0, len(flat), _MAX_ANSWER_BYTES):
            found.update(flat[start : start + _MAX_ANSWER_BYTES].tobytes())
    return found.hexdigest()


def complete_outcomes(
    folder: Path, main: str, baselines: Mapping[str, np.ndarray], test: Split, info: DatasetInfo
) -> tuple[dict[str, Any], PairedTest | None]:
    """Add what baselines got to outcomes.csv, and compare the run with the better of them in pairs.

    Args:
        folder: the folder of the evaluation, which the task has filled.
        main: the metric that tables show.
        baselines: metric name to its value on each test example, float64 (N,).
        test: the test split.
        info: of the prepared arrays.

    Returns:
        What evaluated.json says of the table, nothing where the task wrote none; and what came of the comparison, None
        where no baseline is known by example.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return {}, None
    outcomes, count = read_outcomes(path), len(test.rows)
    if baselines or test.groups is not None:
        order_N = np.argsort(test.rows, kind="stable")
        places = order_N[np.searchsorted(test.rows[order_N], outcomes.rows)]
        outcomes = outcomes.with_values({name: column_N[places] for name, column_N in baselines.items()})
        if test.groups is not None:
            outcomes = replace(outcomes, groups=test.groups[places])
        write_outcomes(path, outcomes)
    kept = len(outcomes.rows)
    if kept < count:
        say(f"{FILE_NAME} holds {kept:,} of {count:,} test examples, spread evenly: paired tests see these")
    block_length = block_length_for(info.spec.horizon, kept) if info.spec.horizon else None
    about = {"rows": kept, "of": count, "main": main, "block_length": block_length}
    return about, compare_with_baselines(outcomes, main, block_length=block_length)


def write_evaluated(
    run: str,
    *,
    info: DatasetInfo,
    predictor: Predictor,
    block: EvaluateBlock,
    answers: np.ndarray | TokenOutputs | list[np.ndarray],
    answer_elapsed_s: float,
    outcomes: Mapping[str, Any],
    beside_baseline: PairedTest | None,
) -> None:
    """Write evaluated.json beside metrics.json and evaluation/, which are whole already.

    Args:
        run: key in ``runs:``.
        info: of the prepared arrays.
        predictor: the network.
        block: ``evaluate:``.
        answers: what it answered on the test split.
        answer_elapsed_s: seconds that took.
        outcomes: what is known of outcomes.csv: rows written, rows there are, length of a block.
        beside_baseline: paired test of the run and the better baseline; None where there is none.
    """
    model, report = paths.model(run), paths.report(run)
    measured = [report / "metrics.json", *sorted(p for p in (report / "evaluation").rglob("*") if p.is_file())]
    device = predictor.device.type
    values = {
        "format": FORMAT,
        "run": run,
        "weights_sha256": weights_sha256(model),
        "bundle": {
            path.relative_to(model).as_posix(): sha256_of_file(path) for path in sorted(model.rglob("bundle.json"))
        },
        "data": {name: entry["sha256"] for name, entry in info.arrays.items() if name.startswith("test")},
        "examples": info.counts["test"],
        "answers_sha256": answers_sha256(answers),
        "answer_elapsed_s": round(answer_elapsed_s, 4),
        "files": {path.relative_to(report).as_posix(): sha256_of_file(path) for path in measured},
        "outcomes": dict(outcomes),
        "beside_baseline": None if beside_baseline is None else record_of(beside_baseline),
        "evaluate": block.model_dump(mode="json"),
        "code": listed_code("evaluate", code_items(predictor.config.model, predictor.config.task)),
        "versions": library_versions(),
        "device": device,
        "processor": processor_of(device),
        "threads": torch.get_num_threads(),
    }
    write_json(path_of(run), values)


def record_of(test: PairedTest) -> dict[str, Any]:
    """A paired test as plain values, with its verdict in words.

    Args:
        test: what came of the test.

    Returns:
        Values for JSON.
    """
    values: dict[str, Any] = json.loads(json.dumps({**asdict(test), "verdict": test.verdict}, allow_nan=False))
    return values
