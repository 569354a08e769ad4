"""A long text whose next token is predicted at each step: cut into three parts in its own order, these into windows."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from saccade.core.options import Between, Example
from saccade.data.spec import SPLITS
from saccade.kinds import Job, Prepared
from saccade.kinds.tokens.corpus.arrays import cut_stream, stream_arrays
from saccade.kinds.tokens.corpus.token_store import tokenize_all
from saccade.kinds.tokens.page.checked import CheckedStream
from saccade.kinds.tokens.page.long_text import stream_sections
from saccade.kinds.tokens.page.vocabulary import summary_line
from saccade.prepare.arrays import write_arrays
from saccade.readers.examples import TextStream

SPLIT = ("overfit",)


def prepare(
    examples: TextStream,
    job: Job,
    *,
    unit: Annotated[Literal["characters", "words"], Example("characters")],
    length: Annotated[int, Between(1, 1_000_000), Example("128")],
    stride: Annotated[int, Between(1, 1_000_000)] | None = None,
    max_vocabulary: Annotated[int, Between(3, 10_000_000)] = 20_000,
    lower_case: bool = False,
) -> Prepared:
    """Cut a long text into parts and windows, and write them.

    Args:
        examples: the text of a source.
        job: folders and splits.
        unit: what a token is
        length: tokens of a window
        stride: tokens from one training window to the next, at most length, the default
        max_vocabulary: most ids: padding, unknown, and the most frequent training tokens
        lower_case: make capitals small

    Returns:
        What was written, and the sections of its page.

    Raises:
        UserError: a part of the text is too short.
    """
    assert job.split.test != "given"
    with TemporaryDirectory(dir=job.folder) as scratch:
        store = tokenize_all(
            examples.pieces,
            Path(scratch),
            unit=unit,
            lower_case=lower_case,
            total=len(examples.pieces),
            progress=job.progress,
        )
        num_tokens = len(store.numbers)
        parts = cut_stream(num_tokens, test=job.split.test, validation=job.split.validation)
        if job.split.overfit:
            parts = dict.fromkeys(SPLITS, (0, num_tokens))
            job.warn("the whole text is training, validation and test: what is measured was learnt by heart")
        step = stride or length
        builder, rows_of, tokens = stream_arrays(
            store, parts, length=length, stride=step, max_vocabulary=max_vocabulary
        )
        job.say(summary_line(tokens, rows_of, length))
        info = write_arrays(job.folder, builder, rows_of, job.progress)
        checked = CheckedStream(examples, tokens, parts, step, job.split.overfit)
        sections = stream_sections(info, job.folder, checked)
    spec = info.spec
    return Prepared(
        info,
        sections,
        lead=(f"What the text looks like after preprocess: windows of {unit}, each asked for what comes next.",),
        things="windows",
        asks=f"to predict: the next of {len(spec.vocabulary):,} at each step",
        notes=examples.notes,
    )
