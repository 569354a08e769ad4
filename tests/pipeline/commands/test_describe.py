"""``saccade describe``, as users call it: tables, JSON, pictures, and what is said of a wrong command line."""

import json
from collections.abc import Callable

import pytest
from conftest import Ended, Tree

from pipeline.commands.describe import _memory, _size
from saccade.bundle.bundle import NetworkConfig
from saccade.core.files import replacing_folder
from saccade.data.spec import Spec
from saccade.explain.architecture.memory import Memory

COMMANDS: dict[str, list[str]] = {
    "table": ["model", "lenet5"],
    "shape": [
        *("model", "lenet5", "--input", "3x40X36", "--classes", "7"),
        *("--set", "padding=2"), *("--set", "pooling=average"),
    ],
    "json": ["model", "lenet5", "--json"],
    "series": ["model", "lstm", "--input", "30x2", "--classes", "4", "--set", "hidden_size=8", "--json"],
    "text": [
        *("model", "lstm", "--input", "30", "--vocabulary", "50", "--classes", "4", "--set", "hidden_size=8"),
        *("--set", "embedding_size=5", "--figure", "made/lstm.svg"),
    ],
    "vocabulary of a picture": ["model", "conv1d", "--input", "3x20x20", "--vocabulary", "5"],
    "lines": ["model", "crnn", "--vocabulary", "12", "--set", "hidden_size=8"],
    "classes of lines": ["model", "crnn", "--classes", "10"],
    "heads": ["model", "googlenet"],
    "figure": ["model", "lenet5", "--figure", "made/lenet5.svg"],
    "json and figure, by its old name": ["model", "lenet5", "--json", "--picture", "made/lenet5.png"],
    "a run": ["run", "lenet5-digits"],
    "a run as json": ["run", "lenet5-digits", "--json"],
    "a run that params.yaml has not": ["run", "left-over"],
    "a run with frozen layers": ["run", "frozen"],
    "an untrained run": ["run", "lstm-digits"],
    "no run": ["run", "lenet-digits"],
    "no model": ["model", "lenet"],
    "everything wrong": [
        *("model", "lenet5", "--set", "dropuot=0.5", "--set", "activation=gelu", "--set", "padding", "--input", "3x5"),
        *("--set", "normalisation=[", "--set", "dropout=true"),
    ],
    "no shape": ["model", "lenet5", "--input", "3x0x5"],
    "too small": ["model", "lenet5", "--input", "1x9x9"],
    "no suffix": ["model", "lenet5", "--figure", "lenet5"],
    "one class": ["model", "lenet5", "--classes", "1"],
    "nothing": [],
    "no project any more": ["!", "import os; os.rename('params.yaml', 'kept'); os.rename('dvc.yaml', 'also kept')"],
    "outside of a project": ["model", "mlp", "--json"],
    "a project again": ["!", "import os; os.rename('kept', 'params.yaml'); os.rename('also kept', 'dvc.yaml')"],
}  # fmt: skip


_FROZEN = """\
  frozen:
    dataset: digits
    task: {name: classify}
    model: {name: lenet5, activation: tanh}
    train: {epochs: 1, batch_size: 8, optimizer: {name: sgd, lr: 0.1, momentum: 0.9}, freeze: features}
    evaluate: {}
"""


@pytest.fixture(scope="module")
def tree(make_tree: Callable[..., Tree]) -> Tree:
    """With three bundles, two of runs of params.yaml and one of a run that is gone."""
    tree = make_tree(draws=True)
    with tree.params.open("a", encoding="utf-8") as file:
        file.write(_FROZEN)
    for run, classes in (("lenet5-digits", 10), ("frozen", 10), ("left-over", 3)):
        spec = Spec("image", (32, 32, 1), tuple(f"class {k}" for k in range(classes)))
        recipe = NetworkConfig("lenet5", {"activation": "tanh"}, spec, "classify", [0.3], [0.3], "0" * 64)
        values = {"format": 1, **vars(recipe), "spec": spec.to_dict(), "classes": list(spec.classes)}
        with replacing_folder(tree.root / "models" / run) as folder:
            (folder / "bundle.json").write_text(json.dumps(values), encoding="utf-8")
    return tree


@pytest.fixture(scope="module")
def ended(tree: Tree) -> dict[str, Ended]:
    """How each command ended, by name."""
    commands = (command if command[:1] == ["!"] else ["describe", *command] for command in COMMANDS.values())
    results, modules = tree.run_all(*commands, cold=True)
    assert "matplotlib.figure" in modules and "matplotlib.pyplot" not in modules
    return dict(zip(COMMANDS, results, strict=True))


def rows_of(out: str) -> list[list[str]]:
    """The cells of a table's rows."""
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in out.splitlines() if line.startswith("│")]


def test_the_table_has_a_line_a_layer_with_its_formula(ended: dict[str, Ended]) -> None:
    code, out, err = ended["table"]
    assert (code, err) == (0, "")
    assert out.startswith("lenet5: LeNet-5 ") and "input 1x32x32, 10 classes" in out.splitlines()[1]
    rows = rows_of(out)
    assert rows[0] == [
        *("features.0", "Conv2d", "5x5", "1", "0", "6x28x28", "156", "117,600", "5x5"),
        "(32 - 5 + 2*0)/1 + 1 = 28",
    ]
    assert rows[-1] == ["classifier.6", "Linear", "", "", "", "10", "850", "840", "all", ""]
    assert "total: 61,706 parameters, 416,520 multiply-adds for one example" in out
    assert "memory of a training step, float32, batch of 64: 3.88 MB" in out
    assert "  weights 247 kB, gradients 247 kB, sgd with momentum 247 kB, activations 3.14 MB (49 kB an example)" in out


def test_input_classes_and_arguments_are_those_given(ended: dict[str, Ended]) -> None:
    code, out, _ = ended["shape"]
    assert code == 0
    assert out.splitlines()[1] == 'input 3x40x36, 7 classes; padding 2, pooling "average"'
    rows = rows_of(out)
    assert rows[0][2:6] == ["5x5", "1", "2", "6x40x36"]
    assert rows[0][9] == "(40 - 5 + 2*2)/1 + 1 = 40; (36 - 5 + 2*2)/1 + 1 = 36"
    assert "AvgPool2d" in [row[1] for row in rows]
    assert rows[-1][5] == "7"


def test_json_has_these_keys_and_no_others(ended: dict[str, Ended]) -> None:
    values = json.loads(ended["json"].out)
    assert list(values) == ["model", "input", "classes", "parameters", "macs", "layers"]
    assert [values[key] for key in list(values)[:5]] == ["lenet5", [1, 32, 32], 10, 61_706, 416_520]
    keys = ["name", "kind", "output_shape", "parameters", "macs", "receptive_field"]
    assert all(list(layer) == keys for layer in values["layers"])
    assert values["layers"][0] == dict(
        zip(keys, ["features.0", "Conv2d", [6, 28, 28], 156, 117_600, [5, 5]], strict=True)
    )
    assert sum(layer["parameters"] for layer in values["layers"]) == 61_706


def test_a_series_is_steps_by_features(ended: dict[str, Ended]) -> None:
    values = json.loads(ended["series"].out)
    assert (values["input"], values["classes"]) == ([30, 2], 4)
    lstm = next(layer for layer in values["layers"] if layer["kind"] == "LSTM")
    assert lstm["output_shape"] == [30, 8] and lstm["macs"] == 30 * 4 * (2 * 8 + 8 * 8)
    assert lstm["receptive_field"] is None and values["layers"][0]["receptive_field"] == [1]


def test_a_text_is_so_many_tokens_of_a_vocabulary(tree: Tree, ended: dict[str, Ended]) -> None:
    assert ended["text"].code == 0, ended["text"].err
    out = ended["text"].out
    assert "input 30 tokens of 50, 4 classes; hidden_size 8, embedding_size 5" in out
    weights = 50 * 5 + 4 * 8 * (5 + 8 + 2) + 8 * 4 + 4  # the embedding's, the LSTM's with its two biases, the output's
    assert f"total: {weights} parameters" in out
    assert "30x1" in (tree.root / "made/lstm.svg").read_text(encoding="utf-8").replace("\u00d7", "x")
    refused = ended["vocabulary of a picture"]
    assert refused.code == 2 and "--vocabulary: only texts have one: --input T, such as --input 200" in refused.err


def test_a_network_that_reads_lines_is_told_of_its_characters(ended: dict[str, Ended]) -> None:
    assert ended["lines"].code == 0, ended["lines"].err
    assert "input 1x32x320, outputs 12 at each step; hidden_size 8" in ended["lines"].out
    assert f"auxiliary heads, in training alone: {(192 * 3 + 1) * 12:,} parameters" in ended["lines"].out
    refused = ended["classes of lines"]
    assert refused.code == 2
    assert "--classes: crnn reads lines and tells no classes: --vocabulary is how many characters" in refused.err


def test_heads_of_training_are_told_apart(ended: dict[str, Ended]) -> None:
    out = ended["heads"].out
    assert "total: 6,624,904 parameters, 1,498,376,192 multiply-adds for one example" in out
    assert "  auxiliary heads, in training alone: 6,379,984 parameters and 9,420,544 multiply-adds more" in out
    assert "ceil((112 - 3 + 2*0)/2) + 1 = 56" in out


def test_a_picture_is_drawn_where_it_was_asked_for(tree: Tree, ended: dict[str, Ended]) -> None:
    assert ended["figure"].out.endswith("drawn: made/lenet5.svg\n")
    assert (tree.root / "made/lenet5.svg").read_bytes().startswith(b"<?xml")
    assert ended["json and figure, by its old name"] == ended["json"]  # nothing but JSON is printed
    assert (tree.root / "made/lenet5.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in (tree.root / "made").iterdir()) == ["lenet5.png", "lenet5.svg", "lstm.svg"]


def test_a_run_is_described_with_its_own_arguments_and_optimiser(ended: dict[str, Ended]) -> None:
    code, out, err = ended["a run"]
    assert (code, err) == (0, "")
    assert out.splitlines()[1] == 'run lenet5-digits, input 1x32x32, 10 classes; activation "tanh"'
    assert "Tanh" in [row[1] for row in rows_of(out)]
    assert "adam 494 kB" in out  # as params.yaml says
    assert json.loads(ended["a run as json"].out)["model"] == "lenet5"


def test_a_run_that_params_yaml_has_not_is_described_with_the_defaults(ended: dict[str, Ended]) -> None:
    code, out, _ = ended["a run that params.yaml has not"]
    assert code == 0 and "run left-over, input 1x32x32, 3 classes" in out and "sgd with momentum" in out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "an untrained run",
            "models/lstm-digits/bundle.json does not exist. Make it with `saccade train lstm-digits`.",
        ),
        ("no run", "neither params.yaml nor models/ has a run 'lenet-digits'; did you mean 'lenet5-digits'?"),
        ("no suffix", "figure (lenet5) must end in .png, .svg, .pdf"),
    ],
)
def test_what_cannot_be_described_is_told_in_a_line(name: str, message: str, ended: dict[str, Ended]) -> None:
    assert ended[name] == (1, "", f"error: {message}\n")


def test_a_model_refuses_an_input_in_its_own_words(ended: dict[str, Ended]) -> None:
    code, out, err = ended["too small"]
    assert (code, out) == (1, "") and err.startswith(
        "error: lenet5 cannot take 9x9 images: a side must be at least 16."
    )


def test_a_wrong_command_line_is_told_as_a_wrong_params_yaml_is(tree: Tree, ended: dict[str, Ended]) -> None:
    wrong = "the command line has"
    assert ended["no model"] == (
        2,
        "",
        f"{wrong} a problem:\n  model.name: 'lenet' is not known; did you mean 'lenet5'?\n",
    )
    shape = (
        "'3x0x5': must be CxHxW for images, such as 3x224x224, TxF for series, such as 100x2, T for texts or F for "
        "vectors"
    )
    assert ended["no shape"] == (2, "", f"{wrong} a problem:\n  --input: {shape}\n")
    code, out, err = ended["everything wrong"]
    assert (code, out) == (2, "")
    first, *problems = err.splitlines()
    assert first == f"{wrong} 6 problems:"
    for problem in (
        "  --set: 'padding': must be KEY=VALUE, such as --set dropout=0.5",
        "  model.dropuot: lenet5 takes no 'dropuot'; did you mean 'dropout'?",
        "  model.activation: 'gelu': must be 'relu', 'tanh' or 'sigmoid'",
        "  model.dropout: True: must be a valid number",
        "  --input: lenet5 takes image, but 3x5 is series",
    ):
        assert problem in problems
    assert any(problem.startswith("  model.normalisation: '[': not valid YAML: ") for problem in problems)
    assert ended["one class"].code == ended["nothing"].code == 2

    # The same words as params.yaml's.
    tree.replace("params.yaml", "model: {name: lenet5}", "model: {name: lenet5, dropuot: 0.5, dropout: true}")
    (checked,), modules = tree.run_all(["check"], cold=True)
    assert "model.dropuot: lenet5 takes no 'dropuot'; did you mean 'dropout'?" in checked.err
    assert "model.dropout: True: must be a valid number" in checked.err
    assert "torch" not in modules


def test_a_model_is_described_outside_of_a_project(ended: dict[str, Ended]) -> None:
    code, out, err = ended["outside of a project"]
    assert (code, err) == (0, "") and json.loads(out)["model"] == "mlp"


def test_a_wrong_name_is_told_at_once(tree: Tree) -> None:
    (wrong, helped), modules = tree.run_all(["describe", "model", "lenet"], ["describe", "model", "--help"], cold=True)
    assert wrong.code == 2 and helped.code == 0 and "--figure" in helped.out
    assert not modules & {"torch", "matplotlib", "rich.table"}


def test_a_model_without_what_is_typical_must_be_told(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(draws=True)
    (tree.root / "src/saccade/models/tiny.py").write_text(
        '"""Tiny."""\nfrom torch import nn\nACCEPTS = ("image",)\n\n\ndef build(spec):\n    return nn.Flatten()\n',
        encoding="utf-8",
    )
    (ended,), _ = tree.run_all(["describe", "model", "tiny"])
    assert (ended.code, ended.err) == (
        2,
        "the command line has 2 problems:\n"
        "  --input: missing; models/tiny.py names no TYPICAL_SHAPE\n"
        "  --classes: missing; models/tiny.py names no TYPICAL_CLASSES\n",
    )


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (999_600, "1 MB"),
        (61_706 * 4, "247 kB"),
        (2.5e12, "2.5 TB"),
    ],
)
def test_sizes_are_told_in_three_digits(num_bytes: float, text: str) -> None:
    assert _size(num_bytes) == text


def test_a_batch_that_was_measured_in_part_says_so() -> None:
    lines = _memory(Memory(64, 1000, 1000, 0, 6400, measured_examples=8), {"name": "sgd", "lr": 0.1})
    assert lines == [
        "memory of a training step, float32, batch of 64: 8.4 kB",
        "  weights 1 kB, gradients 1 kB, sgd 0 bytes, activations 6.4 kB (100 bytes an example)",
        "  activations were measured on 8 examples",
    ]


def test_layers_that_training_leaves_as_they_are_need_no_memory(ended: dict[str, Ended]) -> None:
    code, out, err = ended["a run with frozen layers"]
    assert (code, err) == (0, "")
    assert "  of the parameters, 2,572 are frozen" in out.splitlines()
    # 61,706 parameters, of which 59,134 are trained, 4 bytes each.
    assert "weights 247 kB, gradients 237 kB, sgd with momentum 237 kB, " in out


def test_backbone_stands_for_all_layers_but_the_head() -> None:
    from pipeline.commands.describe import Subject, _built

    spec = Spec("image", (32, 32, 3), ("cat", "dog"))
    network = _built(Subject("resnet18", {}, spec, "mine", ["backbone"]))
    assert {name for name, weight in network.named_parameters() if weight.requires_grad} == {"fc.weight", "fc.bias"}
