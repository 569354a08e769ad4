"""One training of a run: what it works on, where it is kept, and how far it has come."""

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.console import Progress, say, warn
from pipeline.runs.identity import code_digests, code_items, identity_of, listed_code
from pipeline.runs.run_store import RunStore
from pipeline.signals import StopRequest
from pipeline.stages.train.run import TrainingRun
from saccade.core import devices
from saccade.core.distributed import Processes, process_group
from saccade.core.errors import NonFiniteError
from saccade.core.files import replacing_file
from saccade.core.ranks import Rank
from saccade.train.checkpoints import Checkpoints, from_bytes
from saccade.train.loop import fit
from saccade.train.runtime import Runtime, open_runtime
from saccade.train.setup import TrainingSetup, set_up
from saccade.train.state import EpochRecord, TrainingState


@dataclass
class Training:
    """One training of a run, in one of its processes.

    Attributes:
        run: its settings.
        setup: data, first weights and resolved settings.
        runtime: device, precision and processes.
        environment: values that the bits of the weights depend on besides the identity.
        store: folder in which it is kept.
        code: SHA-256 of each file and folder of code that decides its numbers.
    """

    run: TrainingRun
    setup: TrainingSetup
    runtime: Runtime
    environment: dict[str, str | int]
    store: RunStore
    code: dict[str, str]

    @classmethod
    def prepare(cls, run: TrainingRun, me: Rank) -> "Training":
        """Set torch up, open the data, and find out what the training is called; nothing is trained or written.

        Args:
            run: settings of the run.
            me: this process.

        Returns:
            A training that may begin.

        Raises:
            UserError: data or first weights are missing, or do not suit the run.
        """
        block = run.block
        runtime = open_runtime(
            device=block.device,
            precision=block.precision,
            threads=None if block.threads == "auto" else block.threads,
            deterministic=block.deterministic,
            compile=block.compile,
            local_rank=me.local_rank if me.world_size > 1 else None,
            local_count=me.local_world_size,
        )
        setup = set_up_run(run, runtime.precision)
        settings, read = setup.identifying
        item = code_items(run.model.name, run.task.name)
        code, listed = code_digests("train", item), listed_code("train", item)
        if not setup.has_own_loss:  # what evaluation measures decides no weight
            of_task = f"/tasks/{run.task.name}.py"
            code, listed = (
                {path: all_[path] for path in all_ if not path.endswith(of_task)} for all_ in (code, listed)
            )
        identity = identity_of(settings, read, code)
        environment = devices.describe_environment(runtime.device, me.world_size)
        return cls(run, setup.with_identity(identity), runtime, environment, RunStore(identity), listed)

    @property
    def identity(self) -> str:
        """The SHA-256 of all that decides its result."""
        return self.setup.config.identity

    @contextlib.contextmanager
    def join(self, me: Rank) -> Iterator[Processes]:
        """Meet the other processes of the training; part from them at the end of the block."""
        with process_group(me, self.runtime.device) as processes:
            self.runtime = dataclasses.replace(self.runtime, processes=processes)
            yield processes

    def embed(self) -> None:
        """Compute what frozen layers make of the images, once, where the head alone learns."""
        with Progress("images", line_every_s=30) as progress:
            self.setup = self.setup.embed(self.runtime, paths.embeddings_store(), progress)

    def build_state(self) -> TrainingState:
        """The network with its first weights, and its optimiser."""
        state, lines = self.setup.build_state(self.runtime)
        if lines and self.runtime.processes.rank == 0:
            say(f"{self.run.name}: {'; '.join(lines)}")
        return state

    def restore_checkpoint(self, state: TrainingState) -> Checkpoints:
        """Bring ``state``, here and in the other processes, to where the newest checkpoint that is whole stands."""
        checkpoints = Checkpoints(self.store.checkpoints, self.run.block.checkpoint_every_s)
        content, damaged = checkpoints.newest()
        for path in damaged:
            warn(f"{path} is damaged: its bytes are not those its name tells. It is removed; the one before is used")
        self.runtime.processes.broadcast(self.identity.encode() + (content or b""))
        if content:
            from_bytes(content, state)
        return checkpoints

    def train(self, state: TrainingState, checkpoints: Checkpoints) -> TrainingState:
        """Train to the last epoch, and return where training stands then.

        Where the device runs ahead, a loss that broke is found when its epoch ends and all weights are broken. The
        epoch is computed again from the last checkpoint, each loss looked at, to stop before the update and name the
        layer.
        """
        try:
            self._train_epochs(state, checkpoints)
            return state
        except NonFiniteError:
            if not devices.is_asynchronous(self.runtime.device) or self.runtime.processes.count > 1:
                raise
            say(f"{self.run.name}: the loss broke; again from the last checkpoint, slower, to see where")
        state = self.build_state()
        checkpoints = self.restore_checkpoint(state)
        self.store.journal.resume(from_epoch=state.epoch)
        self.runtime = dataclasses.replace(self.runtime, check_losses=True)
        self._train_epochs(state, checkpoints)
        return state

    def _train_epochs(self, state: TrainingState, checkpoints: Checkpoints) -> None:
        """Train; add each epoch to the journal; save where training stands now and then, and at the end.

        A signal raises what it always does, but after the update or the epoch that was under way and a checkpoint.
        """
        with StopRequest() as stop, Progress("examples", line_every_s=30) as progress:

            def after_update(state: TrainingState) -> None:
                if stop.is_requested:
                    checkpoints.save(state)
                    raise stop.error()
                checkpoints.save_when_due(state)

            try:
                for record in self.epochs(state, progress=progress, after_update=after_update):
                    self.store.journal_missing([record])
                    progress.note(
                        f"epoch {record.epoch}/{self.run.block.epochs}: loss {record.train_loss:.4f}, "
                        f"validation loss {record.validation_loss:.4f}, {record.score} {record.validation_score:.4f}"
                    )
                    after_update(state)
            except NonFiniteError as error:
                self.store.journal.broke(error.found)
                raise
            checkpoints.save(state)
            if stop.is_requested:
                raise stop.error()

    def epochs(self, state: TrainingState, **callbacks: Any) -> Iterator[EpochRecord]:
        """Train from where ``state`` stands; the part of this process.

        Args:
            state: state from ``build_state``, or further on; it is changed in place.
            **callbacks: ``progress`` and ``after_update`` of ``saccade.train.loop.fit``.

        Yields:
            A record for each epoch.

        Raises:
            NonFiniteError: the loss broke; the batch is kept in the run's store.
            UserError: a batch of one example meets a batch norm.
        """
        setup, runtime = self.setup, self.runtime
        try:
            with setup.open_batches(runtime) as batches:
                yield from fit(
                    state,
                    batches,
                    setup.validation,
                    setup.objective(runtime.device),
                    setup.schedule(),
                    setup.fit_settings(),
                    runtime,
                    **callbacks,
                )
        except NonFiniteError as error:
            kept = _keep_batch(error, self.store.folder / "non_finite", runtime.processes.rank)
            raise NonFiniteError(
                f"{error} The batch is in {kept}.", error.found | {"batch": kept.name}, error.batch
            ) from None


def set_up_run(run: TrainingRun, precision: str) -> TrainingSetup:
    """Data, first weights and resolved settings of a run, still without an identity.

    Args:
        run: settings of the run.
        precision: float32 or bfloat16.

    Returns:
        What decides its numbers.

    Raises:
        UserError: data or first weights are missing, or do not suit the run.
    """
    init_from = run.block.init_from
    return set_up(
        task={"name": run.task.name, **run.task.arguments},
        model={"name": run.model.name, **run.model.arguments},
        train=run.block.result_settings,
        seed=run.seed,
        precision=precision,
        prepared=paths.prepared(run.dataset),
        augmented=paths.augmented(run.dataset),
        initial_bundle=None if init_from is None else paths.model(init_from),
    )


def _keep_batch(error: NonFiniteError, folder: Path, rank: int) -> Path:
    """Write what the network was given when its loss broke; each process has a part of the batch."""
    from safetensors.torch import save

    path = folder / ("batch.safetensors" if rank == 0 else f"batch-rank{rank}.safetensors")
    about = {key: str(error.found[key]) for key in ("epoch", "updates", "where")}
    with replacing_file(path) as partial:
        partial.write_bytes(save(error.batch, metadata=about))
    return path
