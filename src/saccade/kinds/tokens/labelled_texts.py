"""Labelled texts: cut into tokens, compare all with all, split, write."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from saccade.core.options import Between, Example
from saccade.kinds import Job, Prepared
from saccade.kinds.origins import write_origins
from saccade.kinds.tokens.corpus.arrays import text_arrays
from saccade.kinds.tokens.corpus.checks import examine_texts, require_sound_texts
from saccade.kinds.tokens.corpus.token_store import tokenize_all
from saccade.kinds.tokens.page.checked import CheckedTexts
from saccade.kinds.tokens.page.labelled_texts import text_sections
from saccade.kinds.tokens.page.vocabulary import summary_line
from saccade.prepare.arrays import rows_of_splits, write_arrays
from saccade.prepare.groups import group_keys
from saccade.prepare.split_settings import assign, group_names
from saccade.readers.examples import TextExamples

SPLIT = ("allow_leakage", "group_by", "folds", "fold", "train_fraction")


def prepare(
    examples: TextExamples,
    job: Job,
    *,
    unit: Annotated[Literal["characters", "words"], Example("words")],
    max_length: Annotated[int, Between(1, 1_000_000), Example("1000")],
    max_vocabulary: Annotated[int, Between(3, 10_000_000)] = 20_000,
    lower_case: bool = False,
    on_unreadable: Literal["error", "quarantine"] = "error",
    on_conflict: Literal["error", "quarantine", "keep"] = "error",
    repeats: Literal["keep", "drop"] = "keep",
) -> Prepared:
    """Cut into tokens once, compare, split, write; stop before anything is written where the data are not sound.

    Args:
        examples: texts of a source.
        job: folders and splits.
        unit: what a token is
        max_length: tokens kept of a longer text, the first ones
        max_vocabulary: most ids: padding, unknown, and the most frequent training tokens
        lower_case: make capitals small
        on_unreadable: files that are no whole texts: stop, or leave them out and list them
        on_conflict: the same text under several classes: stop, leave all its copies out and list them, or keep them
            where one text may rightly be of several classes
        repeats: the same text again in its class: keep or leave out

    Returns:
        What was written, and the sections of its page.

    Raises:
        UserError: something is wrong with the texts that nobody has decided about, or a split is empty.
    """
    groups = group_names(job.split, examples.groups, examples.paths)
    with TemporaryDirectory(dir=job.folder) as scratch:
        store = tokenize_all(
            examples.texts,
            Path(scratch),
            unit=unit,
            lower_case=lower_case,
            most=max_length,
            total=len(examples.labels),
            progress=job.progress,
        )
        findings = examine_texts(
            examples,
            store.digests,
            published=job.split.published(examples.published_splits),
            groups=groups,
            on_conflict=on_conflict,
            repeats=repeats,
        )
        for note in require_sound_texts(
            examples,
            findings,
            on_unreadable=on_unreadable,
            on_conflict=on_conflict,
            allow_leakage=job.split.allow_leakage,
        ):
            job.warn(note)
        keys = group_keys(groups or examples.ids, findings.same)
        splits_N = assign(
            job.split,
            examples.labels,
            examples.classes,
            keys,
            published=examples.published_splits,
            left_out=findings.left_out,
            small_class_remedy=examples.small_class_option,
        )
        rows_of = rows_of_splits(splits_N)
        builder, tokens = text_arrays(examples, store, rows_of, max_length=max_length, max_vocabulary=max_vocabulary)
        job.say(summary_line(tokens, rows_of, max_length))
        info = write_arrays(job.folder, builder, rows_of, job.progress, groups=groups)
        write_origins(job.folder, rows_of, name=examples.name, groups=groups)
        sections = text_sections(info, job.folder, CheckedTexts(examples, findings, splits_N, tokens, max_length))
    return Prepared(info, sections, notes=[*examples.notes, *examples.warnings])
