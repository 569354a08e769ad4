"""``saccade add``: lines are put between those of params.yaml, and none of its own is touched."""

import difflib
from pathlib import Path

import pytest

from pipeline import paths
from pipeline.commands.add import add_copy, add_recipe
from pipeline.params.load import load_params
from pipeline.params.problems import ParamsError
from pipeline.params.yaml_lines import read_yaml
from saccade.core.errors import UserError

# A file in a form that no YAML writer would keep.
ODD = """\
# top


seed:   0        # aligned
tracking: {  experiment: "saccade"  }
datasets:
    digits:
        source: { name: digits }
        split: {test: 0.15,
                validation: 1.5e-1}   # two lines
        preprocess: {size: [32,32], channels: 1}
        augment:
            views: 8
            transforms:
            - {name: Affine, p: 0.90}
            # a comment in the list
            -   name: Blur
                p: 1.0
        # end of digits

# before the runs
runs:

  # about a
  a:   # beside a
    dataset: digits
    task: {name: classify}
    model: &model {name: lenet5}   # an anchor
    train:
      epochs: 24
#     epochs: 99
      batch_size: 64

      optimizer: {name: adam, lr: 4.0E-3}
    evaluate: {top_k: [1, 5]}   # measured
    # end of a
  'b':
    dataset: digits
    task: {name: classify}
    model: *model
    train: {epochs: 1, batch_size: 2, optimizer: {name: sgd, lr: 0.1}}
    evaluate: {top_k: [1]}
  # more runs to come
# the very end
"""

RECIPE = Path(__file__).resolve().parents[3] / "recipes" / "mnist-lenet5.yaml"
MNIST = RECIPE.read_text(encoding="utf-8").split("datasets:\n")[1].split("runs:\n")[0].splitlines()


def added_lines(before: str, after: str) -> list[str]:
    """What was added; every line of ``before`` must still be there, in order, byte for byte."""
    difference = list(difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True)))
    assert not [line for line in difference if line[0] == "-"]
    return [line[2:].rstrip("\n") for line in difference if line[0] == "+"]


@pytest.fixture
def write(inside):
    def write(text: str) -> str:
        inside.params.write_bytes(text.encode())
        return text

    return write


def read() -> str:
    return paths.PARAMS.read_bytes().decode()


def test_a_recipe_is_merged_and_every_line_of_the_shipped_file_stays(inside, capsys):
    before = read()
    add_recipe(paths.PARAMS, "mnist-lenet5", None)
    added = added_lines(before, read())
    assert added[: len(MNIST)] == MNIST and "# 60,000" in MNIST[0] and added[len(MNIST)] == "  mnist-lenet5:"
    assert (
        "    model: {name: lenet5, padding: 2}   # 28x28 with two pixels of padding is the 32x32 of the paper" in added
    )
    assert list(load_params(paths.PARAMS).runs)[-1] == "mnist-lenet5"
    assert capsys.readouterr().out == (
        "added datasets.mnist, runs.mnist-lenet5 to params.yaml; next: `saccade repro` or "
        "`dvc repro evaluate@mnist-lenet5`\n"
    )


def test_every_recipe_can_be_merged_beside_every_other_and_the_whole_is_right(inside, monkeypatch):
    recipes = sorted(path.stem for path in (inside.root / "recipes").glob("*.yaml"))
    before = load_params(paths.PARAMS)
    with monkeypatch.context() as patch:  # the file is checked before and after each addition: here once, at the end
        patch.setattr("pipeline.commands.add.load_params", lambda file: None)
        for recipe in recipes:
            add_recipe(paths.PARAMS, recipe, None)
    after = load_params(paths.PARAMS)
    assert {name: after.runs[name] for name in before.runs} == before.runs
    assert {name.split("-")[0] for name in set(after.runs) - set(before.runs)} == {r.split("-")[0] for r in recipes}


def test_recipe_files_hold_datasets_and_runs_and_say_in_their_first_line_what_they_are(inside):
    for path in (inside.root / "recipes").glob("*.yaml"):
        whole = read_yaml(path)[0]
        assert set(whole) == {"datasets", "runs"}, path
        is_race = path.stem.startswith("race-")  # several runs beside each other, each named after the race
        assert (
            all(run.startswith(f"{path.stem}-") for run in whole["runs"])
            if is_race
            else [*whole["runs"]] == [path.stem]
        )
        assert path.read_text().startswith("# "), path
        assert {run["dataset"] for run in whole["runs"].values()} == set(whole["datasets"]), path


def test_a_file_in_an_odd_form_keeps_it(write):
    before = write(ODD)
    add_recipe(paths.PARAMS, "mnist-lenet5", None)
    added = added_lines(before, read())
    assert added[:8] == ["  " + line for line in MNIST]  # datasets are indented by four columns there
    assert added[8] == "  mnist-lenet5:"
    text = read()
    assert text.index("# end of digits") < text.index("mnist:   #") < text.index("# before the runs")
    assert text.endswith("    evaluate: {top_k: [1, 5]}\n  # more runs to come\n# the very end\n")


@pytest.mark.parametrize("change", [lambda t: t.replace("\n", "\r\n"), lambda t: "\ufeff" + t, lambda t: t.rstrip()])
def test_line_ends_byte_order_mark_and_a_missing_last_line_end(change, write):
    before = write(change(ODD.removesuffix("  # more runs to come\n# the very end\n")))
    add_copy(paths.PARAMS, "a", "c")
    after = read()
    assert after.startswith(before) and list(load_params(paths.PARAMS).runs) == ["a", "b", "c"]
    assert after.count("\r") == (after.count("\n") if "\r" in before else 0)


def test_adding_twice_says_so_and_changes_nothing(inside, capsys):
    add_recipe(paths.PARAMS, "mnist-lenet5", None)
    before, changed_at = read(), paths.PARAMS.stat().st_mtime_ns
    capsys.readouterr()
    add_recipe(paths.PARAMS, "mnist-lenet5", None)
    assert capsys.readouterr().out == "mnist-lenet5 is in params.yaml already\n"
    assert (read(), paths.PARAMS.stat().st_mtime_ns) == (before, changed_at)


def test_two_recipes_that_share_a_dataset(inside, capsys):
    add_recipe(paths.PARAMS, "mnist-lenet5", None)
    before = read()
    capsys.readouterr()
    add_recipe(paths.PARAMS, "mnist-lstm", None)
    assert added_lines(before, read())[0] == "  mnist-lstm:" and read().count("  mnist:") == 1
    assert capsys.readouterr().out.startswith("added runs.mnist-lstm to params.yaml; ")


def test_the_same_run_with_other_content_is_refused(inside):
    add_recipe(paths.PARAMS, "mnist-lenet5", None)
    inside.replace("params.yaml", "epochs: 8", "epochs: 9")
    before = read()
    remedy = "another runs.mnist-lenet5 already: `saccade add mnist-lenet5 --as NAME` adds the run under another name"
    with pytest.raises(UserError, match=remedy):
        add_recipe(paths.PARAMS, "mnist-lenet5", None)
    assert read() == before
    add_recipe(paths.PARAMS, "mnist-lenet5", "second")
    assert load_params(paths.PARAMS).runs["second"].train.epochs == 8


def test_the_same_dataset_with_other_content_is_refused(inside):
    add_recipe(paths.PARAMS, "mnist-lenet5", None)
    inside.replace("params.yaml", "validation: 0.05", "validation: 0.1")
    before = read()
    with pytest.raises(UserError, match=r"another datasets\.mnist already: rename yours, or make it equal to the one"):
        add_recipe(paths.PARAMS, "mnist-lstm", None)
    assert read() == before


def test_as_gives_the_run_another_name(inside):
    before = read()
    add_recipe(paths.PARAMS, "mnist-lstm", "rows-first")
    assert added_lines(before, read())[8] == "  rows-first:"
    assert "mnist-lstm" not in load_params(paths.PARAMS).runs


def test_an_unknown_recipe_names_the_nearest(inside):
    with pytest.raises(UserError, match="no recipe is called 'mnist-lenet'; did you mean 'mnist-lenet5'"):
        add_recipe(paths.PARAMS, "mnist-lenet", None)


def test_a_copy_has_the_run_s_lines_under_its_new_name(write, capsys):
    before = write(ODD)
    add_copy(paths.PARAMS, "a", "c")
    block = ODD[ODD.index("  a:   # beside") : ODD.index("  'b':")]
    expected = block.replace("  a: ", "  c: ").replace("&model {", "       {").replace("#     ep", "  #     ep")
    assert added_lines(before, read()) == expected.splitlines()
    runs = load_params(paths.PARAMS).runs
    assert runs["c"] == runs["a"] and list(runs) == ["a", "b", "c"]
    assert "added runs.c to params.yaml, a copy of a: change what shall differ" in capsys.readouterr().out


def test_a_copy_shares_nothing_with_its_original(inside):
    add_copy(paths.PARAMS, "lenet5-digits", "variant")
    whole = read()
    before, variant = whole[: whole.index("  variant:")], whole[whole.index("  variant:") :]
    paths.PARAMS.write_text(before + variant.replace("lr: 0.004", "lr: 0.5"))
    runs = load_params(paths.PARAMS).runs
    assert (runs["variant"].train.optimizer.lr, runs["lenet5-digits"].train.optimizer.lr) == (0.5, 0.004)


def test_a_copy_of_a_run_behind_an_alias(write):
    write(ODD)
    add_copy(paths.PARAMS, "b", "c")
    assert load_params(paths.PARAMS).runs["c"].model.name == "lenet5"


@pytest.mark.parametrize("name", ["7", "null", "true", "1e3", "2020-01-01"])
def test_a_name_that_yaml_would_not_read_as_text_is_quoted(name, inside):
    add_copy(paths.PARAMS, "lenet5-digits", name)
    assert list(load_params(paths.PARAMS).runs)[-1] == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.b", "the name 'a.b' must be letters, digits, - and _, without dots or spaces"),
        ("a b", "the name 'a b' must be"),
        ("", "the name '' must be"),
        ("x: {}\n  y", "the name 'x"),
        ("../up", "the name '../up' must be"),
        ("datasets", "a run cannot be called datasets"),
        ("lstm-digits", r"runs of params\.yaml has 'lstm-digits' already: choose another name"),
    ],
)
def test_a_name_that_cannot_be_leaves_the_file_as_it_was(name, message, inside):
    before, changed_at = inside.snapshot(), paths.PARAMS.stat().st_mtime_ns
    with pytest.raises(UserError, match=message):
        add_copy(paths.PARAMS, "lenet5-digits", name)
    if name != "lstm-digits":
        with pytest.raises(UserError, match=message):
            add_recipe(paths.PARAMS, "mnist-lenet5", name)
    assert (inside.snapshot(), paths.PARAMS.stat().st_mtime_ns) == (before, changed_at)


def test_a_copy_of_an_unknown_run_names_the_nearest(inside):
    with pytest.raises(UserError, match=r"runs of params\.yaml has no 'lenet5-digit'; did you mean 'lenet5-digits'"):
        add_copy(paths.PARAMS, "lenet5-digit", "new")


def test_a_file_that_is_wrong_is_not_made_longer(inside):
    inside.replace("params.yaml", "epochs: 24", "epochs: many")
    before = read()
    for add in (
        lambda: add_copy(paths.PARAMS, "lenet5-digits", "new"),
        lambda: add_recipe(paths.PARAMS, "mnist-lstm", None),
    ):
        with pytest.raises(ParamsError, match=r"runs\.lenet5-digits\.train\.epochs: 'many'"):
            add()
    assert read() == before


def test_runs_in_braces_are_left_to_the_user(write):
    head = ODD[: ODD.index("runs:")]
    before = write(head + "runs: {a: {dataset: digits, task: {name: classify}, model: {name: lenet5}, evaluate: {}, "
                   "train: {epochs: 1, batch_size: 2, optimizer: {name: sgd, lr: 0.1}}}}\n")  # fmt: skip
    with pytest.raises(UserError, match="runs is written in braces: write a in lines of its own"):
        add_copy(paths.PARAMS, "a", "b")
    with pytest.raises(UserError, match="runs holds no entry in lines of its own: write the first one by hand"):
        add_recipe(paths.PARAMS, "mnist-lenet5", None)
    assert read() == before


def test_a_mirror_does_not_make_another_dataset(inside, capsys):
    add_recipe(paths.PARAMS, "mnist-lenet5", None)
    inside.replace("params.yaml", "source: {name: mnist}", "source: {name: mnist, mirror: ~/mirror}")
    before = read()
    add_recipe(paths.PARAMS, "mnist-lstm", None)
    assert added_lines(before, read())[0] == "  mnist-lstm:"
    assert load_params(paths.PARAMS).datasets["mnist"].source.arguments == {"mirror": "~/mirror"}


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_the_first_entry_of_an_empty_section(write, end):
    dataset = (
        "  own: {source: {name: digits}, split: {}, preprocess: {size: [20, 20], channels: 1}, augment: {views: 0}}"
    )
    head = f"seed: 0\ntracking: {{experiment: t}}\ndatasets:\n{dataset}\n"
    text = (head + "runs: {}   # none yet").replace("\n", end or "\n") + end
    write(text)
    add_recipe(paths.PARAMS, "mnist-lenet5", None)
    assert list(load_params(paths.PARAMS).runs) == ["mnist-lenet5"]
    lines = read().splitlines()
    at = lines.index("runs:   # none yet")
    assert lines[at + 1] == "  mnist-lenet5:" and lines[-1] == "    evaluate: {top_k: [1, 5]}"
    assert read().count("\r\n") == (len(lines) if end == "\r\n" else 0) and read().endswith(end)
