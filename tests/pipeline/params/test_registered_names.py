"""Names and arguments of sources, tasks and models, checked against the library's files."""

from pathlib import Path

import pytest
from params_helpers import changed, problems_of

ONE_PROBLEM = {
    "unknown model": (
        ("{name: lenet5}", "{name: lenet}"),
        "line 16: runs.cnn.model.name: 'lenet' is not known; did you mean 'lenet5'?",
    ),
    "a model that is to be decided": (
        ("{name: lenet5}", "{name: auto}"),
        "line 16: runs.cnn.model.name: 'auto' is no model: what a run is made of stands here. `saccade add --auto "
        "DATASET` writes a run whose model, and the rest, it has decided",
    ),
    "unknown task": (
        ("{name: classify}", "{name: clasify}"),
        "line 15: runs.cnn.task.name: 'clasify' is not known; did you mean 'classify'?",
    ),
    "unknown source": (
        ("{name: digits}", "{name: digts}"),
        "line 5: datasets.toy.source.name: 'digts' is not known; did you mean 'digits'?",
    ),
    "unknown model argument": (
        ("{name: lenet5}", "{name: lenet5, paddin: 2}"),
        "line 16: runs.cnn.model.paddin: lenet5 takes no 'paddin'; did you mean 'padding'?",
    ),
    "what build takes by place is no argument": (
        ("{name: lenet5}", "{name: lenet5, spec: 2}"),
        "line 16: runs.cnn.model.spec: lenet5 takes no 'spec'; known: activation, dropout, form, normalisation, "
        "padding, pooling",
    ),
    "model argument of another type": (
        ("{name: lenet5}", "{name: lenet5, padding: two}"),
        "line 16: runs.cnn.model.padding: 'two': must be a valid integer",
    ),
    "bool for a model's int": (
        ("hidden_size: 16", "hidden_size: true"),
        "line 26: runs.rnn.model.hidden_size: True: must be a valid integer",
    ),
    "model argument out of range": (
        ("{name: lenet5}", "{name: lenet5, dropout: 1.0}"),
        "line 16: runs.cnn.model.dropout: 1.0: must be less than 1",
    ),
    "model argument nan": (
        ("{name: lenet5}", "{name: lenet5, dropout: .nan}"),
        "line 16: runs.cnn.model.dropout: nan: must be a finite number",
    ),
    "model argument not among the choices": (
        ("{name: lenet5}", "{name: lenet5, pooling: avg}"),
        "line 16: runs.cnn.model.pooling: 'avg': must be 'max', 'average', 'overlapping' or 'depth'",
    ),
    "unknown source argument": (
        ("{name: digits}", "{name: mnist, miror: /data}"),
        "line 5: datasets.toy.source.miror: mnist takes no 'miror'; did you mean 'mirror'?",
    ),
    "argument for a source without any": (
        ("{name: digits}", "{name: digits, mirror: /data}"),
        "line 5: datasets.toy.source.mirror: digits takes no 'mirror'; it takes no arguments",
    ),
    "a progress callback is no argument": (
        ("{name: digits}", "{name: mnist, progress: 1}"),
        "line 5: datasets.toy.source.progress: mnist takes no 'progress'; known: mirror",
    ),
    "argument for a task": (
        ("{name: classify}", "{name: classify, k: 3}"),
        "line 15: runs.cnn.task.k: classify takes no 'k'; it takes no arguments",
    ),
}


@pytest.mark.parametrize("name", ONE_PROBLEM)
def test_one_problem(name: str, tmp_path: Path) -> None:
    replacement, message = ONE_PROBLEM[name]
    assert problems_of(changed(replacement), tmp_path) == [message]
