"""From the record of a training to a verdict in plain words: what is wrong, in which layer, and what to change.

Each rule looks at the record alone and answers with a verdict or with None; the first that answers is the verdict.
Causes stand before what they lead to: a learning rate that is much too high kills ReLUs, and dead ReLUs let gradients
vanish. All numbers that decide stand in saccade.doctor.thresholds, with their reasons.
"""

import math
import statistics
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from saccade.doctor import remedies, thresholds
from saccade.doctor.record import Record
from saccade.doctor.remedies import Change, Changes


@dataclass(frozen=True)
class Verdict:
    """What a training suffers from.

    Attributes:
        name: healthy, too early to tell, non-finite, exploding, dead ReLUs, vanishing, not learning, overfitting or
            swinging about a constant answer.
        evidence: a sentence with the numbers.
        layer: where; None where it is no layer's.
        remedy: a sentence; empty for the healthy.
        changes: changes of params.yaml, to be made together.
        notes: sentences worth knowing that are no illness.
    """

    name: str
    evidence: str
    layer: str | None = None
    remedy: str = ""
    changes: Changes = ()
    notes: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        """Name and layer, such as "vanishing, in layer features.3"."""
        return self.name + (f", in layer {self.layer}" if self.layer else "")


def diagnose(record: Record) -> Verdict:
    """Name what is wrong with a training, or that nothing is.

    Args:
        record: record of the training, finished or not.

    Returns:
        The verdict of the first rule that has one.
    """
    for rule in (
        _non_finite,
        _no_epoch,
        _exploding,
        _too_early,
        _dead,
        _faded_over_time,
        _faded,
        _swinging,
        _not_learning,
        _overfitting,
    ):
        verdict = rule(record)
        if verdict is not None:
            return verdict
    moves = record.latest("update_ratio")
    last = record.losses("validation")[-1]
    return Verdict(
        "healthy",
        f"validation loss {last:.3g}, {last / record.constant_loss:.1%} of what a constant answer gets; in the last "
        f"epoch an update moved the layers by {_span(moves.values())} of their norm",
        notes=tuple(
            f"{share:.0%} of the units of {layer} are 0 for every validation example: it could be smaller"
            for layer, share in record.latest("dead_share").items()
            if share >= thresholds.WORTH_A_NOTE
        ),
    )


# --- rules, causes first ----------------------------------------------------------------------------------------------


def _non_finite(record: Record) -> Verdict | None:
    if record.broke is None:
        return None
    broke, divisor = record.broke, remedies.divisor_of_rate(record)
    clipping = remedies.clipping(record)
    return Verdict(
        "non-finite",
        f"in epoch {broke['epoch']}, after {broke['updates']} updates, the loss was no finite number; first broken: "
        f"{broke['where']}{_largest_update(record)}",
        layer=str(broke["where"]).partition(" of ")[2] or None,
        remedy=f"{_lower(divisor, clipping)}; if it breaks again, look in the batch that was kept for numbers that are "
        "not finite",
        changes=(*remedies.rate(record, divisor), *clipping),
    )


def _largest_update(record: Record) -> str:
    layer, ratio = _most(record.largest("update_ratio"))
    return f"; one update moved {layer} by {ratio:.2g} times its norm" if ratio > thresholds.LARGE_UPDATE else ""


def _no_epoch(record: Record) -> Verdict | None:
    return None if record.history else Verdict("too early to tell", "no epoch is finished")


def _exploding(record: Record) -> Verdict | None:
    """Weights grow, updates are as large as what they change, gradients stay above 1 and grow; nothing is learnt."""
    losses, jump, growth = record.losses("train"), record.jump(), record.growth()
    has_jumped = jump > thresholds.JUMPED and losses[-1] > thresholds.STANDS_STILL * record.constant_loss
    if not (has_jumped or _stands_still(record)):
        return None
    grown, times = _most(growth)
    moved, ratio = _most(record.largest("update_ratio"))
    norms = [float(row["gradient_norm"]) for row in record.history]
    signs = []
    if growth and statistics.median(growth.values()) > thresholds.GREW:
        signs.append((grown, f"the weights of {grown} grew {times:.3g} times"))
    if ratio > thresholds.LARGE_UPDATE:
        signs.append((moved, f"one update moved {moved} by {ratio:.2g} times its norm"))
    stays_large = (
        min(norms[len(norms) // 2 :]) > thresholds.LARGE_GRADIENT and norms[-1] > thresholds.GREW_GRADIENT * norms[0]
    )
    if stays_large and losses[-1] > min(losses):
        layer, _ = _most(record.latest("gradient_norm"))
        signs.append((layer, f"the gradient's norm stays above 1 and grew from {norms[0]:.3g} to {norms[-1]:.3g}"))
    if not signs:
        return None
    sentences = [f"the loss jumped to {jump:.3g} times its best"] * has_jumped + [sentence for _, sentence in signs]
    divisor = remedies.divisor_of_rate(record)
    clipping = remedies.clipping(record) if stays_large or divisor == 10 else ()
    return Verdict(
        "exploding",
        f"{remedies.listed(sentences)}; {_standing(record)}",
        layer=signs[0][0],
        remedy=_lower(divisor, clipping),
        changes=(*remedies.rate(record, divisor), *clipping),
    )


def _too_early(record: Record) -> Verdict | None:
    if len(record.history) >= thresholds.MIN_EPOCHS or not _stands_still(record):
        return None
    return Verdict(
        "too early to tell", f"{_epochs(record)}: many networks wait that long before they learn; {_standing(record)}"
    )


def _dead(record: Record) -> Verdict | None:
    shares = {layer: share for layer, share in record.latest("dead_share").items() if share >= thresholds.DEAD}
    if not shares or not _stands_still(record):
        return None
    first, *others = shares  # nothing passes the first one already
    changes = remedies.normalisation(record) or remedies.activation(record, "tanh") or remedies.rate(record, 10)
    what = {
        "model.normalisation": "take batch norms: before a ReLU, they lift what arrives there whatever the bias",
        "model.activation": "take tanh, which has a slope everywhere",
        "train.optimizer.lr": "lower the learning rate to a tenth: large updates push units below 0",
    }
    return Verdict(
        "dead ReLUs",
        f"{shares[first]:.0%} of the units of {first} are 0 for every validation example, so no gradient passes them"
        + (f", and so it is in {remedies.listed(others[:3])}" if others else "")
        + f"; {_standing(record)}",
        layer=first,
        remedy=(what[changes[0].key] if changes else "train from other first weights")
        + "; see where large negative biases come from: the first weights, or updates that were too large",
        changes=changes,
    )


def _faded_over_time(record: Record) -> Verdict | None:
    share, rows = record.share_over_time(), record.over_time()
    if share is None:
        return None
    # Of a gated network dL/dh_t is not all that reaches step t, so a small one alone says less.
    is_gated = record.settings.get("model.name", "rnn") != "rnn"
    learnt = thresholds.STANDS_STILL if is_gated else thresholds.HARDLY_LEARNS
    if share >= thresholds.FADED_OVER_TIME or record.late_loss() < learnt:
        return None
    reached = next(row["step"] for row in rows if row["gradient_norm"] > thresholds.REACHED * rows[-1]["gradient_norm"])
    changes = remedies.attention(record) if is_gated else (Change("model.name", "lstm"),)
    remedy = "take an LSTM, whose memory carries gradients through time"
    if is_gated:
        remedy = "let the answer see every step: attention over the outputs" if changes else "read shorter sequences"
    return Verdict(
        "vanishing",
        f"at step {rows[0]['step']:.0f} of {rows[-1]['step']:.0f} dL/dh_t is {_power(share)} of what it is at the "
        f"last, and more than a thousandth only from step {reached:.0f} on: what was read before cannot be learnt; "
        f"{_standing(record)}",
        layer=str(rows[0]["layer"]),
        remedy=remedy,
        changes=changes,
    )


def _faded(record: Record) -> Verdict | None:
    found, gradients = record.gradient_share(), record.latest("gradient_norm")
    if found is None or found[0] >= thresholds.FADED or not _stands_still(record):
        return None
    share, third = found
    layer, moves = next(iter(gradients)), record.latest("update_ratio")
    before, now = record.ends("weight_norm")[layer]
    shrank = f", and its weights shrank from {before:.3g} to {now:.3g}" if now < 0.5 * before else ""
    changes = (*remedies.residual(record), *remedies.activation(record, "relu"), *remedies.normalisation(record))
    changes = changes or remedies.shorter(record)
    what = remedies.listed([remedies.CHANGES_IN_WORDS[change.key] for change in changes]) if changes else "fewer layers"
    return Verdict(
        "vanishing",
        f"by the norm of their weights, the first {third} of {len(gradients)} layers get {_power(share)} of the "
        f"gradient of the last {third}; an update moves {layer} by {_power(moves.get(layer, 0))} of its "
        f"norm{shrank}; {_standing(record)}",
        layer=layer,
        remedy=f"take what lets gradients pass many layers: {what}",
        changes=changes,
    )


def _swinging(record: Record) -> Verdict | None:
    """Rare classes that weigh a lot: each update throws the others about, and validation about a constant answer."""
    weights, sampler = record.settings.get("train.class_weights"), record.settings.get("train.sampler")
    steps, above = record.swing()
    is_weighed = weights in ("inverse", "effective") or sampler == "balanced"
    if not is_weighed or len(record.history) < thresholds.MIN_EPOCHS_OF_SWINGS or record.is_below_baseline is False:
        return None
    if steps < thresholds.SWINGS or above < thresholds.CONSTANT_IS_NO_WORSE:
        return None
    what = "sampler: balanced" if sampler == "balanced" else f"class_weights: {weights}"
    compared = "; on the test split it is worse than a simple model" if record.is_below_baseline else ""
    return Verdict(
        "swinging about a constant answer",
        f"with {what}, the validation loss moves by {steps:.0%} of what a constant answer gets from an epoch to the "
        f"next, and in {above:.0%} of the later epochs a constant answer is no worse{compared}; {_standing(record)}",
        remedy="a few examples of rare classes weigh as much as all others: let each example count the same, keep the "
        "best epoch, and lower the learning rate if it goes on",
        changes=remedies.equal_examples(record),
    )


def _not_learning(record: Record) -> Verdict | None:
    validation = record.losses("validation")
    best, half = min(validation), len(validation) // 2
    if len(validation) < thresholds.MIN_EPOCHS:
        return None
    has_stopped = _stands_still(record) and min(validation[half:]) > thresholds.NO_LONGER_FALLS * min(validation[:half])
    if not (best >= thresholds.NEVER_BETTER * record.constant_loss or has_stopped):
        return None
    moves = record.largest("update_ratio")
    if moves and max(moves.values()) < thresholds.TINY_UPDATE:
        return Verdict(
            "not learning",
            f"no update moved a layer by more than {_power(max(moves.values()))} of its norm; {_standing(record)}",
            remedy="raise the learning rate a hundred times",
            changes=remedies.rate(record, 0.01),
        )
    by_heart = record.losses("train")[-1] < thresholds.STANDS_STILL * record.constant_loss
    training = "the training examples are learnt by heart" if by_heart else "the training loss stands still, too"
    return Verdict(
        "not learning",
        f"the validation loss was never below {best:.3g}, though gradients reach every layer, and updates move them by "
        f"{_span(record.latest('update_ratio').values())} of their norm; {training}; {_standing(record)}",
        remedy="the labels do not follow from the examples: look at some of them together (the report of the dataset, "
        "`saccade preview`), at how they are read, and at what preprocessing leaves of them",
        changes=remedies.source(record),
    )


def _overfitting(record: Record) -> Verdict | None:
    validation, train = record.losses("validation"), record.losses("train")
    best = min(range(len(validation)), key=lambda index: validation[index])
    rose = record.rise() > thresholds.ROSE and min(validation[-2:]) > thresholds.ROSE_TIMES * validation[best]
    if not rose or train[-1] > train[best]:
        return None
    return Verdict(
        "overfitting",
        f"the validation loss rose from {validation[best]:.3g} in epoch {best + 1} to {validation[-1]:.3g}, while the "
        f"training loss fell from {train[best]:.3g} to {train[-1]:.3g}: the gap grew from "
        f"{validation[best] - train[best]:.3g} to {validation[-1] - train[-1]:.3g}",
        remedy="more examples or augmented views of them; else dropout, weight decay or mixup; or keep the epoch that "
        f"was best, {best + 1}" + (", as this run does" if record.settings.get("train.keep") == "best" else ""),
        changes=remedies.against_overfitting(record, best + 1),
    )


# --- words ------------------------------------------------------------------------------------------------------------


def _stands_still(record: Record) -> bool:
    return record.late_loss() >= thresholds.STANDS_STILL or math.isnan(record.late_loss())


def _most(values: dict[str, float]) -> tuple[str, float]:
    """The largest, and whose it is; 0 of nobody where there are none."""
    return max(values.items(), key=lambda item: item[1], default=("", 0.0))


def _lower(divisor: int, clipping: Changes) -> str:
    part = {10: "a tenth", 100: "a hundredth", 1000: "a thousandth"}[divisor]
    return f"lower the learning rate to {part}" + (", and clip gradients" if clipping else "")


def _standing(record: Record) -> str:
    if not record.history:
        return "no epoch is finished"
    train, validation = record.losses("train")[-1], record.losses("validation")[-1]
    return f"loss {train:.3g}, validation loss {validation:.3g}; a constant answer gets {record.constant_loss:.3g}"


def _power(share: float) -> str:
    """Such as "8e-13"; 0 as "0"."""
    return f"{share:.0e}" if share else "0"


def _span(values: Collection[Any]) -> str:
    return f"{min(values):.1g} to {max(values):.1g}" if values else "an unknown share"


def _epochs(record: Record) -> str:
    return f"{len(record.history)} epoch{'s' if len(record.history) > 1 else ''}"
