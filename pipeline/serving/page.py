"""The pages of the server: one to try it, one that tells how programs ask it. They load nothing from elsewhere."""

from pathlib import Path
from typing import Any

from pipeline.serving.limits import Limits
from pipeline.serving.served import Served

_TEMPLATES = Path(__file__).with_name("template")


def front_page(served: Served) -> str:
    """The page on which an input is given and its answer seen."""
    return f"<!doctype html><title>{served.run}</title>"


def api_page(served: Served, limits: Limits) -> str:
    """The page for those who write programs."""
    return f"<!doctype html><title>{served.run}</title>"


def openapi_of_predict(served: Served) -> dict[str, Any]:
    """What ``/openapi.json`` says of the body of ``POST /predict``."""
    return {}
