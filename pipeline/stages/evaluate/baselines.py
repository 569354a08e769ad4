"""Baselines that take a while: computed once for the same arrays and the same code, then kept."""

import hashlib
import json
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline import paths
from pipeline.console import say
from saccade.core.files import sha256_of_file, write_json
from saccade.data.prepared import Description, Split, open_split, read_description
from saccade.data.spec import SPLITS
from saccade.kinds.image import hog_baseline
from saccade.kinds.series.forecast_baselines import baseline_answers
from saccade.kinds.tokens.baselines import ngram_baselines, ngram_features, ngram_model


def image_baseline(dataset: str, description: Description) -> dict[str, Any]:
    """What ``saccade.kinds.image.hog_baseline.image_baseline`` finds for a dataset.

    Args:
        dataset: key in ``datasets:``.
        description: of its prepared arrays.

    Returns:
        Its values, as they come out of JSON.
    """

    def compute(*splits: Split) -> dict[str, Any]:
        return hog_baseline.image_baseline(*(array for split in splits for array in (split.examples, split.labels)))

    return _kept(
        dataset, description, compute, [hog_baseline], "gradient histograms and pixels into a logistic regression"
    )


def text_baseline(dataset: str, description: Description) -> dict[str, Any]:
    """What ``saccade.kinds.tokens.baselines.ngram_baselines.text_baseline`` finds for a dataset.

    Args:
        dataset: key in ``datasets:``.
        description: of its prepared arrays.

    Returns:
        Its values, as they come out of JSON.
    """
    is_next = description.spec.answers == "each_step"
    how = "the last 4 tokens, counted" if is_next else "runs of characters or words into a logistic regression"
    code = [ngram_baselines, ngram_features, ngram_model, hog_baseline]
    return _kept(
        dataset,
        description,
        lambda train, validation, test: ngram_baselines.text_baseline(train, validation, test, description.spec),
        code,
        how,
    )


def beside_forecasts(prepared: Path, *, with_baselines: bool) -> dict[str, Any]:
    """What is shown beside the forecasts for a dataset's test split; nothing where nothing is forecast.

    Args:
        prepared: the dataset's folder.
        with_baselines: let simple models learn from its training split, and forecast.

    Returns:
        ``timeline`` and ``baselines``, as ``saccade.tasks.forecast.evaluate`` takes them.
    """
    description = read_description(prepared)
    if description.timeline is None:
        return {}
    answers = None
    if with_baselines:
        train, validation, test = (open_split(prepared, split) for split in ("train", "validation", "test"))
        answers = baseline_answers(
            train,
            validation,
            test,
            description.spec,
            mean=description.mean,
            std=description.std,
            seasons=description.timeline.seasons,
        )
    return {"timeline": description.timeline, "baselines": answers}


def _kept(
    dataset: str,
    description: Description,
    compute: Callable[..., dict[str, Any]],
    code: Sequence[ModuleType],
    how: str,
) -> dict[str, Any]:
    digests = sorted(description.digests(*SPLITS).values())
    versions = [*(sha256_of_file(Path(str(module.__file__))) for module in code), metadata.version("scikit-learn")]
    key = hashlib.sha256("/".join([*digests, *versions]).encode()).hexdigest()[:24]
    kept = paths.baseline_store() / f"{key}.json"
    if not kept.exists():
        say(f"  {dataset}: measuring the baseline, once ({how})")
        write_json(kept, compute(*(open_split(paths.prepared(dataset), split) for split in SPLITS)))
    return json.loads(kept.read_text(encoding="utf-8"))
