"""``saccade explain RUN`` without examples, of texts, series and rows of images: what its own data show.

The test split is left alone: examples, means, gradients and the measured units are of the validation split.
"""

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pipeline import paths
from pipeline.commands.explain_sequences import Request, explain_by_all, part_of, states_of, strongest
from pipeline.console import Progress, say, warn
from saccade.core.errors import UserError
from saccade.data.prepared import Split, open_split, read_dataset_info
from saccade.data.spec import PAD
from saccade.explain.attribution.frozen import unchanged
from saccade.explain.sequences import coloured_text, figures
from saccade.explain.sequences.examples import Explained
from saccade.explain.sequences.features import absent_features, text_features
from saccade.explain.sequences.gradients import gradients_over_time
from saccade.explain.sequences.page import Panel, Part, write_page
from saccade.explain.sequences.states import read_states
from saccade.explain.sequences.tracking import Follower, find_followers
from saccade.predict import predictor as prediction
from saccade.predict.predictor import Predictor

_SHOWN = 3  # examples of each sort
_ASKED = 2000  # examples that are asked to find these
_SUMMED = 64  # examples whose influences are added up
_BATCH = 64  # examples whose gradients over time are drawn
_CHARACTERS = 30_000  # of each text in which units are looked for
_EXCERPT = 700  # characters that are coloured by what a unit holds
_MAX_FOLLOWERS = 4  # units whose values are drawn


def explain_run(request: Request) -> None:
    """Explain what a run learnt, on its own data: examples, mean influences, gates, gradients over time, units.

    Args:
        request: what is asked; it names no examples.

    Raises:
        UserError: there is no such model, or its dataset is not prepared here.
    """
    run = request.reading.run
    if not request.dataset:
        raise UserError(f"params.yaml must hold a run {run} to explain it by its data: add it, or give examples")
    trained = prediction.load(paths.model(run), device=request.device)
    with unchanged(trained.network):
        _explain(trained, request)


def _explain(trained: Predictor, request: Request) -> None:
    folder = paths.prepared(request.dataset)
    info = read_dataset_info(folder)
    part = "validation" if info.counts["validation"] else "train"
    held_out = open_split(folder, part)
    request.folder.mkdir(parents=True, exist_ok=True)
    parts: list[Part] = []
    record: dict[str, Any] = {"run": request.reading.run}
    if trained.spec.output != "per_token":
        parts += _examples(trained, request, held_out, record)
        parts += _in_the_mean(trained, request, held_out, record)
    if any(isinstance(module, nn.RNNBase) for module in trained.network.modules()):
        parts += _gradients(trained, request, held_out, record)
        if trained.spec.output == "per_token" and trained.spec.unit == "characters":
            parts += _followers(trained, request, open_split(folder, "train"), held_out, record)
    if request.as_json:
        say(json.dumps(record))
        return
    page = request.folder / "sequences.html"
    unseen = ", from which no weight was learnt" if part == "validation" else ": there is no validation split"
    lead = f"Measured on the {part} split of {request.dataset}{unseen}."
    write_page(page, f"{request.reading.run}: what it does with a sequence", lead, parts)
    say(f"drawn: {page}")


# --- examples ---------------------------------------------------------------------------------------------------------


def _examples(trained: Predictor, request: Request, held_out: Split, record: dict[str, Any]) -> list[Part]:
    """A few of the validation split: of classes the surest right ones and the surest mistakes."""
    parts = []
    record["examples"] = []
    for number, (title, row) in enumerate(_rows_to_show(trained, held_out), start=1):
        one = _explained(trained, request, held_out, row, title)
        record["examples"].append(one.record())
        if request.as_json:
            continue
        say(f"{title}: {', '.join(f'{each.name}' for each in one.answers[:2])}; {strongest(one, one.influences[0])}")
        figure = request.folder / f"own-{number}.png"
        one.draw(figure)
        gates = []
        if number == 1:
            for layer in states_of(trained, held_out.examples[row])[:2]:
                gates.append(request.folder / f"own-{number}-{layer.name.replace(' ', '-')}.png")
                figures.draw_states(layer, one.steps, gates[-1], title=f"{title}: {layer.name}")
        parts.append(part_of(one, figure, gates))
    return parts


def _explained(trained: Predictor, request: Request, held_out: Split, row: int, title: str) -> Explained:
    return explain_by_all(trained, request, np.asarray(held_out.examples[row]), title=title)


def _rows_to_show(trained: Predictor, held_out: Split) -> list[tuple[str, int]]:
    spec = trained.spec
    asked = min(_ASKED, len(held_out.examples))
    if not spec.classes or spec.multilabel:
        rows = np.unique(np.linspace(0, len(held_out.examples) - 1, _SHOWN).astype(int)).tolist()
        return [(f"example {row} of the validation split", row) for row in rows]
    p_NK = trained.outputs(torch.from_numpy(np.asarray(held_out.examples[:asked])))
    actual_N, sure_N = held_out.labels[:asked], p_NK.max(axis=1)
    is_right_N = p_NK.argmax(axis=1) == actual_N
    found = []
    for what, wanted_N in (("rightly", is_right_N), ("wrongly", ~is_right_N)):
        order = np.argsort(-np.where(wanted_N, sure_N, -1.0), kind="stable")[: min(_SHOWN, int(wanted_N.sum()))]
        for row in order.tolist():
            said, actual = spec.classes[int(p_NK[row].argmax())], spec.classes[int(actual_N[row])]
            truth = "" if what == "rightly" else f", but is {actual}"
            found.append((f"validation {row}: {what} {said}{truth}", row))
    return found


# --- in the mean ------------------------------------------------------------------------------------------------------


def _in_the_mean(trained: Predictor, request: Request, held_out: Split, record: dict[str, Any]) -> list[Part]:
    """Of series and rows, how far each step moves the answer; of texts, the tokens that speak for a class."""
    rows = np.unique(
        np.linspace(0, len(held_out.examples) - 1, min(_SUMMED, len(held_out.examples))).astype(int)
    ).tolist()
    found: list[Explained] = []
    started = time.monotonic()
    line_every_s = math.inf if request.as_json else 10.0  # JSON stands alone on standard output
    with Progress("examples", line_every_s=line_every_s) as progress:
        for done, row in enumerate(rows, start=1):
            if time.monotonic() - started > request.limit_s:
                over = f"{request.limit_s:.0f} s are over, --limit gives more"
                warn(f"the mean is that of {len(found)} examples: {over}")
                break
            try:
                found.append(_explained(trained, request, held_out, row, f"example {row}"))
            except UserError as error:  # such as a text of unknown tokens alone
                warn(f"example {row} is left out: {error}")
            progress("explaining", done, len(rows))
    if not found:
        return []
    if trained.spec.layout == "tokens":
        return _tokens_in_the_mean(found, record)
    panels = _moved(found)
    first = found[0]
    record["mean_absolute_influence"] = {name: values.tolist() for name, values in panels.items()}
    if request.as_json:
        return []
    figure = request.folder / "mean-influence.png"
    titled = {
        f"{name}: mean of the influence, without its sign, over {len(found)} examples": v for name, v in panels.items()
    }
    figures.draw_influence(titled, first.steps, first.columns, figure, first.unit.removesuffix("s"))
    return [Part("How far each step moves the answer", [Panel(figure=figure)])]


def _moved(found: Sequence[Explained]) -> dict[str, np.ndarray]:
    """Mean influence without its sign: of numbers for each, of classes for the one that was said; real steps alone."""
    longest = max(len(one.steps) for one in found)
    by_name: dict[str, list[np.ndarray]] = {}
    is_of_numbers = found[0].answers[0].probability is None
    for one in found:
        for influence in one.influences if is_of_numbers else one.influences[:1]:
            name = influence.answer.name if is_of_numbers else "the class that was said"
            missing = [(0, longest - len(influence.values)), *[(0, 0)] * (influence.values.ndim - 1)]
            by_name.setdefault(name, []).append(np.pad(np.abs(influence.values), missing))
    return {name: np.mean(values, axis=0) for name, values in by_name.items()}


def _tokens_in_the_mean(found: Sequence[Explained], record: dict[str, Any]) -> list[Part]:
    sums: dict[str, dict[str, list[float]]] = {}
    for one in found:
        influence = one.influences[0]
        for token, value in zip(one.steps, influence.values.tolist(), strict=True):
            sums.setdefault(influence.answer.name, {}).setdefault(token, []).append(value)
    rows: list[tuple[str, ...]] = [("class", "tokens that speak for it", "tokens that speak against it")]
    record["tokens"] = {}
    for name, tokens in sorted(sums.items()):
        ranked = sorted(tokens, key=lambda token: -sum(tokens[token]))
        speak = [token for token in ranked[:10] if sum(tokens[token]) > 0]
        against = [token for token in ranked[::-1][:10] if sum(tokens[token]) < 0]
        record["tokens"][name] = {token: sum(tokens[token]) for token in [*speak, *against]}
        rows.append((name, *(", ".join(map(coloured_text.shown, some)) for some in (speak, against))))
    note = f"Sums over the {len(found)} examples that were explained, each for the class that was said of it."
    return [Part("Tokens and classes", [Panel(rows=rows, note=note)])]


# --- gradients over time ----------------------------------------------------------------------------------------------


def _gradients(trained: Predictor, request: Request, held_out: Split, record: dict[str, Any]) -> list[Part]:
    rows = slice(0, _BATCH)
    stored, labels = (torch.from_numpy(np.asarray(array[rows])) for array in (held_out.examples, held_out.labels))
    try:
        norms = gradients_over_time(trained, stored, labels)
    except UserError as error:
        warn(f"no gradients over time: {error}")
        return []
    record["gradients_over_time"] = {name: norm_T.tolist() for name, norm_T in norms.items()}
    if request.as_json:
        return []
    figure = request.folder / "gradients-over-time.png"
    figures.draw_gradients_over_time(norms, figure, title=f"gradients over the steps, {len(stored)} examples at once")
    for name, norm_T in norms.items():
        if norm_T[-1] > 0:
            say(f"{name}: the first step gets {norm_T[0] / norm_T[-1]:.3g} of what the last one gets")
    note = (
        "How much the loss would change with each step's state: what an early step can still be taught by the answer."
    )
    return [Part("Gradients over time", [Panel(figure=figure, note=note)])]


# --- units that follow something --------------------------------------------------------------------------------------


def _followers(
    trained: Predictor, request: Request, train: Split, held_out: Split, record: dict[str, Any]
) -> list[Part]:
    chosen, measured = long_text(train), long_text(held_out)
    if min(len(chosen), len(measured)) < 1000:
        warn("no units are looked for: train and validation hold less than 1,000 characters each")
        return []
    found, states_ND, text = followers_of(trained, chosen[:_CHARACTERS], measured[:_CHARACTERS])
    before, _, _ = followers_of(with_random_weights(trained), chosen[:_CHARACTERS], measured[:_CHARACTERS])
    random = {one.feature: one.r for one in before}
    record["units"] = [
        vars(one) | {"is_found": one.is_found, "r_of_random_weights": random[one.feature]} for one in found
    ]
    record["features_that_never_change"] = absent_features(text)
    if request.as_json:
        return []
    say(f"units that follow something, chosen on training text, measured on {len(text):,} characters of validation:")
    for one in found:
        chance = (
            f"by chance the best of all reaches {one.bound:.2f}, with random weights {abs(random[one.feature]):.2f}"
        )
        say(f"  {one.feature}: unit {one.unit}, r {one.r:+.2f}; {chance}")
    figure = request.folder / "units.png"
    draw_followers(found, states_ND, text, figure)
    rows = [("feature", "unit", "r", "by chance, the best of all units", "p", "r of random weights")]
    rows += [(*_follower_row(one), f"{random[one.feature]:+.3f}") for one in found]
    note = (
        "Chosen by the correlation on the training split, measured on the validation split. By chance: 19 of 20 times "
        "no unit of all reaches more where the feature is moved along the text. The last column is the best unit of "
        "the same network with random weights: what a recurrence follows before it has learnt anything."
    )
    return [Part("Units that follow something", [Panel(rows=rows, note=note), Panel(figure=figure)])]


def _follower_row(one: Follower) -> tuple[str, str, str, str, str]:
    return one.feature, str(one.unit), f"{one.r:+.3f}", f"{one.bound:.3f}", f"{one.p:.3f}"


def long_text(split: Split) -> np.ndarray:
    """The ids of a long text again, from windows of it that may overlap.

    Args:
        split: windows of a long text.

    Returns:
        int32 (N,), as far as windows follow each other without a gap.
    """
    pieces: list[np.ndarray] = []
    end = int(split.rows[0])
    for window_T, start in zip(split.examples, split.rows.tolist(), strict=True):
        length = int((window_T != PAD).sum())
        if start > end:
            break
        pieces.append(np.asarray(window_T[end - start : length]))
        end = max(end, start + length)
    return np.concatenate(pieces)


def followers_of(
    trained: Predictor, chosen_N: np.ndarray, measured_N: np.ndarray
) -> tuple[list[Follower], np.ndarray, str]:
    """The units of all layers that follow features of a text best.

    Args:
        trained: network over characters.
        chosen_N: ids of the text on which units are chosen.
        measured_N: ids of the text on which they are measured.

    Returns:
        The units, what all units hold over the second text (N, D), and this text.
    """
    states, features, texts = [], [], []
    for ids_N in (chosen_N, measured_N):
        layers = read_states(trained, torch.from_numpy(ids_N)[None], keep=("cell", "hidden"))
        states.append(np.concatenate([layer.values[layer.memory] for layer in layers], axis=1))
        texts.append(
            "".join(trained.spec.vocabulary[i] if i > 1 else "\N{REPLACEMENT CHARACTER}" for i in ids_N.tolist())
        )
        features.append(text_features(texts[-1]))
    return find_followers(states[0], features[0], states[1], features[1]), states[1], texts[1]


def with_random_weights(trained: Predictor) -> Predictor:
    """The same network before it has learnt anything, its weights drawn from seed 0; the generator stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = trained.config.build_network()
    return Predictor(trained.config, network.to(trained.device).eval(), trained.device)


def draw_followers(found: Sequence[Follower], states_ND: np.ndarray, text: str, path: Path) -> None:
    """Draw an excerpt of a text, coloured by what each of the best units holds: tanh of it, its sign that of r.

    Args:
        found: units, the closest first.
        states_ND: what all units hold over the text.
        text: the text.
        path: the PNG to write.
    """
    shown: list[coloured_text.ColouredText] = []
    seen: set[int] = set()
    start = max(0, text.find("\n\n", min(len(text) // 2, 5000)) + 2)
    excerpt = slice(start, start + _EXCERPT)
    for one in found:
        if one.unit in seen or not one.is_found or len(shown) == _MAX_FOLLOWERS:
            continue
        seen.add(one.unit)
        values_N = np.tanh(states_ND[excerpt, one.unit]) * np.sign(one.r)
        title = f"unit {one.unit}: {one.feature}, r {one.r:+.2f} (by chance up to {one.bound:.2f})"
        shown.append(coloured_text.ColouredText(title, list(text[excerpt]), values_N, "characters"))
    if shown:
        coloured_text.draw_texts(shown, path, "tanh of what the unit holds, blue above 0, turned where r is below 0")
