"""Texts, as ids of characters or words: tokenizer, vocabulary, checks, arrays, figures.

Networks over tokens are in nn/ and models/.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from saccade.data.prepared import DatasetInfo, Split
    from saccade.data.spec import Spec
    from saccade.kinds import Baseline, NewExamples, Reading, Recommendation, Resources
    from saccade.prepare.split_settings import SplitSettings

LAYOUT = "tokens"
PLURAL = "texts"
NEW_ARRAYS = "str"
INPUTS = ("PATH", "--text")
GIVE = "give `saccade predict {run} --text TEXT`, or a file of lines"
FORMS = {"classes": "labelled_texts", "several classes": "labelled_texts", "next tokens": "long_texts"}


def problems(
    form: str, source: str, preprocess: Mapping[str, Any], split: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, str], str]]:
    """What is wrong with values that are right one by one; see ``kinds.problems``."""
    if form != "long_texts":
        return
    length, stride = preprocess.get("length"), preprocess.get("stride")
    if isinstance(length, int) and isinstance(stride, int) and stride > length:
        message = f"stride ({stride}) must be at most length ({length}): what lies between windows would not be read"
        yield ("preprocess", "stride"), message
    if split.get("test") == "given":
        yield ("split", "test"), f"{source} publishes no test split: give a share such as 0.05"
    if split.get("order") == "random":
        message = "a long text is cut in its own order: training, validation, test; leave order out, or write time"
        yield ("split", "order"), message
    if split.get("overfit") is True:
        for key in ("test", "validation"):
            if key in split:
                message = f"with overfit, all of the text is in all three splits: leave {key} out"
                yield ("split", key), message


def recommend(
    form: str, examples: Any, preprocess: Mapping[str, Any], split: "SplitSettings", resources: "Resources"
) -> "Recommendation":
    """A bag of n-grams for labelled texts, an LSTM for a long one; see ``kinds.recommend``."""
    from saccade.kinds.tokens import recommended_settings as settings

    if form == "long_texts":
        return settings.recommended_for_long_text(examples, preprocess, split, resources)
    return settings.recommended(examples, preprocess, split, resources)


def baseline_run(form: str, name: str, preprocess: Mapping[str, Any]) -> "Recommendation | None":
    """A bag of n-grams; see ``kinds.baseline_run``."""
    from saccade.kinds.tokens.recommended_settings import ngrams_baseline_run

    return ngrams_baseline_run(preprocess) if form == "labelled_texts" and not name else None


def baseline(info: "DatasetInfo") -> "Baseline":
    """Runs of characters or words into a logistic regression; of next tokens, those that came after the last four."""
    from saccade.data import thresholds
    from saccade.evaluate import multilabel_metrics
    from saccade.kinds import Baseline, linear_baseline
    from saccade.kinds.tokens.baselines import ngram_baselines, ngram_features, ngram_model

    spec = info.spec
    modules = [ngram_baselines, ngram_features, ngram_model, linear_baseline]
    if spec.multilabel:
        modules += [multilabel_metrics, thresholds]
    return Baseline(
        method=f"runs of characters or words into a logistic regression{' a class' if spec.multilabel else ''}"
        if spec.classes
        else "the last 4 tokens, counted",
        measure=lambda train, validation, test: ngram_baselines.text_baseline(train, validation, test, spec),
        # The classifier is chosen by its accuracy, and its loss says little
        metrics=("mean_average_precision", "macro_f1", "micro_f1")
        if spec.multilabel
        else ("accuracy", "balanced_accuracy", "macro_f1")
        if spec.classes
        else ("loss", "perplexity", "bits_per_character"),
        code=[Path(str(module.__file__)) for module in modules],
    )


def draw_mistakes(
    folder: Path,
    probabilities_NK: "np.ndarray",
    test: "Split",
    spec: "Spec",
    thresholds: Sequence[float] = (),
    names: Sequence[str] = (),
) -> None:
    """Write mistakes.csv."""
    from saccade.kinds.tokens.text.display import write_mistakes, write_wrong_classes

    if spec.multilabel:
        write_wrong_classes(folder / "mistakes.csv", probabilities_NK, test, spec, thresholds, names=names)
        return
    write_mistakes(folder / "mistakes.csv", probabilities_NK, test, spec, names=names)


def excerpts(examples: "np.ndarray", spec: "Spec") -> list[str]:
    """The beginning of each text."""
    from saccade.kinds.tokens.text.display import excerpts_of

    return excerpts_of(examples, spec)


def read_new(reading: "Reading") -> "NewExamples":
    """Encode texts, and the lines of files."""
    from saccade.kinds.tokens.new_examples import read_texts_and_lines

    return read_texts_and_lines(reading)
