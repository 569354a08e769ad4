"""Settings of params.yaml that have no effect: no errors, for the file can be used as it is; a line on each.

What a rule says is certain, not a guess at what was meant. Those that need the number of examples or classes know it
once the dataset is prepared, and are silent before.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.params.prepared_datasets import find_dataset_info
from pipeline.params.problems import KeyPath, Problem
from saccade.core import registry
from saccade.core.messages import pluralise
from saccade.data.spec import middle

if TYPE_CHECKING:
    from pipeline.params.load import DatasetBlock, Params, RunBlock
    from pipeline.schema.evaluate import EvaluateBlock
    from pipeline.schema.train import TrainBlock


@dataclass(frozen=True)
class _Run:
    """A run, and what is known of its data.

    Attributes:
        train: ``train:``.
        evaluate: ``evaluate:``.
        predicts_classes: whether its task does, one an example.
        examples: examples of the training split; None: not prepared yet.
        class_counts: examples of each class in the training split; empty: not prepared yet, or no classes.
    """

    train: "TrainBlock"
    evaluate: "EvaluateBlock"
    predicts_classes: bool
    examples: int | None
    class_counts: Sequence[int]

    @property
    def batches(self) -> int | None:
        """Of an epoch."""
        return None if self.examples is None else -(-self.examples // self.train.batch_size)

    @property
    def warmup_epochs(self) -> float:
        """0 for one_cycle, whose warm-up is a share of the run."""
        return getattr(self.train.schedule, "warmup_epochs", 0.0)


def unused_settings(params: "Params", *place: str) -> Iterator[Problem]:
    """Find the settings that change nothing.

    Args:
        params: the whole file.
        *place: look only below this path, such as "runs", "lenet5-digits", "train".

    Yields:
        The path of each, and why.
    """
    for name, dataset in params.datasets.items():
        at: KeyPath = ("datasets", name, "augment")
        if at[: len(place)] == place:
            runs = [run for run in params.runs.values() if run.dataset == name]
            for key, augment_rule in _AUGMENT_RULES:
                if message := augment_rule(dataset, runs):
                    yield Problem((*at, key), message)
    for name, run in params.runs.items():
        rules = [rule for rule in _RUN_RULES if ("runs", name, *rule[0])[: len(place)] == place]
        known = _known(run) if rules else None
        for path, run_rule in rules:
            assert known is not None
            if message := run_rule(known):
                yield Problem(("runs", name, *path), message)


def _known(run: "RunBlock") -> _Run:
    description = find_dataset_info(run.dataset)
    return _Run(
        train=run.train,
        evaluate=run.evaluate,
        predicts_classes=registry.constant("tasks", run.task.name, "LABELS") == "classes",
        examples=description.counts.get("train") if description else None,
        class_counts=description.class_counts.get("train", []) if description else [],
    )


# datasets.<name>.augment


def _transforms(dataset: "DatasetBlock", runs: Sequence["RunBlock"]) -> str | None:
    augment = dataset.augment
    if augment.transforms in ([], "none") or augment.makes_views or any(run.evaluate.tta for run in runs):
        return None
    return "with views: 0 no image is transformed: set views, or mode: online; or evaluate.tta in a run"


def _include_original(dataset: "DatasetBlock", runs: Sequence["RunBlock"]) -> str | None:
    if dataset.augment.include_original and not dataset.augment.makes_views:
        return "without views, training sees the images as they are, and nothing else"
    return None


def _views(dataset: "DatasetBlock", runs: Sequence["RunBlock"]) -> str | None:
    views, longest = dataset.augment.views, max((run.train.epochs for run in runs), default=0)
    if not longest or dataset.augment.mode == "online" or views <= longest:
        return None
    longest_run = pluralise(longest, "epoch")
    return f"epoch e reads view e, and no run is longer than {longest_run}: {views - longest} of {views} not read"


def _evaluate_crop(dataset: "DatasetBlock", runs: Sequence["RunBlock"]) -> str | None:
    shape, share = dataset.preprocess.image_shape, dataset.augment.evaluate_crop
    if shape is None or share == "auto" or share == 1 or any(middle(side, share)[1] < side for side in shape[:2]):
        return None
    return f"{share:g} leaves out less than a pixel of {shape[0]}x{shape[1]}: leave it out, or look at less"


_AUGMENT_RULES: list[tuple[str, Callable[["DatasetBlock", Sequence["RunBlock"]], str | None]]] = [
    ("transforms", _transforms),
    ("include_original", _include_original),
    ("views", _views),
    ("evaluate_crop", _evaluate_crop),
]


# runs.<name>.train and evaluate


def _patience(run: _Run) -> str | None:
    stopping, epochs = run.train.early_stopping, run.train.epochs
    if stopping is None or stopping.patience + 1 < epochs:
        return None
    return f"patience ({stopping.patience}) cannot run out before the last of {epochs} epochs: lower it"


def _early_stopping(run: _Run) -> str | None:
    if run.train.early_stopping is None or run.train.schedule.name != "one_cycle":
        return None
    return (
        f"one_cycle brings the rate down towards the last of {run.train.epochs} epochs, and a training that stops "
        "before gets little of it: take constant, step or cosine; or keep: best alone"
    )


def _keep(run: _Run) -> str | None:
    return "of one epoch, the best is the last" if run.train.keep == "best" and run.train.epochs == 1 else None


def _warmup(run: _Run) -> str | None:
    if run.warmup_epochs < run.train.epochs:
        return None
    return f"the rate rises through all of {run.train.epochs} epochs, and the schedule never begins: lower it"


def _every_epochs(run: _Run) -> str | None:
    schedule, epochs = run.train.schedule, run.train.epochs
    if schedule.name != "step" or schedule.every_epochs + schedule.warmup_epochs < epochs:
        return None
    after = " after the warm-up" if schedule.warmup_epochs else ""
    return f"the rate first steps down {schedule.every_epochs} epochs in{after}, and there are {epochs}: lower it"


def _batch_size(run: _Run) -> str | None:
    if run.examples is None or run.train.batch_size <= run.examples:
        return None
    return f"there are {run.examples:,} training examples: every update sees them all, as with {run.examples}"


def _accumulation(run: _Run) -> str | None:
    if run.batches is None or run.train.accumulation_steps <= run.batches:
        return None
    return f"an epoch has no more than {run.batches:,} batches: there is one update in each, as with {run.batches}"


def _processes(run: _Run) -> str | None:
    count, size = run.train.processes, run.train.batch_size
    return f"a batch of {size} has nothing for {count - size} of them: lower it" if count > size else None


def _device(run: _Run) -> str | None:
    if run.train.processes == 1 or not run.train.device.startswith("cuda:"):
        return None
    return "each of several processes takes the GPU of its own number: write cuda"


def _mixing(key: str) -> Callable[[_Run], str | None]:
    def rule(run: _Run) -> str | None:
        is_alone = run.train.batch_size * run.train.accumulation_steps == 1
        return "an update of one example has none to mix it with" if is_alone and getattr(run.train, key) else None

    return rule


def _equal_classes(key: str) -> Callable[[_Run], str | None]:
    def rule(run: _Run) -> str | None:
        if getattr(run.train, key) not in ("inverse", "effective", "balanced") or len(set(run.class_counts)) != 1:
            return None
        if not run.predicts_classes:  # of several classes, it is those that have one against those that have not
            return None
        return f"every class has {run.class_counts[0]:,} training examples: none counts for more than another"

    return rule


def _average_decay(run: _Run) -> str | None:
    if run.train.ema_decay is None or run.batches is None:
        return None
    updates = run.train.epochs * -(-run.batches // run.train.accumulation_steps)
    highest = (1 + updates) / (10 + updates)  # of ema.update_ema, in the last of them
    if run.train.ema_decay < highest:
        return None
    return f"{updates:,} updates are too few to reach it: every value from {highest:.4g} on averages alike"


def _top_k(run: _Run) -> str | None:
    if "top_k" not in run.evaluate.model_fields_set:
        return None
    if not run.predicts_classes:
        return "the task does not predict one class an example"
    count = len(run.class_counts)
    certain = [k for k in run.evaluate.top_k if 1 < count <= k]
    if not certain:
        return None
    return f"among {count} classes the right one is always among the first {min(certain)}: lower it, or leave it out"


def _decoder(key: str) -> Callable[[_Run], str | None]:
    def rule(run: _Run) -> str | None:
        block = run.evaluate.decoder
        is_greedy = block is not None and block.name == "greedy" and key in block.model_fields_set
        return "a greedy decoder has none: leave it out, or take name: beam" if is_greedy else None

    return rule


_RUN_RULES: list[tuple[tuple[str, ...], Callable[[_Run], str | None]]] = [
    (("train", "batch_size"), _batch_size),
    (("train", "accumulation_steps"), _accumulation),
    (("train", "schedule", "warmup_epochs"), _warmup),
    (("train", "schedule", "every_epochs"), _every_epochs),
    (("train", "class_weights"), _equal_classes("class_weights")),
    (("train", "sampler"), _equal_classes("sampler")),
    (("train", "mixup"), _mixing("mixup")),
    (("train", "cutmix"), _mixing("cutmix")),
    (("train", "ema_decay"), _average_decay),
    (("train", "early_stopping", "patience"), _patience),
    (("train", "early_stopping"), _early_stopping),
    (("train", "keep"), _keep),
    (("train", "device"), _device),
    (("train", "processes"), _processes),
    (("evaluate", "top_k"), _top_k),
    (("evaluate", "decoder", "width"), _decoder("width")),
    (("evaluate", "decoder", "language_weight"), _decoder("language_weight")),
]
