"""docs/models.md says what the code makes."""

import importlib.util
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "docs" / "models.py"


def test_the_table_of_networks_is_what_the_code_makes() -> None:
    spec = importlib.util.spec_from_file_location("models_page", PROGRAM)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.PAGE.read_text(encoding="utf-8")
    on_page = text.partition(module.BEGIN + "\n")[2].partition("\n" + module.END)[0].splitlines()
    named = [line.split("`")[1] for line in on_page[2:]]
    assert {"lenet5", "lstm", "resnet50"} <= set(named)
    made = module.table()  # one that was just added need not stand there yet
    assert [*made[:2], *(line for line in made[2:] if line.split("`")[1] in named)] == on_page, (
        "run `python docs/models.py`"
    )
