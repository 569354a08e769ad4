"""``saccade evaluate RUN --on DATASET``: a trained run on another labelled dataset. Into reports/<run>/on/<dataset>.

The run's own reports and its MLflow run stay as they are.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline import paths
from pipeline.console import say, warn
from pipeline.runs.reported import reported_decoder, reported_threshold
from pipeline.runs.tables import read_history
from pipeline.schema.evaluate import EvaluateBlock
from pipeline.stages.evaluate.measure import measure
from pipeline.stages.evaluate.stage import load_trained
from saccade import kinds
from saccade.core.errors import UserError
from saccade.core.files import replacing_folder, write_json
from saccade.core.messages import pluralise
from saccade.data.prepared import open_split, read_dataset_info
from saccade.data.spec import SPLITS
from saccade.evaluate.about_data.match_labels import join_counts, join_names, match_examples
from saccade.evaluate.confidence.reject import Rejection
from saccade.transcripts.decoder import ChosenDecoder


def evaluate_on(run: str, *, dataset: str, part: str, block: EvaluateBlock) -> None:
    """Measure a trained run on a prepared dataset of the same kind and size; classes are matched by name.

    Examples of classes that the run does not know are left out, counted and named; classes of the run that no example
    has are named.

    Args:
        run: key in ``runs:``.
        dataset: key in ``datasets:``.
        part: train, validation, test or all.
        block: ``evaluate:`` of the run.

    Raises:
        UserError: the run is not trained, the dataset not prepared, or no example fits the run.
    """
    predictor, trained = load_trained(run, block.device)
    prepared, target = paths.prepared(dataset), paths.report_on(run, dataset)
    description = read_dataset_info(prepared)
    splits = SPLITS if part == "all" else (part,)
    with replacing_folder(target) as folder:
        with TemporaryDirectory(dir=folder) as scratch:
            opened = [open_split(prepared, split) for split in splits]
            try:
                matched = match_examples(opened, description.spec, predictor.spec, scratch=Path(scratch))
            except UserError as error:
                raise UserError(f"{run} cannot be measured on {dataset} ({part}): {error}") from error
            (folder / "evaluation").mkdir()
            metrics = measure(
                folder / "evaluation",
                read_history(paths.report(run) / "history.csv"),
                predictor,
                matched.split,
                block,
                run=run,
                trained_on=trained["dataset"],
                measured_on=dataset,
                shown_beside=kinds.beside_answers(description),
                rejection=_own_rejection(run, block),
                decoder=_own_decoder(run),
            )
        examples = len(matched.split.rows)
        scored = {
            "run": run,
            "weights_sha256": trained["weights_sha256"],
            "dataset": dataset,
            "split": part,
            "data": description.digests(*splits),
            "examples": examples,
            "left_out": matched.left_out,
            "classes_without_examples": list(matched.absent),
        }
        if matched.unreadable:
            scored["characters_outside_the_alphabet"] = dict(matched.unreadable)
        write_json(folder / "scored.json", scored)
        write_json(folder / "metrics.json", metrics)
    if warning := scale_warning(run, predictor.spec.value_range, dataset, description.spec.value_range):
        warn(warning)
    if matched.left_out:
        total = sum(matched.left_out.values())
        say(
            f"left out {pluralise(total, 'example')} of classes that {run} does not know: "
            f"{join_counts(matched.left_out)}"
        )
    if matched.absent:
        say(f"classes of {run} that no example has: {join_names(matched.absent)}")
    if matched.unreadable:
        total = sum(matched.unreadable.values())
        warn(
            f"{pluralise(total, 'character')} of {dataset} that {run} cannot read count as errors: "
            f"{join_counts({repr(character): count for character, count in matched.unreadable.items()})}"
        )
    main = next(iter(metrics))
    say(
        f"evaluated {run} on {dataset}: {part} {main} {metrics[main]:.4f} over "
        f"{pluralise(examples, 'example')}; see {target}"
    )


def _own_rejection(run: str, block: EvaluateBlock) -> Rejection | None:
    """The threshold that was chosen on the run's own validation split; None where it has none."""
    if block.reject is None:
        return None
    threshold, warning = reported_threshold(run)
    if warning:
        warn(warning)
    if threshold is None:
        return None
    return Rejection(threshold, block.reject.max_error, block.reject.confidence)


def _own_decoder(run: str) -> ChosenDecoder | None:
    """What was chosen on the run's own validation split; None where it reads greedily."""
    decoder, warning = reported_decoder(run)
    if warning:
        warn(warning)
    return None if decoder is None else ChosenDecoder(decoder)


def scale_warning(run: str, own: Sequence[float], dataset: str, other: Sequence[float]) -> str:
    """What to say where values of more than 8 bits became grey levels in two ways.

    Args:
        run: name of the run.
        own: values that became black and white in its training data; empty: 8 bits, or the type's range.
        dataset: name of the other dataset.
        other: likewise of that.

    Returns:
        A line; empty where both are alike.
    """
    if tuple(own) == tuple(other):
        return ""
    learnt, found = (f"[{r[0]:g}, {r[1]:g}]" if r else "type" for r in (own, other))
    return (
        f"{run} learnt from values of more than 8 bits by value_range {learnt}, and {dataset} was prepared by {found}: "
        f"preprocess.value_range: {learnt} of {dataset} compares like with like"
    )
