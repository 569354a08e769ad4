"""What README.md shows works as it is printed."""

import re
import shutil

import pytest
from conftest import ROOT, Tree

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_model_of_the_readme_is_found_checked_and_learns(tree: Tree) -> None:
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "ACCEPTS" in block]
    (tree.root / "src/saccade/models/tiny.py").write_text(code, encoding="utf-8")
    tree.replace("params.yaml", "model: {name: lenet5}", "model: {name: tiny, channels: 8}")
    test = "tests/saccade/models/test_models.py"
    (tree.root / test).parent.mkdir(parents=True)
    for name in (test, "tests/conftest.py"):
        shutil.copy2(ROOT / name, tree.root / name)
    ended, told = tree.run("check"), tree.run("list")
    assert ended.code == 0, ended.err
    assert "tiny                One convolution, averages over a 4x4 grid, one answer a class" in told.out
    tried = tree.python("-m", "pytest", "-q", "-p", "no:cacheprovider", test, "-k", "tiny")
    assert tried.code == 0 and "passed" in tried.out, tried.out


def test_the_measured_parameter_counts_are_those_of_the_models() -> None:
    from pipeline.params.load import load_params
    from saccade.core import registry
    from saccade.data.spec import Spec
    from saccade.nn.inspect import count_parameters

    assert load_params(ROOT / "params.yaml").runs.keys() == {"lenet5-digits", "lstm-digits"}
    for recipe, side, padding in (("mnist-lenet5", 28, {"padding": 2}), ("mnist-lstm", 28, {})):
        model = registry.module("models", recipe.split("-")[1]).build(
            Spec("image", (side, side, 1), tuple("0123456789")), **padding
        )
        assert f"| `{recipe}` | {count_parameters(model):,} |" in README


def test_every_task_and_the_networks_it_boasts_of_are_there() -> None:
    from saccade.core import registry

    section = README.partition("## What there is")[2].partition("\n## ")[0]
    for task in ("classify", "regress", "forecast", "next_token"):
        assert f"`{task}`" in section and task in registry.names("tasks")
    for name, model in {
        "perceptron": "mlp", "RNN": "rnn", "GRU": "gru", "LSTM": "lstm", "LeNet-5": "lenet5", "GoogLeNet": "googlenet",
        "ResNet-50": "resnet50",
    }.items():  # fmt: skip
        assert name in section and model in registry.names("models")
