"""The pages of the server: one to try it, one that tells how programs ask it. They load nothing from elsewhere."""

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.serving.limits import Limits
from pipeline.serving.served import Served
from saccade.core.messages import pluralise
from saccade.data.spec import RESERVED

if TYPE_CHECKING:
    from saccade.data.spec import Spec

_TEMPLATES = Path(__file__).with_name("template")
_SHOWN_FEATURES = 4  # names of a series' features in the example of a table


def page_headers() -> dict[str, str]:
    """Headers that let a page run its own script and style, and load nothing."""
    script, style = (f"'sha256-{_digest(name)}'" for name in ("page.js", "page.css"))
    return {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": f"default-src 'none'; script-src {script}; style-src {style}; "
        "img-src data: blob:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    }


def front_page(served: Served) -> str:
    """The page on which an input is given and its answer seen."""
    spec, given = served.spec, served.inputs()
    settings = {"input": given[0], "explains": served.explains, "isOfClasses": bool(spec.classes)}
    ask_for, placeholder = _asking(served)
    return _rendered(
        "page.html.j2",
        served,
        input=given[0],
        ask_for=ask_for,
        placeholder=placeholder,
        unsure_below=served.unsure_below if spec.classes and not spec.multilabel else None,
        settings=_harmless(json.dumps(settings).replace("<", "\\u003c")),
        script=_harmless(_text("page.js")),
    )


def api_page(served: Served, limits: Limits) -> str:
    """The page for those who write programs."""
    return _rendered(
        "api.html.j2", served, examples=_examples(served), answer=_example_answer(served), limits=_rows(limits, served)
    )


def openapi_of_predict(served: Served) -> dict[str, Any]:
    """What ``/openapi.json`` says of the body of ``POST /predict``."""
    number: dict[str, Any] = {"type": "number"}
    for _ in served.spec.shape:
        number = {"type": "array", "items": number}
    item = {
        "images": {"type": "string", "format": "byte", "description": "a file's bytes in base64"},
        "texts": {"type": "string"},
        "series": number,
        "arrays": number,
    }
    kinds = {key: {"type": "array", "items": item[key], "minItems": 1} for key in served.inputs() if key in item}
    choices = [{"type": "object", "properties": {key: value}, "required": [key]} for key, value in kinds.items()]
    content: dict[str, Any] = {"application/json": {"schema": {"oneOf": choices}}}
    if "files" in served.inputs():
        file = {"type": "array", "items": {"type": "string", "format": "binary"}}
        content["multipart/form-data"] = {"schema": {"type": "object", "properties": {"file": file}}}
    top = {"name": "top", "in": "query", "schema": {"type": "integer", "minimum": 1}, "description": "classes to tell"}
    return {"requestBody": {"required": True, "content": content}, "parameters": [top]}


def _rendered(template: str, served: Served, **values: Any) -> str:
    from jinja2 import Environment, StrictUndefined

    spec, identity = served.spec, served.identity()
    what = f"{len(spec.classes):,} classes" if spec.classes else ", ".join(spec.targets[:6])
    if spec.output == "transcript":
        what = f"{len(spec.vocabulary) - len(RESERVED):,} characters"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_text(template)).render(
        run=served.run,
        does=served.does(),
        shape=f"{_shape(spec)}; {what}",
        weights=identity["weights_sha256"],
        version=identity["version"],
        explains=served.explains,
        has_classes=bool(spec.classes),
        style=_harmless(_text("page.css")),
        **values,
    )


def _shape(spec: "Spec") -> str:
    """How large an input is, in words."""
    if spec.layout == "image":
        return f"{spec.shape[0]} × {spec.shape[1]} pixels, {'grey' if spec.shape[2] == 1 else 'colour'}"
    if spec.layout == "tokens":
        return f"up to {spec.shape[0]:,} {spec.unit}"
    if spec.layout == "series":
        return f"{'up to ' if spec.is_padded else ''}{spec.shape[0]:,} steps of {pluralise(spec.shape[1], 'number')}"
    return pluralise(spec.shape[0], "number")


def _asking(served: Served) -> tuple[str, str]:
    """What the box is for, and what stands in it while it is empty."""
    spec, first = served.spec, served.inputs()[0]
    if first == "texts":
        return "A text a line", "One text a line. Ctrl+Enter asks."
    if first == "series" and "files" in served.inputs():
        names = list(spec.features[:_SHOWN_FEATURES])
        rows = "\n".join(",".join(f"{0.1 * (row + column):.1f}" for column in range(len(names))) for row in range(3))
        return "A series, as CSV or as JSON", f"{','.join(names)}\n{rows}\n..."
    return f"Numbers as JSON, (N, {', '.join(map(str, spec.shape))})", "[[[0.1, 0.2], ...]]"


def _examples(served: Served) -> list[tuple[str, str]]:
    """Titles and commands."""
    address, given = "http://127.0.0.1:8000/predict", served.inputs()
    found = []
    if served.spec.layout == "image":
        found.append(("Files, one or several:", f"curl -F file=@photo.jpg -F file=@other.png {address}"))
        encoded = 'printf \'{"images": ["%s"]}\' "$(base64 -w0 photo.jpg)"'
        found.append(("The same bytes in base64:", f"{encoded} | curl --json @- {address}"))
    elif "files" in given:
        found.append(("A table, read as those of the dataset were:", f"curl -F file=@series.csv {address}"))
    if "texts" in given:
        found.append(("Texts:", f'curl --json \'{{"texts": ["one", "another"]}}\' {address}'))
    if "series" in given:
        step = ", ".join(["0.1"] * served.spec.shape[1])
        found.append(("Series, a list of steps each:", f"curl --json '{{\"series\": [[[{step}], ...]]}}' {address}"))
    if "arrays" in given:
        shape = ", ".join(map(str, served.spec.shape))
        found.append((f"Numbers of the shape (N, {shape}):", f"curl --json @numbers.json {address}"))
    return found


def _example_answer(served: Served) -> str:
    spec = served.spec
    record: dict[str, Any] = {"values": dict.fromkeys(spec.targets[:3], 0.5)}
    if spec.output == "transcript":
        a_letter = {"text": "A", "probability": 0.98, "unsure": False}
        record = {"text": "A", "confidence": 0.97, "characters": [a_letter]}
    if spec.classes:
        names = spec.classes[:3]
        probabilities = dict(zip(names, (0.9, 0.08, 0.02), strict=False))
        record = {"label": names[0], "probabilities": probabilities}
        if spec.multilabel:
            record = {
                "labels": list(names[:1]),
                "probabilities": probabilities,
                "thresholds": dict.fromkeys(names, 0.5),
            }
        elif served.unsure_below is not None:
            record["unsure"] = served.unsure_below > 0.9
    return json.dumps({"model": served.identity(), "answers": [record]}, indent=2, ensure_ascii=False)


def _rows(limits: Limits, served: Served) -> list[tuple[str, str, str]]:
    """What is limited, how, and the status of what is refused."""
    layout = served.spec.layout
    own = {
        "image": ("pixels of a picture", f"{limits.pixels:,}", "422"),
        "tokens": ("characters of a text", f"{limits.characters:,}", "413"),
        "series": ("steps of a series", f"{limits.steps:,}", "413"),
    }
    return [
        ("bytes of a request", f"{limits.request_bytes:,}", "413"),
        ("inputs of a request", f"{limits.inputs:,}", "413"),
        *([own[layout]] if layout in own else []),
        ("seconds until it has arrived", f"{limits.receive_s:g}", "408"),
        ("seconds from then to its answer", f"{limits.answer_s:g}", "504"),
        ("inputs that wait for the network", f"{limits.waiting:,}", "429, Retry-After"),
        ("requests at once", f"{limits.requests:,}", "429, Retry-After"),
        ("connections", f"{limits.connections:,}", "429, Retry-After"),
    ]


def _harmless(text: str) -> Any:
    """Our own text, which is not escaped."""
    from markupsafe import Markup

    return Markup(text)


@cache
def _text(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _digest(name: str) -> str:
    return base64.b64encode(hashlib.sha256(_text(name).encode()).digest()).decode()
