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
    assert module.page(text) == text, "run `python docs/models.py`"
