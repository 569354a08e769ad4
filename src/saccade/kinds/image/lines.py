"""Lines of print with their transcripts: decode once, bring to one height, look for what cannot be read, split, write.

Shapes: N lines, H height, W greatest width, C channels, L characters of the longest transcript.
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import numpy as np

from saccade.core.errors import UserError
from saccade.core.messages import pluralise, printable
from saccade.core.names import composed
from saccade.core.options import Between
from saccade.data.alphabet import encode, normalise, vocabulary_of
from saccade.data.spec import PAD, RESERVED, UNKNOWN, Spec
from saccade.kinds import Job, Prepared
from saccade.kinds.image.arrays import PixelMoments, say_scale, sides_of, with_scale
from saccade.kinds.image.checks.decode_pass import inspect_images
from saccade.kinds.image.checks.findings import examine, require_sound_images
from saccade.kinds.image.checks.line_fitness import empty_lines, line_fitness, odd_lines, unfit_lines
from saccade.kinds.image.page.checked import Checked
from saccade.kinds.image.page.lines import line_sections
from saccade.kinds.image.pixels.line import prepare_line
from saccade.kinds.origins import write_origins
from saccade.prepare.arrays import ArrayBuilder, rows_of_splits, write_arrays
from saccade.prepare.groups import group_keys
from saccade.prepare.problems import raise_undecided
from saccade.prepare.split_settings import assign, group_names
from saccade.readers.examples import ImageExamples

SPLIT = ("allow_leakage", "group_by", "folds", "fold", "train_fraction")

_MAX_NAMED = 10  # characters that the alphabet lacks


def prepare(
    examples: ImageExamples,
    job: Job,
    *,
    height: Annotated[int, Between(8, 256)] = 32,
    max_width: Annotated[int, Between(16, 8192)] = 640,
    channels: Literal[1, 3] = 1,
    alphabet: str | None = None,
    columns_a_character: Annotated[int, Between(1, 64)] = 4,
    on_unreadable: Literal["error", "quarantine"] = "error",
    on_conflict: Literal["error", "quarantine"] = "error",
    on_empty: Literal["error", "quarantine"] = "error",
    on_unfit: Literal["error", "quarantine"] = "error",
    on_unknown: Literal["keep", "error"] = "keep",
) -> Prepared:
    """Decode once, compare all with all, split, write; stop before anything is written where the data are not sound.

    Args:
        examples: lines of a source, with their transcripts.
        job: folders and splits.
        height: height in pixels that all lines are brought to, their proportions kept
        max_width: greatest width in pixels; wider lines are squeezed to it, and counted
        channels: 1: grey, 3: RGB
        alphabet: characters that can be read; null: those of the training transcripts
        columns_a_character: columns of pixels that a character needs at least; crnn makes a step of four
        on_unreadable: files that are no whole images: stop, or leave them out and list them
        on_conflict: the same picture with several transcripts: stop, or leave all its copies out and list them
        on_empty: transcripts without a character: stop, or leave these lines out
        on_unfit: lines that are too narrow for their transcripts, as pages and vertical texts are: stop, or leave out
        on_unknown: characters of validation and test that the alphabet lacks: keep (each is an error), or stop

    Returns:
        What was written, and the sections of its page.

    Raises:
        UserError: something is wrong with the lines that nobody has decided about, or a split is empty.
    """
    texts = [normalise(text) for text in examples.texts]
    id_of: dict[str, int] = {}
    text_ids_N = np.array([id_of.setdefault(text, len(id_of)) for text in texts], dtype=np.int64)
    examples = replace(examples, texts=texts, labels=text_ids_N)  # equal pictures must have equal transcripts
    groups = group_names(job.split, examples.groups, examples.paths or examples.names)
    shape = (height, max_width, channels)
    with TemporaryDirectory(dir=job.folder) as scratch:
        inspected = inspect_images(
            examples,
            Path(scratch),
            size=(height, max_width),
            channels=channels,
            bring=lambda image: prepare_line(image, shape),
            progress=job.progress,
        )
        notes = [*examples.notes, *examples.warnings, *say_scale(inspected, job)]
        examples = with_scale(examples, inspected)
        findings = examine(
            examples,
            inspected,
            published=job.split.published(examples.published_splits),
            groups=groups,
            with_near=False,
            progress=job.progress,
        )
        sound = require_sound_images(
            examples,
            findings,
            on_unreadable=on_unreadable,
            on_conflict=on_conflict,
            allow_leakage=job.split.allow_leakage,
        )
        fitness = line_fitness(texts, inspected, columns_a_character, height=height, max_width=max_width)
        sound += raise_undecided(
            [
                empty_lines(examples, fitness, is_decided=on_empty == "quarantine"),
                unfit_lines(examples, inspected, fitness, columns_a_character, is_decided=on_unfit == "quarantine"),
            ]
        )
        if odd := odd_lines(examples, inspected, fitness):
            sound.append(odd)
        for note in sound:
            job.warn(note)
        findings.left_out[fitness.is_empty | fitness.is_unfit] = True
        if squeezed := int(fitness.is_squeezed.sum()):
            widest = int(np.where(fitness.is_squeezed, fitness.columns, 0).argmax())
            job.say(
                f"{pluralise(squeezed, 'line')} of {len(texts):,} are wider than preprocess.max_width ({max_width}) "
                f"and were squeezed to it, most of all {printable(examples.name(widest))} "
                f"({fitness.columns[widest]:,} columns)"
            )
        splits_N = assign(
            job.split,
            np.zeros(len(texts), dtype=np.int64),
            ("all",),
            group_keys(groups or examples.ids, findings.equal),
            published=examples.published_splits,
            left_out=findings.left_out,
            small_class_remedy=examples.small_class_option,
        )
        training = [texts[row] for row in np.flatnonzero(splits_N == "train")]
        vocabulary = vocabulary_of("".join(training) if alphabet is None else normalise_alphabet(alphabet))
        encoded = [encode(text, vocabulary) for text in texts]
        _check_alphabet(encoded, texts, splits_N, vocabulary, job, is_given=alphabet is not None, on_unknown=on_unknown)
        labels_NL = _filled_up(encoded, findings.left_out)
        spec = Spec(
            "image",
            shape,
            vocabulary=vocabulary,
            unit="characters",
            output="transcript",
            is_padded=True,
            value_range=inspected.scale.limits or (),
            ignores_file_range=inspected.scale.goes_first,
        )
        builder = ArrayBuilder(
            spec,
            np.uint8,
            inspected.images.__getitem__,
            labels_NL.__getitem__,
            PixelMoments(channels, passed_over=PAD),
        )
        rows_of = rows_of_splits(splits_N)
        info = write_arrays(job.folder, builder, rows_of, job.progress, groups=groups)
        name = examples.name if examples.names else None
        write_origins(job.folder, rows_of, name=name, groups=groups, measures=sides_of(inspected))
        checked = Checked(examples, inspected, findings, splits_N)
        sections = line_sections(info, job.folder, checked, fitness, job.views_address)
    count, characters = len(training), len(vocabulary) - len(RESERVED)
    lead = (f"{count:,} lines of print for training, with what stands in them: {characters} characters.",)
    return Prepared(info, sections, lead=lead, things="lines", asks="what stands in them", notes=notes)


def normalise_alphabet(alphabet: str) -> str:
    """The characters of ``preprocess.alphabet``, a space among them where there is one.

    >>> normalise_alphabet("cafe\\u0301 ")
    ' acefé'
    """
    return "".join(sorted({normalise(character) or " " for character in composed(alphabet)}))


def _check_alphabet(
    encoded: list[list[int]],
    texts: list[str],
    splits_N: np.ndarray,
    vocabulary: tuple[str, ...],
    job: Job,
    *,
    is_given: bool,
    on_unknown: Literal["keep", "error"],
) -> None:
    """Say what of the transcripts no network can read."""
    if len(vocabulary) == len(RESERVED):
        raise UserError("preprocess.alphabet ('') must hold at least one character, or be null")
    unknown: dict[str, int] = {}
    lines = 0
    for row in np.flatnonzero(splits_N != "").tolist():
        if UNKNOWN not in encoded[row]:
            continue
        if is_given and splits_N[row] == "train":
            missing = sorted({c for c, one in zip(texts[row], encoded[row], strict=True) if one == UNKNOWN})
            raise UserError(
                f"preprocess.alphabet must hold all characters of the training transcripts, but lacks "
                f"{', '.join(map(repr, missing[:_MAX_NAMED]))} (line {row + 1}: {texts[row]!r}). Add them, or set it "
                "to null"
            )
        lines += 1
        for character, one in zip(texts[row], encoded[row], strict=True):
            if one == UNKNOWN:
                unknown[character] = unknown.get(character, 0) + 1
    if not unknown:
        return
    most = sorted(unknown, key=lambda character: -unknown[character])
    named = ", ".join(f"{character!r} ({unknown[character]:,})" for character in most[:_MAX_NAMED])
    more = f" and {len(most) - _MAX_NAMED:,} more" if len(most) > _MAX_NAMED else ""
    lacking = "preprocess.alphabet" if is_given else "training"
    said = f"{pluralise(lines, 'line')} of validation and test hold characters that {lacking} does not: {named}{more}"
    if on_unknown == "error":
        raise UserError(f"{said}. Correct them, or let each count as an error: preprocess.on_unknown: keep")
    job.warn(f"{said}; each counts as an error")


def _filled_up(encoded: list[list[int]], left_out_N: np.ndarray) -> np.ndarray:
    """int64 (N, L), filled up with 0 behind the transcripts."""
    longest = max((len(ids) for ids, is_out in zip(encoded, left_out_N, strict=True) if not is_out), default=1)
    labels_NL = np.full((len(encoded), longest), PAD, np.int64)
    for row, ids in enumerate(encoded):
        if not left_out_N[row]:
            labels_NL[row, : len(ids)] = ids
    return labels_NL
