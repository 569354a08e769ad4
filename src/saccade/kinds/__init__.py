"""One folder a kind of data, behind one protocol: reading, checks, preparing, its sections of pages, its baseline.

What several kinds share belongs to prepare/, display/ or report/.

A kind is a folder; its name is the ``KIND`` of the sources that give it. Everything outside asks the functions below,
and never which kind it is. Its ``__init__.py`` imports nothing heavy, for ``saccade check`` reads it, and holds

    LAYOUT   = "image"                    one of ``data.spec.LAYOUTS``: what networks it can be given to
    PLURAL   = "images"                   what several examples are called
    FORMS    = {"classes": "images"}      the ``LABELS`` of a source to the file of this folder that prepares them

and, where the kind has them, the functions ``problems``, ``recommend``, ``baseline_run``, ``baseline``,
``features_baseline``, ``beside_answers``, ``properties``, ``draw_mistakes``, ``draw_examples``, ``excerpts``,
``from_array``, ``from_bytes``, ``measures_of_new`` and ``read_new``, each described at the function of that name in the
files beside, or at ``baselines``. The file of a form holds

    SPLIT    = ("group_by", "folds")      which keys of ``split:`` it takes besides test, validation, order and seed
    def prepare(examples, job, *, size: ..., fit: ... = "stretch") -> Prepared

whose keyword arguments are the ``preprocess:`` block of params.yaml: annotations say what each may be (plain types,
``Literal``, ``core.options``), defaults what is optional, and the ``Args`` of its docstring what each means.
"""

from saccade.kinds.new_examples import (
    NewExample,
    NewExamples,
    Reading,
    array_type,
    from_array,
    from_bytes,
    how_to_give,
    inputs_of,
    measures_of_new,
    read_new,
)
from saccade.kinds.preparation import (
    Job,
    Prepared,
    form_of,
    forms,
    prepare,
    problems,
    words_for,
)
from saccade.kinds.recommendation import (
    Recommendation,
    Resources,
    baseline_run,
    recommend,
)
from saccade.kinds.shown_examples import (
    draw_examples,
    draw_mistakes,
    excerpts,
    properties,
)
from saccade.kinds.simple_models import (
    Baseline,
    FrozenFeatures,
    baselines,
    beside_answers,
)

__all__ = [
    "Baseline",
    "FrozenFeatures",
    "Job",
    "NewExample",
    "NewExamples",
    "Prepared",
    "Reading",
    "Recommendation",
    "Resources",
    "array_type",
    "baseline_run",
    "baselines",
    "beside_answers",
    "draw_examples",
    "draw_mistakes",
    "excerpts",
    "form_of",
    "forms",
    "from_array",
    "from_bytes",
    "how_to_give",
    "inputs_of",
    "measures_of_new",
    "prepare",
    "problems",
    "properties",
    "read_new",
    "recommend",
    "words_for",
]
