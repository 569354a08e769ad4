"""``saccade evaluate RUN``: the only stage in which a network sees the test split. Into reports/<run>."""

import json
import shutil
import time
from typing import Any

from pipeline import paths
from pipeline.console import say
from pipeline.runs.journal import Journal
from pipeline.runs.run_store import journal_folder, restore_journal, wait_for_lock
from pipeline.runs.tables import read_gradients, read_history
from pipeline.schema.evaluate import EvaluateBlock
from pipeline.stages.evaluate.baselines import baseline_values, metrics_of, outcomes_of
from pipeline.stages.evaluate.evaluated import complete_outcomes, write_evaluated
from pipeline.stages.evaluate.in_words import (
    calibration_lines,
    interval_text,
    missing_values_in_words,
    numbers_of,
    verdict_on_baseline,
)
from pipeline.stages.evaluate.measure import (
    Answered,
    answer,
    answers_with_one_class,
    choose_rejection,
    find_decoder,
    measure,
)
from pipeline.stages.evaluate.members import evaluate_members, for_tracking, summary, told
from pipeline.stages.evaluate.run_page import write_page
from pipeline.tracking.mlflow_store import tracking_uri
from pipeline.tracking.status import stage_lock
from pipeline.tracking.uploader import MlflowUploader
from saccade import kinds
from saccade.bundle.bundle import weights_sha256
from saccade.core.errors import UserError
from saccade.core.files import replacing_file, replacing_folder, write_json
from saccade.data.prepared import Split, open_split, read_dataset_info
from saccade.data.spec import SPLITS
from saccade.display.layer_statistics import draw_layer_statistics
from saccade.evaluate.about_data.slices import read_slices, worse_in_words
from saccade.explain.architecture.speed import measure_speed, write_speed
from saccade.explain.evaluation.section import write_seen
from saccade.kinds.origins import read_origins
from saccade.predict import predictor as prediction
from saccade.predict.predictor import Predictor
from saccade.transcripts.decoder import FILE_NAME as DECODER_FILE
from saccade.transcripts.decoder import write_decoder


def evaluate(run: str, *, dataset: str, block: EvaluateBlock) -> None:
    """Measure a trained run on the test split of its dataset, beside the baseline.

    Args:
        run: key in ``runs:``.
        dataset: key in ``datasets:``.
        block: ``evaluate:``.
    """
    report, prepared = paths.report(run), paths.prepared(dataset)
    predictor, trained = load_trained(run, block.device)
    description = read_dataset_info(prepared)
    digests = description.digests("train", "validation")
    if description.spec != predictor.spec or any(trained["data"][name] != digests[name] for name in digests):
        raise UserError(
            f"{run} was trained on other data than {prepared} holds now. Train it again: `saccade train {run}`."
        )

    store = journal_folder(trained)
    with (
        wait_for_lock(stage_lock(store), f"{run}: another process is at work on it; waiting"),
        MlflowUploader(tracking_uri(paths.home()), store) as uploader,
    ):
        journal = Journal(store)
        restore_journal(journal, trained, paths.model(run), report / "history.csv")
        splits, history = [open_split(prepared, split) for split in SPLITS], read_history(report / "history.csv")
        _, validation, test = splits
        members = {}
        if "members" in trained:
            members = summary(evaluate_members(run, trained, history, test, block, dataset))
        with replacing_folder(report / "evaluation") as folder:
            shown, rejection = kinds.beside_answers(description, splits) | {"validation": validation}, None
            answered, answer_elapsed_s = _answer(predictor, test, block.batch_size)
            decoder = find_decoder(predictor, splits[0], splits[1], block.decoder, block.batch_size, run=run)
            if decoder is not None:
                write_decoder(folder / DECODER_FILE, decoder, trained["weights_sha256"])
            if block.reject is not None and answers_with_one_class(predictor):
                rejection = choose_rejection(predictor, validation, block.reject, block.batch_size, run=run)
            metrics = measure(
                folder,
                history,
                predictor,
                test,
                block,
                run=run,
                trained_on=dataset,
                shown_beside=shown,
                answered=answered,
                rejection=rejection,
                decoder=decoder,
            )
            if layers := read_gradients(report / "gradients.csv"):
                draw_layer_statistics(layers, folder / "gradients.png")
            speeds = measure_speed(predictor, test)
            write_speed(folder / "speed.csv", speeds)
            origins = read_origins(prepared, test.rows)
            unseen = write_seen(
                folder,
                predictor,
                answered.answers,
                test,
                origins.name,
                multiply_adds=speeds[0].multiply_adds,
                run=run,
            )
            baselines = list(baseline_values(dataset, description, block))
            metrics |= metrics_of(baselines, description, metrics.get("effective_examples"))
            columns = outcomes_of(baselines, len(test.rows))
            outcomes, paired = complete_outcomes(folder, next(iter(metrics)), columns, test, description)
            with replacing_folder(store / "evaluation") as kept:
                shutil.copytree(folder, kept, dirs_exist_ok=True)
        write_json(report / "metrics.json", metrics | ({"members": members} if members else {}))
        write_evaluated(
            run,
            info=description,
            predictor=predictor,
            block=block,
            answers=answered.answers,
            answer_elapsed_s=answer_elapsed_s,
            outcomes=outcomes,
            beside_baseline=paired,
        )
        page = write_page(run, trained, metrics, description, block, predictor.config.task)
        with replacing_file(store / page.name) as kept_page:
            shutil.copyfile(page, kept_page)
        journal.evaluation(numbers_of(metrics) | for_tracking(members), "evaluation", page.name)
        outcome = uploader.finish()
    main = next(iter(metrics))  # the first is the task's main one
    names = {f"tta_{main}": f"over {block.tta} views", f"baseline_{main}": "baseline"}
    names |= {f"baseline_features_{main}": "baseline on features", f"baseline_constant_{main}": "constant"}
    beside = "".join(f", {name} {metrics[key]:.4f}" for key, name in names.items() if key in metrics)
    words = verdict_on_baseline(metrics, main, paired.verdict if paired else None)
    interval = f" (95 %: {interval_text(metrics, main)})" if interval_text(metrics, main) else ""
    say(
        f"evaluated {run}: test {main} {metrics[main]:.4f}{interval}{beside}{f', {words}' if words else ''}; "
        f"see {report / 'evaluation'}"
    )
    for line in [*calibration_lines(metrics), *missing_values_in_words(metrics)]:
        say(line)
    for line in worse_in_words(
        read_slices(report / "evaluation" / "slices.csv"),
        is_share=bool(predictor.spec.classes or predictor.spec.vocabulary),
    ):
        say(f"{run}: {line}")
    if main in members:
        say(told(members[main], main))
    if unseen:
        say(f"{run}: the page does not show what the network sees: {unseen}")
    if outcome.pending_reason:
        say(f"not yet in MLflow ({outcome.pending_reason}): `saccade sync` sends it later")


def _answer(predictor: Predictor, test: Split, batch_size: int) -> tuple[Answered, float]:
    """What a network answers on a split, and the seconds that it takes."""
    started_at = time.perf_counter()
    answered = answer(predictor, test, batch_size)  # numbers that lie in memory: the device has finished
    return answered, time.perf_counter() - started_at


def load_trained(run: str, device: str) -> tuple[Predictor, dict[str, Any]]:
    """Load a trained run.

    Args:
        run: key in ``runs:``.
        device: auto, cpu, cuda, cuda:1 or mps.

    Returns:
        Its network, and what run.json says.

    Raises:
        UserError: it is not trained, or what is there is of two trainings.
    """
    report, model = paths.report(run), paths.model(run)
    for needed in (report / "run.json", report / "history.csv", model / "bundle.json"):
        if not needed.exists():
            raise UserError(f"{needed} does not exist. Make it with `saccade train {run}`.")
    trained = json.loads((report / "run.json").read_text(encoding="utf-8"))
    if weights_sha256(model) != trained["weights_sha256"]:
        raise UserError(f"{model} and {report / 'run.json'} are of two trainings. Publish one: `saccade train {run}`.")
    return prediction.load(model, device=device), trained
