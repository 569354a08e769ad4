"""``saccade train RUN``: a network trained on one dataset, into models/<run> and reports/<run>.

The loop itself is ``saccade.training.fit``. Around it: the run's identity, its journal, its checkpoints, its results.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from pipeline import paths, provenance
from pipeline.console import Progress, number_of, say, warn
from pipeline.follower import Follower
from pipeline.identity import code_digests, identity_of
from pipeline.interruption import StopRequest, die_of_signals
from pipeline.run_store import RunStore, hold
from pipeline.schema.named import Named
from pipeline.schema.train import TrainBlock
from pipeline.tracking import reporting_status, stage_lock
from saccade import balancing, devices, optimizers, outputs, registry, schedules
from saccade.bands import measure_band
from saccade.buckets import stored_lengths
from saccade.bundle import Recipe, read_recipe
from saccade.checkpoints import Checkpoints, from_bytes
from saccade.errors import LostConnectionError, NonFiniteError, UserError
from saccade.files import replacing_file, sha256_of_file
from saccade.freezing import freeze
from saccade.layers import count_parameters
from saccade.losses import LOSSES, ONE_OUTPUT, Loss, constant_loss
from saccade.online_views import OnlineViews
from saccade.prepared import Description, open_split, read_description, read_evaluate_crop
from saccade.processes import ALONE, Processes, joined
from saccade.ranks import Rank
from saccade.training import LabelledArrays, TrainingState, fit
from saccade.training_views import open_views

if TYPE_CHECKING:
    from pipeline.params import Params


@dataclass(frozen=True)
class TrainingRun:
    """One entry of ``runs:``, as far as training is concerned.

    Attributes:
        name: its key.
        dataset: key in ``datasets:``.
        task: name and arguments.
        model: name and arguments.
        block: ``train:``.
        seed: ``train.seed``, or the file's.
        experiment: in MLflow.
        other_params: what else of params.yaml is recorded, flat keys; it does not decide the result.
    """

    name: str
    dataset: str
    task: Named
    model: Named
    block: TrainBlock
    seed: int
    experiment: str
    other_params: Mapping[str, Any]

    @classmethod
    def of(cls, params: "Params", name: str) -> "TrainingRun":
        """The run called ``name`` in params.yaml, seeds filled in."""
        run, seed = params.runs[name], params.seed
        dataset = params.datasets[run.dataset].model_dump()
        for block in (dataset["split"], dataset["augment"]):
            block["seed"] = seed if block["seed"] is None else block["seed"]
        others = {"seed": seed, "dataset": {"name": run.dataset, **dataset}, "evaluate": run.evaluate.model_dump()}
        return cls(
            name=name,
            dataset=run.dataset,
            task=run.task,
            model=run.model,
            block=run.train,
            seed=seed if run.train.seed is None else run.train.seed,
            experiment=params.tracking.experiment,
            other_params=provenance.flatten(others),
        )

    def member(self, number: int) -> "TrainingRun":
        """The same with seed + number; its name is one that params.yaml cannot give to another run."""
        seed = self.seed + number
        return dataclasses.replace(self, name=f"{self.name}.seed{seed}", seed=seed)


@dataclass(frozen=True)
class _Origin:
    """Where the first weights come from.

    Attributes:
        what: for people.
        weights: the file.
        sha256: of its bytes.
        normalisation: mean and std that the weights were trained with; None: the dataset's own.
    """

    what: str
    weights: Path
    sha256: str
    normalisation: tuple[list[float], list[float]] | None = None


@dataclass(frozen=True)
class _Work:
    """What a training works on and with, the same in each of its processes.

    Attributes:
        device: of this process.
        precision: float32 or bfloat16.
        environment: what the bits depend on besides the identity.
        description: of the prepared dataset.
        views: uint8 (V, N, H, W, C), memory-mapped; or what makes them while they are read.
        digests: SHA-256 of each array that training reads.
        settings: resolved params and seeds.
        recipe: of the network; holds the run's identity.
        origin: where the first weights come from, None where they are drawn.
    """

    device: torch.device
    precision: str
    environment: dict[str, str | int]
    description: Description
    views: np.ndarray | OnlineViews
    digests: dict[str, str]
    settings: dict[str, Any]
    recipe: Recipe
    origin: _Origin | None


@dataclass(frozen=True)
class Plan:
    """What is known of a training before it begins.

    Attributes:
        identity: of the run.
        environment: what the bits depend on besides the identity.
        params: all that is recorded, flat keys.
        datasets: what it reads.
    """

    identity: str
    environment: dict[str, str | int]
    params: dict[str, Any]
    datasets: list[Any]


def plan(run: TrainingRun, me: Rank) -> Plan:
    """What is known of a training before it begins; nothing is trained or written.

    Args:
        run: what would be trained.
        me: rank 0, of one or of several processes.

    Returns:
        What its record begins with.

    Raises:
        UserError: data or first weights are missing.
    """
    work = _prepare(run, me)
    datasets = _dataset_records(run.dataset, work.description, work.digests)
    return Plan(work.recipe.identity, work.environment, _recorded(run, work), datasets)


def train(run: TrainingRun, me: Rank, follower: Follower, *, fresh: bool = False, publish: bool = True) -> Path:
    """Train a run, or go on where it was stopped, or publish what is finished already.

    Args:
        run: what to train.
        me: rank 0, of one or of several processes; the others are in ``help_to_train``.
        follower: started; it is told the journal when that is known.
        fresh: forget an earlier training of the same identity.
        publish: into models and reports; else the results stay in the run's store.

    Returns:
        The run's store.

    Raises:
        UserError: data are missing, the loss broke, or another process ended.
    """
    work = _prepare(run, me)
    store = RunStore(work.recipe.identity)
    with (
        hold(stage_lock(store.folder), f"{run.name}: another process is training the same; waiting for it"),
        joined(me, work.device) as processes,
    ):
        changed = store.differing_environment(work.environment)
        if changed:
            say(f"{run.name} was trained before in another environment ({changed}): starting afresh")
        if store.is_finished() and not (changed or fresh):
            processes.broadcast(None)  # the others may go
            if not publish:
                store.drop_checkpoints()
            _tell_again(run, store, store.publish(run.name, run.dataset) if publish else None)
            return store.folder
        if changed or fresh or store.is_restored():
            store.set_aside()
        follower.follow(store.folder)
        with reporting_status(store.journal):
            is_new = store.journal.state().run_uid is None
            if is_new:
                _begin(run, work, store)
            state = _build(run, work, processes)
            checkpoints = _go_on(store, state, run.block.checkpoint_every_s, processes)
            if not is_new:
                store.journal.resume(from_epoch=state.epoch)
                store.journal_missing(state.history)
                done = state.progress.examples
                examples = f" and {number_of(done, 'example')} of the next" if done else ""
                say(f"{run.name}: going on after epoch {state.epoch}{examples}")
            state = _lead(run, work, state, store, checkpoints, processes)
            recipe = _with_band(run, work, state.kept)
            weights_sha256 = store.save_bundle(recipe, state.kept, state.kept_epoch)
            store.journal.end("FINISHED", _why_stopped(run, state))
            outcome = follower.finish()
            mlflow_run_id = None if outcome.pending_reason else outcome.mlflow_run_id
            results = _results(run, work, state, store.journal.state().run_uid, mlflow_run_id, weights_sha256)
            store.keep_results(state.history, results, marks_kept=state.best is not None)
            if publish:
                store.publish(run.name, run.dataset)
            else:
                store.drop_checkpoints()
    say(_told(run, state))
    if outcome.pending_reason:
        say(f"not yet in MLflow ({outcome.pending_reason}): `saccade sync` sends it later")
    return store.folder


def try_out(run: TrainingRun, loop: Callable[..., Iterator[Any]]) -> Iterator[Any]:
    """Hand a run's network with its first weights, its data and its settings to a loop; nothing is written.

    Args:
        run: what is tried.
        loop: takes what ``saccade.training.fit`` takes.

    Yields:
        What the loop yields.

    Raises:
        UserError: data or first weights are missing.
    """
    work = _prepare(run, Rank())
    yield from _records(run, work, _build(run, work, ALONE), ALONE, loop)


def help_to_train(run: TrainingRun, me: Rank) -> None:
    """Compute one rank's share of a training that rank 0 leads; nothing is written.

    Args:
        run: what is trained.
        me: any rank but 0.

    Raises:
        LostConnectionError: another process ended.
        UserError: this machine cannot train, or has not what rank 0 trains on; or the loss broke, in all alike.
    """
    die_of_signals()  # until we have met: rank 0 may wait for long, and we for it
    work = _prepare(run, me)
    stop = StopRequest(is_led=True)
    try:
        with joined(me, work.device) as processes, stop:
            _help(run, work, processes)
    except LostConnectionError:
        if stop.is_asked:
            raise stop.error() from None
        raise


def _help(run: TrainingRun, work: _Work, processes: Processes) -> None:
    message = processes.broadcast(None)
    if message is None:
        return
    identity, checkpoint = message[:64].decode(), message[64:]
    if identity != work.recipe.identity:
        raise UserError(
            f"{run.name} is {work.recipe.identity[:12]} here and {identity[:12]} in rank 0: params.yaml, data and code "
            "must be the same on all machines. Copy them, and run the same command again."
        )
    state = _build(run, work, processes)
    if checkpoint:
        from_bytes(checkpoint, state)
    for _ in _records(run, work, state, processes):
        pass


def _prepare(run: TrainingRun, me: Rank) -> _Work:
    """Set torch up, open the data, and find out what the run is called."""
    block = run.block
    device = devices.resolve_device(block.device, me.local_rank if me.count > 1 else None)
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)
    precision = devices.resolve_precision(block.precision, device)
    threads = devices.set_threads(None if block.threads == "auto" else block.threads, me.local_count)
    devices.set_deterministic(block.deterministic, compile=block.compile)
    description = read_description(paths.prepared(run.dataset))
    if _loss_name(run) in ONE_OUTPUT:
        description.spec.require_two_classes()
    views, views_digests = open_views(paths.augmented(run.dataset), paths.prepared(run.dataset))
    digests = description.digests("train", "validation") | views_digests
    settings = _resolved(run, precision)
    origin = _origin_of(run, description)
    mean, std = origin.normalisation if origin and origin.normalisation else (description.mean, description.std)
    evaluate_crop = read_evaluate_crop(paths.augmented(run.dataset))
    given: dict[str, Any] = {"spec": description.spec.to_dict(), "mean": mean, "std": std}
    given |= {} if evaluate_crop == 1 else {"evaluate_crop": evaluate_crop}
    read = digests | ({"first_weights": origin.sha256} if origin else {})
    identity = identity_of(settings | given, read, code_digests("train", {"item.model.name": run.model.name}))
    return _Work(
        device=device,
        precision=precision,
        environment=devices.describe_environment(device, threads, me.count),
        description=description,
        views=views,
        digests=digests,
        settings=settings,
        origin=origin,
        recipe=Recipe(
            model=run.model.name,
            arguments={key: value for key, value in settings["model"].items() if key != "name"},
            spec=description.spec,
            task=run.task.name,
            mean=mean,
            std=std,
            identity=identity,
            evaluate_crop=evaluate_crop,
            one_output=_loss_name(run) in ONE_OUTPUT,
        ),
    )


def _origin_of(run: TrainingRun, description: Description) -> _Origin | None:
    """Where the first weights come from, None where they are drawn."""
    pretrained, init_from = run.model.arguments.get("pretrained"), run.block.init_from
    if init_from is not None:
        weights = paths.model(init_from) / "weights.safetensors"
        if not weights.exists():
            raise UserError(
                f"{weights} does not exist, and {run.name} starts from it: `saccade train {init_from}` first"
            )
        before = read_recipe(weights.parent)
        if before.spec.vocabulary != description.spec.vocabulary:
            raise UserError(
                f"train.init_from ({init_from}) must be a run over the same vocabulary, so that each id means the same "
                f"token; its {len(before.spec.vocabulary):,} are not the {len(description.spec.vocabulary):,} of "
                f"{run.dataset}. Leave init_from out, or train {init_from} on {run.dataset}"
            )
        is_alike = len(before.mean) == len(description.mean)  # else a first convolution is summed over colours
        normalisation = (before.mean, before.std) if is_alike else None
        return _Origin(f"run {init_from}", weights, sha256_of_file(weights), normalisation)
    if pretrained is None:
        return None
    from saccade.pretraining.published import published_normalisation, published_weights

    weights = published_weights(run.model.name) if pretrained == "imagenet" else Path(pretrained).expanduser()
    if not weights.is_file():
        raise UserError(f"model.pretrained ({pretrained}) must be imagenet, or a file that is there")
    normalisation = published_normalisation(run.model.name, description.spec.shape[2])
    return _Origin(f"pretrained weights {weights.name}", weights, sha256_of_file(weights), normalisation)


def _resolved(run: TrainingRun, precision: str) -> dict[str, Any]:
    """Params with defaults and ``auto`` filled in; without what only the environment decides (device, threads)."""
    defaults = registry.keyword_arguments("models", run.model.name, "build")
    arguments = {key: argument.default for key, argument in defaults.items()} | run.model.arguments
    arguments.pop("pretrained", None)  # the bytes of the weights count, not where they lie
    return {
        "task": {"name": run.task.name, **run.task.arguments},
        "model": {"name": run.model.name, **arguments},
        "train": run.block.deciding
        | {"freeze": run.block.frozen_layers}
        | {"precision": precision, "seed": run.seed, "loss": _loss_name(run)},
    }


def _loss_name(run: TrainingRun) -> str:
    return registry.constant("tasks", run.task.name, "LOSSES")[0] if run.block.loss == "auto" else run.block.loss


def _loss(run: TrainingRun, work: _Work) -> Loss:
    """The named loss; of a forecast, whose answers are in the data's own unit, in units of the deviation."""
    loss, spec = LOSSES[_loss_name(run)], work.description.spec
    if not spec.horizon:
        return loss
    return outputs.in_units_of_std(loss, torch.tensor(outputs.of_targets(spec, work.recipe.std), device=work.device))


def _class_weights(run: TrainingRun, description: Description) -> torch.Tensor | None:
    if run.block.class_weights == "none":
        return None
    return balancing.class_weights(description.class_counts["train"], run.block.class_weights)


def _tell_again(run: TrainingRun, store: RunStore, published_as: str | None) -> None:
    """Say that there was nothing to train; ``published_as`` is the name of the run that was, None for a member."""
    same = f", as {published_as}" if published_as not in (None, run.name) else ""
    again = ": published again; `--fresh` trains it anew" if published_as else ""
    say(f"{run.name} was trained already{same} ({store.folder.name[:12]}){again}")


def _begin(run: TrainingRun, work: _Work, store: RunStore) -> None:
    """Write the first event of the journal."""
    store.begin(work.environment)
    labels = torch.from_numpy(np.array(open_split(paths.prepared(run.dataset), "validation").labels))
    if work.description.spec.horizon:
        labels = labels / torch.tensor(outputs.of_targets(work.description.spec, work.recipe.std))  # as in _loss
    constant = constant_loss(_loss_name(run), labels)
    noted = work.environment | ({} if constant is None else {"constant_loss": constant})
    params = _recorded(run, work)
    records = _dataset_records(run.dataset, work.description, work.digests)
    identity = work.recipe.identity
    kept = store.keep_dataset_report(run.dataset)
    provenance.start_journal(store.journal, run.name, run.experiment, identity, params, noted, records, kept)


def _recorded(run: TrainingRun, work: _Work) -> dict[str, Any]:
    """Every resolved parameter, flat keys."""
    places = {f"train.{key}": work.environment[key] for key in ("device", "threads", "processes")}
    crop = {"dataset.augment.evaluate_crop": work.recipe.evaluate_crop}  # what auto stands for
    return {**run.other_params, **crop, **places, **provenance.flatten(work.settings)}


def _build(run: TrainingRun, work: _Work, processes: Processes) -> TrainingState:
    """The network with its first weights, drawn or from elsewhere, and its optimiser."""
    torch.manual_seed(devices.derive_seed(run.seed, "weights"))
    network = work.recipe.build_network()
    if work.origin:
        from saccade.pretraining.loading import load_into
        from saccade.pretraining.weight_files import read_weights

        done = load_into(network[1], read_weights(work.origin.weights), origin=work.origin.what)
        if processes.rank == 0:
            say(f"{run.name}: {'; '.join(done)}")
    if run.block.frozen_layers:
        freeze(network[1], run.block.frozen_layers)
    if work.device.type == "cpu" and any(isinstance(layer, nn.Conv2d) for layer in network.modules()):
        devices.keep_freed_memory()
    network = processes.convert(devices.place(network, work.device), work.device)
    optimizer = optimizers.build(model=network, **run.block.optimizer_options)
    return TrainingState(
        network, optimizer, with_average=run.block.ema_decay is not None, with_best=run.block.keep == "best"
    )


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
    work: _Work,
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
        if not devices.runs_ahead(work.device) or processes.count > 1:
            raise
        say(f"{run.name}: the loss broke; again from the last checkpoint, slower, to see where")
    state = _build(run, work, processes)
    checkpoints = _go_on(store, state, run.block.checkpoint_every_s, processes)
    store.journal.resume(from_epoch=state.epoch)
    _lead_on(run, work, state, store, checkpoints, processes, watch_loss=True)
    return state


def _lead_on(
    run: TrainingRun,
    work: _Work,
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
            if stop.is_asked:
                checkpoints.save(state)
                raise stop.error()
            checkpoints.save_when_due(state)

        try:
            for record in _records(
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
        if stop.is_asked:
            raise stop.error()


def _with_band(run: TrainingRun, work: _Work, network: nn.Sequential) -> Recipe:
    """The recipe with what a forecast is off by on the validation split, as far as there is a forecast."""
    if not work.recipe.spec.horizon:
        return work.recipe
    validation = open_split(paths.prepared(run.dataset), "validation")
    examples, targets = torch.from_numpy(validation.examples), torch.from_numpy(validation.labels)
    band = measure_band(network, examples, targets, batch_size=run.block.batch_size, device=work.device)
    return dataclasses.replace(work.recipe, band=band)


def _records(
    run: TrainingRun,
    work: _Work,
    state: TrainingState,
    processes: Processes,
    loop: Callable[..., Iterator[Any]] = fit,
    **watchers: Any,
) -> Iterator[Any]:
    """Hand the run's params to ``fit``, or to what takes the same, and ``watch_loss``, ``progress`` and
    ``after_update``.
    """
    block = run.block
    prepared = paths.prepared(run.dataset)
    train_split, validation_split = open_split(prepared, "train"), open_split(prepared, "validation")
    is_text = work.description.spec.kind == "tokens"
    updates_per_epoch = -(-len(train_split.labels) // (block.batch_size * block.accumulation_steps))
    views = work.views if isinstance(work.views, OnlineViews) else torch.from_numpy(work.views)
    try:
        yield from loop(
            state,
            _labelled(views, train_split.labels, is_text=is_text),
            _labelled(torch.from_numpy(validation_split.examples[None]), validation_split.labels, is_text=is_text),
            loss=_loss(run, work),
            class_weights=_class_weights(run, work.description),
            label_smoothing=block.label_smoothing,
            score=registry.constant("tasks", run.task.name, "SCORE"),
            sampler=block.sampler,
            length_buckets=block.length_buckets,
            mixup=block.mixup,
            cutmix=block.cutmix,
            schedule=schedules.build(epochs=block.epochs, steps_per_epoch=updates_per_epoch, **block.schedule_options),
            lr=block.optimizer.lr,
            epochs=block.epochs,
            batch_size=block.batch_size,
            accumulation_steps=block.accumulation_steps,
            clip_norm=block.clip_norm,
            average_decay=block.ema_decay,
            patience=block.early_stopping.patience if block.early_stopping else None,
            min_delta=block.early_stopping.min_delta if block.early_stopping else 0.0,
            compile=block.compile,
            device=work.device,
            precision=work.precision,
            seed=run.seed,
            processes=processes,
            **watchers,
        )
    except NonFiniteError as error:
        kept = _keep_batch(error, paths.run_store(work.recipe.identity) / "non_finite", processes.rank)
        raise NonFiniteError(
            f"{error} The batch is in {kept}.", error.found | {"batch": kept.name}, error.batch
        ) from None
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise UserError(
            f"train.batch_size ({block.batch_size}) leaves a batch of one example of {len(train_split.labels)}, and a "
            "batch norm can take no variance of it. Choose another batch size."
        ) from error
    finally:
        if isinstance(views, OnlineViews):
            views.close()


def _keep_batch(error: NonFiniteError, folder: Path, rank: int) -> Path:
    """Write what the network was given when its loss broke; each process has a part of the batch."""
    from safetensors.torch import save

    path = folder / ("batch.safetensors" if rank == 0 else f"batch-rank{rank}.safetensors")
    about = {key: str(error.found[key]) for key in ("epoch", "updates", "where")}
    with replacing_file(path) as partial:
        partial.write_bytes(save(error.batch, metadata=about))
    return path


def _labelled(views: torch.Tensor | OnlineViews, labels: np.ndarray, *, is_text: bool) -> LabelledArrays:
    lengths = stored_lengths(views[0]) if is_text and isinstance(views, torch.Tensor) else None
    return LabelledArrays(views, torch.from_numpy(labels), lengths)


def _why_stopped(run: TrainingRun, state: TrainingState) -> str | None:
    """Why training ended before the last epoch; None where it did not."""
    stopping = run.block.early_stopping
    if stopping is None or state.epoch == run.block.epochs:
        return None
    least, waited = stopping.min_delta, number_of(stopping.patience, "epoch")
    lower = f"validation loss lower by more than {least:g}" if least else "lower validation loss"
    return f"stopped after {state.epoch} of {run.block.epochs} epochs: {waited} without a {lower}"


def _told(run: TrainingRun, state: TrainingState) -> str:
    """The line that tells what was trained, and whose weights are kept."""
    kept, stopped = state.history[state.kept_epoch - 1], _why_stopped(run, state)
    when = f"after {state.epoch} epochs" if state.best is None else f"in epoch {kept.epoch}, the best of {state.epoch}"
    ending = f"; {stopped}" if stopped else ""
    return f"trained {run.name}: validation {kept.score} {kept.validation_score:.4f} {when}{ending}"


def _results(
    run: TrainingRun,
    work: _Work,
    state: TrainingState,
    run_uid: str | None,
    mlflow_run_id: str | None,
    weights_sha256: str,
) -> dict[str, Any]:
    """What run.json says, but for the record that the store adds."""
    return {
        "run": run.name,
        "dataset": run.dataset,
        "model": run.model.name,
        "parameters": sum(parameter.numel() for parameter in state.network.parameters()),
        "trained_parameters": count_parameters(state.network),
        "epochs": state.epoch,
        "kept_epoch": state.kept_epoch,
        "stopped_early": _why_stopped(run, state),
        "train_elapsed_s": round(sum(record.elapsed_s for record in state.history), 3),
        "examples_per_s": round(float(np.mean([record.examples_per_s for record in state.history])), 1),
        "run_uid": run_uid,
        "mlflow_run_id": mlflow_run_id,
        "identity": work.recipe.identity,
        "weights_sha256": weights_sha256,
        "device": f"{work.environment['device']} ({work.environment['device_name']})",
        "data": work.digests,
    }


def _dataset_records(name: str, description: Description, read: Mapping[str, str]) -> list[Any]:
    digests = {"training": read.get("views") or read["train.npy"]}
    digests |= {split: description.arrays[f"{split}.npy"]["sha256"] for split in ("validation", "test")}
    counts = dict(zip(digests, (description.counts[split] for split in ("train", "validation", "test")), strict=True))
    return [
        {
            "name": name,
            "digest": digest,
            "context": context,
            "source": str(paths.prepared(name)),
            "profile": {"examples": counts[context], "shape": list(description.spec.shape)},
        }
        for context, digest in digests.items()
    ]
