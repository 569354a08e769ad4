"""``saccade train RUN``: a network trained on one dataset, into models/<run> and reports/<run>.

The loop itself is ``saccade.train.loop.fit``. Around it: the run's identity, its journal, its checkpoints, its results.
"""

from pathlib import Path

from pipeline.console import Progress, pluralise, say, warn
from pipeline.runs import provenance
from pipeline.runs.run_store import RunStore, hold
from pipeline.signals import StopRequest, restore_default_handlers
from pipeline.stages.train.loop import build, records
from pipeline.stages.train.results import results_of, tell_again, told, why_stopped, with_band
from pipeline.stages.train.setup import TrainingRun, Work, dataset_records, noted, prepare, recorded
from pipeline.tracking.status import reporting_status, stage_lock
from pipeline.tracking.uploader import MlflowUploader
from saccade.core import devices
from saccade.core.distributed import Processes, process_group
from saccade.core.errors import LostConnectionError, NonFiniteError, UserError
from saccade.core.ranks import Rank
from saccade.train.checkpoints import Checkpoints, from_bytes
from saccade.train.state import TrainingState


def train(run: TrainingRun, me: Rank, uploader: MlflowUploader, *, fresh: bool = False, publish: bool = True) -> Path:
    """Train a run, or go on where it was stopped, or publish what is finished already.

    Args:
        run: what to train.
        me: rank 0, of one or of several processes; the others are in ``help_to_train``.
        uploader: started; it is told the journal when that is known.
        fresh: forget an earlier training of the same identity.
        publish: into models and reports; else the results stay in the run's store.

    Returns:
        The run's store.

    Raises:
        UserError: data are missing, the loss broke, or another process ended.
    """
    work = prepare(run, me)
    store = RunStore(work.recipe.identity)
    with (
        hold(stage_lock(store.folder), f"{run.name}: another process is training the same; waiting for it"),
        process_group(me, work.device) as processes,
    ):
        changed = store.differing_environment(work.environment)
        if changed:
            say(f"{run.name} was trained before in another environment ({changed}): starting afresh")
        if store.is_finished() and not (changed or fresh):
            processes.broadcast(None)  # the others may go
            if not publish:
                store.drop_checkpoints()
            tell_again(run, store, store.publish(run.name, run.dataset) if publish else None)
            return store.folder
        if changed or fresh or store.is_restored():
            store.set_aside()
        uploader.follow(store.folder)
        with reporting_status(store.journal):
            is_new = store.journal.state().run_uid is None
            if is_new:
                _begin(run, work, store)
            state = build(run, work, processes)
            checkpoints = _go_on(store, state, run.block.checkpoint_every_s, processes)
            if not is_new:
                store.journal.resume(from_epoch=state.epoch)
                store.journal_missing(state.history)
                done = state.progress.examples
                examples = f" and {pluralise(done, 'example')} of the next" if done else ""
                say(f"{run.name}: going on after epoch {state.epoch}{examples}")
            state = _lead(run, work, state, store, checkpoints, processes)
            recipe = with_band(run, work, state.kept)
            weights_sha256 = store.save_bundle(recipe, state.kept, state.kept_epoch)
            store.journal.end("FINISHED", why_stopped(run, state))
            outcome = uploader.finish()
            mlflow_run_id = None if outcome.pending_reason else outcome.mlflow_run_id
            results = results_of(run, work, state, store.journal.state().run_uid, mlflow_run_id, weights_sha256)
            store.keep_results(state.history, results, marks_kept=state.best is not None)
            if publish:
                store.publish(run.name, run.dataset)
            else:
                store.drop_checkpoints()
    say(told(run, state))
    if outcome.pending_reason:
        say(f"not yet in MLflow ({outcome.pending_reason}): `saccade sync` sends it later")
    return store.folder


def help_to_train(run: TrainingRun, me: Rank) -> None:
    """Compute one rank's share of a training that rank 0 leads; nothing is written.

    Args:
        run: what is trained.
        me: any rank but 0.

    Raises:
        LostConnectionError: another process ended.
        UserError: this machine cannot train, or has not what rank 0 trains on; or the loss broke, in all alike.
    """
    restore_default_handlers()  # until we have met: rank 0 may wait for long, and we for it
    work = prepare(run, me)
    stop = StopRequest(is_worker=True)
    try:
        with process_group(me, work.device) as processes, stop:
            _help(run, work, processes)
    except LostConnectionError:
        if stop.is_requested:
            raise stop.error() from None
        raise


def _help(run: TrainingRun, work: Work, processes: Processes) -> None:
    message = processes.broadcast(None)
    if message is None:
        return
    identity, checkpoint = message[:64].decode(), message[64:]
    if identity != work.recipe.identity:
        raise UserError(
            f"{run.name} is {work.recipe.identity[:12]} here and {identity[:12]} in rank 0: params.yaml, data and code "
            "must be the same on all machines. Copy them, and run the same command again."
        )
    state = build(run, work, processes)
    if checkpoint:
        from_bytes(checkpoint, state)
    for _ in records(run, work, state, processes):
        pass


def _begin(run: TrainingRun, work: Work, store: RunStore) -> None:
    """Write the first event of the journal."""
    store.begin(work.environment)
    params = recorded(run, work)
    records = dataset_records(run.dataset, work.description, work.digests)
    identity = work.recipe.identity
    kept = store.keep_dataset_report(run.dataset)
    provenance.start_journal(store.journal, run.name, run.experiment, identity, params, noted(run, work), records, kept)


def _go_on(store: RunStore, state: TrainingState, every_s: float, processes: Processes) -> Checkpoints:
    """Bring ``state``, here and in the other processes, to where the newest checkpoint that is whole stands."""
    checkpoints = Checkpoints(store.checkpoints, every_s)
    content, damaged = checkpoints.newest()
    for path in damaged:
        warn(f"{path} is damaged: its bytes are not those its name tells. It is removed; the one before is used")
    processes.broadcast(store.folder.name.encode() + (content or b""))  # the folder's name is the identity
    if content:
        from_bytes(content, state)
    return checkpoints


def _lead(
    run: TrainingRun,
    work: Work,
    state: TrainingState,
    store: RunStore,
    checkpoints: Checkpoints,
    processes: Processes,
) -> TrainingState:
    """Train to the last epoch, and return where training stands then.

    Where the device runs ahead, a loss that broke is found when its epoch ends and all weights are broken. What led
    there is computed again from the last checkpoint, each loss looked at, to stop before the update and name the layer.
    """
    try:
        _lead_on(run, work, state, store, checkpoints, processes, watch_loss=False)
        return state
    except NonFiniteError:
        if not devices.is_asynchronous(work.device) or processes.count > 1:
            raise
        say(f"{run.name}: the loss broke; again from the last checkpoint, slower, to see where")
    state = build(run, work, processes)
    checkpoints = _go_on(store, state, run.block.checkpoint_every_s, processes)
    store.journal.resume(from_epoch=state.epoch)
    _lead_on(run, work, state, store, checkpoints, processes, watch_loss=True)
    return state


def _lead_on(
    run: TrainingRun,
    work: Work,
    state: TrainingState,
    store: RunStore,
    checkpoints: Checkpoints,
    processes: Processes,
    *,
    watch_loss: bool,
) -> None:
    """Train; note each epoch in the journal; save where training stands now and then, and at the end.

    A signal raises what it always does, but after the update or the epoch that was under way and a checkpoint.
    """
    with StopRequest() as stop, Progress("examples", line_every_s=30) as progress:

        def after_update(state: TrainingState) -> None:
            if stop.is_requested:
                checkpoints.save(state)
                raise stop.error()
            checkpoints.save_when_due(state)

        try:
            for record in records(
                run, work, state, processes, watch_loss=watch_loss, progress=progress, after_update=after_update
            ):
                store.journal_missing([record])
                progress.note(
                    f"epoch {record.epoch}/{run.block.epochs}: loss {record.train_loss:.4f}, "
                    f"validation loss {record.validation_loss:.4f}, {record.score} {record.validation_score:.4f}"
                )
                after_update(state)
        except NonFiniteError as error:
            store.journal.broke(error.found)
            raise
        checkpoints.save(state)
        if stop.is_requested:
            raise stop.error()
