"""``saccade train RUN``: a network trained on one dataset, into models/<run> and reports/<run>.

The loop itself is ``saccade.train.loop.fit``. Around it: the run's identity, its journal, its checkpoints, its results.
"""

from pathlib import Path

from pipeline.console import pluralise, say
from pipeline.runs.run_store import wait_for_lock
from pipeline.signals import StopRequest, restore_default_handlers
from pipeline.stages.train.records import (
    report_already_trained,
    results_of,
    start_journal,
    summary_line,
    why_stopped,
)
from pipeline.stages.train.run import TrainingRun
from pipeline.stages.train.training import Training
from pipeline.tracking.status import reporting_status, stage_lock
from pipeline.tracking.uploader import MlflowUploader, Outcome
from saccade.core.errors import LostConnectionError, UserError
from saccade.core.ranks import Rank
from saccade.train.checkpoints import from_bytes
from saccade.train.state import TrainingState


def train(run: TrainingRun, me: Rank, uploader: MlflowUploader, *, fresh: bool = False, publish: bool = True) -> Path:
    """Train a run, or go on where it was stopped, or publish what is finished already.

    Args:
        run: settings of the run.
        me: rank 0, of one or of several processes; the others are in ``train_worker``.
        uploader: started; it is told the journal when that is known.
        fresh: forget an earlier training of the same identity.
        publish: into models and reports; else the results stay in the run's store.

    Returns:
        The run's store.

    Raises:
        UserError: data are missing, the loss broke, or another process ended.
    """
    training = Training.prepare(run, me)
    store = training.store
    with (
        wait_for_lock(stage_lock(store.folder), f"{run.name}: another process is training the same; waiting for it"),
        training.join(me) as processes,
    ):
        changed = store.differing_environment(training.environment)
        if changed:
            say(f"{run.name} was trained before in another environment ({changed}): starting afresh")
        if store.is_finished() and not (changed or fresh):
            processes.broadcast(None)  # the others may go
            if not publish:
                store.drop_checkpoints()
            report_already_trained(run, store, store.publish(run.name, run.dataset, training.code) if publish else None)
            return store.folder
        if changed or fresh or store.is_restored():
            store.set_aside()
        uploader.follow(store.folder)
        with reporting_status(store.journal):
            state = _train_from_where_it_stands(training)
            outcome = _keep_results(training, state, uploader)
            if publish:
                store.publish(run.name, run.dataset, training.code)
            else:
                store.drop_checkpoints()
    say(summary_line(run, state))
    if outcome.pending_reason:
        say(f"not yet in MLflow ({outcome.pending_reason}): `saccade sync` sends it later")
    return store.folder


def _train_from_where_it_stands(training: Training) -> TrainingState:
    """Begin the training or go on with it, to its last epoch."""
    journal = training.store.journal
    is_new = journal.state().run_uid is None
    if is_new:
        start_journal(training)
    training.embed()
    state = training.build_state()
    checkpoints = training.restore_checkpoint(state)
    if not is_new:
        journal.resume(from_epoch=state.epoch)
        training.store.journal_missing(state.history)
        done = state.progress.examples
        examples = f" and {pluralise(done, 'example')} of the next" if done else ""
        say(f"{training.run.name}: going on after epoch {state.epoch}{examples}")
    return training.train(state, checkpoints)


def _keep_results(training: Training, state: TrainingState, uploader: MlflowUploader) -> Outcome:
    """Write the bundle, end the journal, and write the results; returns what came of tracking."""
    store = training.store
    network = training.setup.whole_network(state.kept)
    config = training.setup.trained_config(network, training.runtime.device)
    weights_sha256 = store.save_bundle(config, network, state.kept_epoch)
    store.journal.end("FINISHED", why_stopped(training.run, state))
    outcome = uploader.finish()
    mlflow_run_id = None if outcome.pending_reason else outcome.mlflow_run_id
    parameters = sum(parameter.numel() for parameter in network.parameters())
    results = results_of(training, state, parameters, mlflow_run_id, weights_sha256)
    store.keep_results(state.history, results, marks_kept=state.best is not None)
    return outcome


def train_worker(run: TrainingRun, me: Rank) -> None:
    """Compute one rank's rows of a training that rank 0 leads; nothing is written.

    Args:
        run: settings of the run.
        me: any rank but 0.

    Raises:
        LostConnectionError: another process ended.
        UserError: this machine cannot train, or has not what rank 0 trains on; or the loss broke, in all alike.
    """
    restore_default_handlers()  # until we have met: rank 0 may wait for long, and we for it
    training = Training.prepare(run, me)
    stop = StopRequest(is_worker=True)
    try:
        with training.join(me) as processes, stop:
            message = processes.broadcast(None)
            if message is not None:
                _compute_rows(training, identity=message[:64].decode(), checkpoint=message[64:])
    except LostConnectionError:
        if stop.is_requested:
            raise stop.error() from None
        raise


def _compute_rows(training: Training, *, identity: str, checkpoint: bytes) -> None:
    if identity != training.identity:
        raise UserError(
            f"{training.run.name} is {training.identity[:12]} here and {identity[:12]} in rank 0: params.yaml, data "
            "and code must be the same on all machines. Copy them, and run the same command again."
        )
    state = training.build_state()
    if checkpoint:
        from_bytes(checkpoint, state)
    for _ in training.epochs(state):
        pass
