"""What a network over texts has to beat: counted runs of characters or words, and a linear model over them.

Everything is done from the prepared arrays: what the network reads, cut and with the same unknown tokens.

Shapes: N texts or windows, T tokens of one, V ids of the vocabulary, K classes.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from saccade.data.prepared import Split
from saccade.data.spec import PAD, Spec
from saccade.data.thresholds import choose_thresholds
from saccade.evaluate.metrics import classification_metrics
from saccade.evaluate.multilabel_metrics import mean_average_precision, metrics_by_example, multilabel_metrics
from saccade.kinds.linear_baseline import SEARCH_EXAMPLES, stratified_rows
from saccade.kinds.tokens.baselines.ngram_features import Runs, choose_features, count_features, runs_of
from saccade.kinds.tokens.baselines.ngram_model import Windows, fit_ngrams
from saccade.kinds.tokens.text.tokenizer import Tokenizer, count_tokens, cut, tokenizer_of

RUN_LENGTHS = {"character": (1, 2, 3, 4, 5), "word": (1, 2)}
STRENGTHS = (1.0, 10.0, 100.0)  # scikit-learn's C: the larger, the weaker the regularisation
MAX_ITERATIONS = 200
MAX_RUNS = 40_000_000  # of the training texts: 0.7 GB while they are counted
MAX_WEIGHTS = 4_000_000  # features x classes: the solver holds about 25 numbers for each
MAX_FEATURES = 500_000
MIN_EXAMPLES = 2_000  # long texts may cost more than planned rather than sink below this
BATCH = 500  # texts whose runs are held at a time

ORDER = 5  # of the model of next tokens: it looks back at 4
MAX_TOKENS = 10_000_000  # the last ones of the training part


def text_baseline(train: Split, validation: Split, test: Split, spec: Spec) -> dict[str, Any]:
    """What the simple model for this kind of texts gets on the test split.

    Args:
        train: tokens int32 (N, T), and labels int64 (N,), or (N, T) where each token is asked for the next.
        validation: likewise.
        test: likewise; used for the answer only.
        spec: of kind tokens.

    Returns:
        As of ``classify_baseline`` or ``next_token_baseline``.
    """
    if spec.output == "per_token":
        return next_token_baseline(train, validation, test, spec)
    return classify_baseline(train, validation, test, spec)


def next_token_baseline(train: Split, validation: Split, test: Split, spec: Spec) -> dict[str, Any]:
    """A model of the last 4 tokens (``ngram_model.py``), which sees no more of a window than the network does.

    Args:
        train: tokens and the next ones, int (N, T); rows say where in the text each window begins.
        validation: likewise.
        test: likewise.
        spec: spec of a dataset whose output is per_token.

    Returns:
        On test ``loss`` (nats a token), ``perplexity`` and, of characters, ``bits_per_character``; ``model``, its name;
        ``validation_loss``; ``train_tokens`` it was fitted on.
    """
    num_ids = len(spec.vocabulary)
    texts = _joined(train)
    model = fit_ngrams(texts, num_ids=num_ids, order=ORDER)

    def loss_of(split: Split) -> float:
        total, asked = 0.0, 0
        for start in range(0, len(split.examples), BATCH):
            tokens, labels = _int64(split.examples[start : start + BATCH]), split.labels[start : start + BATCH]
            probabilities = model.probabilities(tokens, labels)[labels != PAD]
            total -= float(np.log(probabilities).sum())
            asked += len(probabilities)
        return total / asked

    loss = loss_of(test)
    result: dict[str, Any] = {"loss": loss, "perplexity": math.exp(loss)}
    if spec.unit == "characters":
        result["bits_per_character"] = loss / math.log(2)
    return result | {
        "model": f"{ORDER}-grams of {spec.unit}, Kneser-Ney",
        "validation_loss": loss_of(validation),
        "train_tokens": sum(int((labels != PAD).sum()) for _, labels in texts),
    }


def _joined(train: Split) -> list[Windows]:
    """The training part as one window, where its windows follow each other or overlap; else the windows.

    Counted window by window, contexts would end at every border, and what lies in two windows would count twice.
    """
    real_N = (train.labels != PAD).sum(axis=1)
    starts_N = np.asarray(train.rows)
    keep = np.flatnonzero(starts_N + real_N >= starts_N[-1] + real_N[-1] - MAX_TOKENS)
    first = int(starts_N[keep[0]])
    text = np.full(int(starts_N[-1] + real_N[-1]) - first + 1, PAD, dtype=np.int64)
    for row in keep.tolist():
        start = int(starts_N[row]) - first
        for shift, ids in enumerate((train.examples[row], train.labels[row])):
            place = slice(start + shift, start + shift + int(real_N[row]))
            if ((text[place] != PAD) & (text[place] != ids[: real_N[row]])).any():
                return [(_int64(train.examples), np.asarray(train.labels))]  # rows are no places of one text
            text[place] = ids[: real_N[row]]
    return [(text[None, :-1], text[None, 1:])]


def _int64(tokens_NT: np.ndarray) -> np.ndarray:
    return np.asarray(tokens_NT, dtype=np.int64)


def classify_baseline(train: Split, validation: Split, test: Split, spec: Spec, *, seed: int = 0) -> dict[str, Any]:
    """Logistic regressions over runs of characters and over runs of words; the better one on validation answers.

    Runs of 1 to 5 characters, or of 1 and 2 words, are counted, damped (1 + log), weighted by how rare they are and
    brought to length 1. Each strength C of ``STRENGTHS`` is tried on at most ``SEARCH_EXAMPLES`` training texts, and
    the best on validation (of equals the smaller) is fitted on all of them. Texts too many or too long for memory are
    thinned, classes in proportion.

    Args:
        train: tokens int (N, T), classes int (N,).
        validation: likewise. Only this one chooses.
        test: likewise; used for the answer only.
        spec: with classes.
        seed: which texts the search (and a thinned fit) sees; nothing else is random.

    Returns:
        On test ``accuracy``, ``balanced_accuracy``, ``macro_f1`` and ``loss`` of the model that is better on
        validation; ``model``, its name; ``C``; ``validation_accuracy``; ``train_examples`` it was fitted on;
        ``converged``; and ``both``: test and validation accuracy of each of the two models, by name. Where a text may
        have several classes, as of ``multilabel_metrics``, and ``validation_mean_average_precision``, which chooses.
    """
    splits = {"train": train, "validation": validation, "test": test}
    found = {family: _classify(family, splits, spec, seed) for family in RUN_LENGTHS}
    if spec.multilabel:
        return max(found.values(), key=lambda result: result["validation_mean_average_precision"])
    best = max(found.values(), key=lambda result: result["validation_accuracy"])  # of equals the first
    both = {
        result["model"]: {key: result[key] for key in ("accuracy", "validation_accuracy")} for result in found.values()
    }
    return best | {"both": both}


def _classify(family: str, splits: dict[str, Split], spec: Spec, seed: int) -> dict[str, Any]:
    lengths = RUN_LENGTHS[family]
    reader = _Reader(family, spec, splits["train"])
    train = splits["train"]
    some = reader.read(train.examples[: min(len(train.labels), BATCH)])
    runs_a_text = max(1.0, len(lengths) * sum(map(len, some)) / max(len(some), 1))
    rows = stratified_rows(_strata(train.labels), max(MIN_EXAMPLES, int(MAX_RUNS / runs_a_text)), seed)
    labels_N = np.asarray(train.labels)[rows]

    fit: Callable[..., Any] = _one_against_rest if spec.multilabel else _fitted
    most = min(MAX_FEATURES, MAX_WEIGHTS // (1 if len(spec.classes) == 2 else len(spec.classes)))

    def batches(examples: np.ndarray, chosen: np.ndarray) -> Iterator[Runs]:
        for start in range(0, len(chosen), BATCH):
            yield runs_of(reader.read(examples[chosen[start : start + BATCH]]), lengths)

    features = choose_features(batches(train.examples, rows), least_texts=min(2, len(rows)), most=most)
    weigh = _Weights(batches(train.examples, rows), features)
    train_ND = weigh.train_ND

    def probabilities(model: Any, split: Split) -> np.ndarray:
        made = [model.predict_proba(weigh.rows(runs)) for runs in batches(split.examples, np.arange(len(split.labels)))]
        if spec.multilabel:
            return np.concatenate(made)
        made_NK = np.zeros((len(split.labels), len(spec.classes)))
        made_NK[:, model.classes_] = np.concatenate(made)
        return made_NK

    def validation_accuracy(model: Any) -> float:
        if spec.multilabel:
            return mean_average_precision(probabilities(model, splits["validation"]), splits["validation"].labels)
        answers_N = probabilities(model, splits["validation"]).argmax(axis=1)
        return float((answers_N == splits["validation"].labels).mean())

    search = stratified_rows(_strata(labels_N), SEARCH_EXAMPLES, seed)
    tried = [fit(train_ND[search], labels_N[search], C) for C in STRENGTHS]
    final = tried[int(np.argmax([validation_accuracy(model) for model in tried]))]
    if len(search) < len(rows):
        final = fit(train_ND, labels_N, final.C)
    model_name = f"{family} n-grams ({lengths[0]} to {lengths[-1]}), logistic regression"
    if spec.multilabel:
        held_NK = probabilities(final, splits["validation"])
        thresholds = choose_thresholds(held_NK, np.asarray(splits["validation"].labels))
        tested_NK, test_labels_NK = probabilities(final, splits["test"]), np.asarray(splits["test"].labels)
        by_example = metrics_by_example(tested_NK, test_labels_NK, thresholds)
        return multilabel_metrics(tested_NK, test_labels_NK, thresholds) | {
            "outcomes": {"samples_f1": by_example["samples_f1"].tolist()},
            "model": f"{model_name} a class",
            "C": final.C,
            "validation_mean_average_precision": validation_accuracy(final),
            "train_examples": len(rows),
        }
    tested_NK, test_labels_N = probabilities(final, splits["test"]), np.asarray(splits["test"].labels)
    measured = classification_metrics(tested_NK, test_labels_N, top_k=())
    return {
        "outcomes": {"accuracy": (tested_NK.argmax(axis=1) == test_labels_N).astype(int).tolist()},
        **{key: measured[key] for key in ("accuracy", "balanced_accuracy", "macro_f1", "loss")},
        "model": model_name,
        "C": final.C,
        "validation_accuracy": validation_accuracy(final),
        "train_examples": len(rows),
        "features": len(features),
        "converged": bool(final.n_iter_.max() < MAX_ITERATIONS),
    }


def _strata(labels: np.ndarray) -> np.ndarray:
    """The classes of texts, for thinning; where they may have several, all are alike."""
    labels = np.asarray(labels)
    return labels if labels.ndim == 1 else np.zeros(len(labels), dtype=np.int64)


class _OneAgainstRest:
    """A logistic regression a class, or the share of a class that all of the texts have, or none.

    Args:
        models: as ``_fitted`` gives them, or a share, in the order of the classes.
        C: strength of all.
    """

    def __init__(self, models: list[Any], C: float) -> None:
        self.models, self.C = models, C

    def predict_proba(self, features_ND: Any) -> np.ndarray:
        """Probability of each class by itself, float (N, K)."""
        N = features_ND.shape[0]
        columns = [
            np.full(N, model) if isinstance(model, float) else model.predict_proba(features_ND)[:, 1]
            for model in self.models
        ]
        return np.stack(columns, axis=1)


def _one_against_rest(features_ND: Any, labels_NK: np.ndarray, C: float) -> _OneAgainstRest:
    models = [
        float(has_N[0]) if len(np.unique(has_N)) == 1 else _fitted(features_ND, has_N, C) for has_N in labels_NK.T
    ]
    return _OneAgainstRest(models, C)


class _Reader:
    """Prepared texts as ids of characters or words, whichever of them the dataset's own tokens are.

    Args:
        family: character or word.
        spec: of the dataset.
        train: whose words get a number; where words are the tokens, they have one.
    """

    def __init__(self, family: str, spec: Spec, train: Split) -> None:
        self._is_own = spec.unit == f"{family}s"
        self._tokens: Tokenizer = tokenizer_of(spec)
        self._number_of: dict[str, int] | None = None
        if not self._is_own and family == "word":
            texts = (self._tokens.decode(ids.tolist()) for ids in train.examples)
            self._number_of = {word: i for i, word in enumerate(sorted(count_tokens(texts, "words")), start=1)}

    def read(self, examples_NT: np.ndarray) -> list[np.ndarray]:
        """Ids of each text, without padding; 0 is not among them but for words that training does not have."""
        return [self._read(ids[: int((ids != PAD).sum())]) for ids in np.asarray(examples_NT)]

    def _read(self, ids: np.ndarray) -> np.ndarray:
        if self._is_own:
            return ids
        text = self._tokens.decode(ids.tolist())
        if self._number_of is None:
            return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        return np.array([self._number_of.get(word, 0) for word in cut(text, "words")], dtype=np.int64)


class _Weights:
    """How much each run counts for: less where many texts hold it.

    Args:
        batches: runs of the training texts.
        features: that are looked at.
    """

    def __init__(self, batches: Iterable[Runs], features: np.ndarray) -> None:
        from scipy.sparse import vstack
        from sklearn.feature_extraction.text import TfidfTransformer

        self._features = features
        counted_ND = vstack([count_features(runs, features) for runs in batches], format="csr")
        self._transformer = TfidfTransformer(sublinear_tf=True).fit(counted_ND)
        self.train_ND = self._transformer.transform(counted_ND, copy=False)

    def rows(self, runs: Runs) -> Any:
        """Texts as rows of length 1, sparse (N, D)."""
        return self._transformer.transform(count_features(runs, self._features))


def _fitted(features_ND: Any, labels_N: np.ndarray, C: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told by the result's ``converged``
        return LogisticRegression(C=C, solver="lbfgs", max_iter=MAX_ITERATIONS).fit(features_ND, labels_N)
