"""Texts: cut into tokens, compare all with all, split, write; or cut a long one into parts and windows."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pipeline.console import Progress, pluralise, say, warn
from pipeline.schema.preprocess import PreprocessBlock
from pipeline.schema.split import SplitBlock
from pipeline.stages.preprocess.splits import assign, groups_of
from saccade.data.prepared import Description
from saccade.data.spec import SPLITS
from saccade.display.page import percent
from saccade.kinds.tokens.arrays import TokenCounts, cut_stream, stream_form, text_form
from saccade.kinds.tokens.checks import examine_texts, refuse_text_trouble
from saccade.kinds.tokens.page.checked import CheckedStream, CheckedTexts
from saccade.kinds.tokens.token_store import spool_tokens
from saccade.prepare.groups import unit_keys
from saccade.prepare.write import write_form
from saccade.readers.examples import TextExamples, TextStream
from saccade.report.dataset_page import write_dataset_report


def prepare_texts(
    dataset: str,
    examples: TextExamples,
    split: SplitBlock,
    block: PreprocessBlock,
    seed: int,
    folder: Path,
    report: Path,
    progress: Progress,
) -> Description:
    """Cut into tokens once, compare, split, write; stop before anything is written where the data are not sound."""
    assert block.unit is not None and block.max_length is not None
    groups = groups_of(examples, split)
    with TemporaryDirectory(dir=folder) as scratch:
        spool = spool_tokens(
            examples.texts,
            Path(scratch),
            unit=block.unit,
            lower_case=block.lower_case,
            most=block.max_length,
            total=len(examples.labels),
            progress=progress,
        )
        findings = examine_texts(
            examples,
            spool.digests,
            published=examples.published_splits if split.test == "given" else None,
            groups=groups,
            on_conflict=block.on_conflict,
            repeats=block.repeats,
        )
        for note in refuse_text_trouble(
            examples,
            findings,
            on_unreadable=block.on_unreadable,
            on_conflict=block.on_conflict,
            allow_leakage=split.allow_leakage,
        ):
            warn(f"{dataset}: {note}")
        keys = unit_keys(groups or examples.ids, findings.same)
        splits_N = assign(examples, examples.labels, examples.classes, keys, split, seed, left_out=findings.left_out)
        rows_of = {name: np.flatnonzero(splits_N == name) for name in SPLITS}
        form, tokens = text_form(
            examples, spool, rows_of, max_length=block.max_length, max_vocabulary=block.max_vocabulary
        )
        _tell_tokens(dataset, tokens, rows_of, block.max_length)
        description = write_form(folder, form, rows_of, progress)
        checked = CheckedTexts(examples, findings, splits_N, tokens, block.max_length)
        write_dataset_report(report, dataset, folder, description, checked)
    return description


def prepare_stream(
    dataset: str,
    stream: TextStream,
    split: SplitBlock,
    block: PreprocessBlock,
    folder: Path,
    report: Path,
    progress: Progress,
) -> Description:
    """Cut a long text into three parts in its own order, and these into windows."""
    assert block.unit is not None and block.length is not None and split.test != "given"
    with TemporaryDirectory(dir=folder) as scratch:
        spool = spool_tokens(
            stream.pieces,
            Path(scratch),
            unit=block.unit,
            lower_case=block.lower_case,
            total=len(stream.pieces),
            progress=progress,
        )
        num_tokens = len(spool.numbers)
        parts = cut_stream(num_tokens, test=split.test, validation=split.validation)
        if split.by_heart:
            parts = dict.fromkeys(SPLITS, (0, num_tokens))
            warn(f"{dataset}: the whole text is training, validation and test: what is measured was learnt by heart")
        stride = block.stride or block.length
        form, rows_of, tokens = stream_form(
            spool, parts, length=block.length, stride=stride, max_vocabulary=block.max_vocabulary
        )
        _tell_tokens(dataset, tokens, rows_of, block.length)
        description = write_form(folder, form, rows_of, progress)
        checked = CheckedStream(stream, tokens, parts, stride, split.by_heart)
        write_dataset_report(report, dataset, folder, description, checked)
    return description


def _tell_tokens(dataset: str, tokens: TokenCounts, rows_of: Mapping[str, np.ndarray], max_length: int) -> None:
    """How large the vocabulary is, what it lacks, and what was cut off."""
    shares = ", ".join(f"{percent(tokens.unknown(s) / max(tokens.total(s), 1))} of {s}" for s in SPLITS)
    cut, total = sum(tokens.cut.values()), sum(map(len, rows_of.values()))
    after = f"; {pluralise(cut, 'text')} of {total:,} cut after {max_length:,}" if cut else ""
    say(f"{dataset}: {len(tokens.vocabulary):,} ids of {tokens.spool.unit}; unknown: {shares}{after}")
