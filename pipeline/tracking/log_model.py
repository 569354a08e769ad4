"""The bundle of a run as an MLflow model, for ``mlflow.pyfunc.load_model`` and ``mlflow models serve``.

Each step is looked up before it is taken, so that a model whose upload was interrupted is finished the next time and
never logged twice. (``mlflow.pyfunc.log_model`` would start over with a second one.)
"""

import base64
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.privacy.secret_scan import find_secrets
from saccade import kinds
from saccade.data.spec import Spec

LEFT_OUT_TAG = "saccade.model_left_out"
FORM_TAG = "saccade.model_form"
ARRAY, COLUMN = "array", "column"
"""How a model takes pictures: the model of a run as an array (N, H, W, C), as Python code has them; a registered one as
a column ``image`` of base64 text or pixels, as requests have them. MLflow's signatures cannot say both."""

_CARRIED = (".py", ".j2", ".typed")  # of the library; whatever else lies in the folder stays
_FIRST_TOKEN = 2  # of the vocabulary, after padding and what is unknown
_EXAMPLE_TOKENS = 12
_REQUIREMENTS = ("torch", "torchvision", "numpy", "safetensors")


def find_model(client: Any, run: Any, form: str = ARRAY) -> tuple[str | None, bool]:
    """Look for the model of a run.

    Args:
        client: an ``MlflowClient``.
        run: the MLflow run.
        form: how the model takes pictures; ``ARRAY`` where it takes none.

    Returns:
        The model's id, None if there is none, and whether the model is whole.
    """
    models = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    models = [model for model in models if model.tags.get(FORM_TAG, ARRAY) == form]
    if not models:
        return None, False
    whole = [model for model in models if model.status == "READY"]
    return (whole or models)[0].model_id, bool(whole)


def log_model(client: Any, run: Any, bundle: Path, library: Path, step: int, *, form: str = ARRAY) -> str | None:
    """Log the bundle as the run's model, unless it is there.

    A model carries the library's code. Where a line of it looks like a secret the model is left out, and the run's tag
    ``saccade.model_left_out`` says which line.

    Args:
        client: an ``MlflowClient``.
        run: the MLflow run.
        bundle: a folder with ``bundle.json`` and the weights.
        library: the package folder to carry along, ``src/saccade``.
        step: the epoch whose weights these are.
        form: how the model takes pictures.

    Returns:
        The model's id; None where it is left out.
    """
    from mlflow.entities import LoggedModelOutput

    values = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))
    spec, mean = values["spec"], values.get("mean", [])
    run_id = run.info.run_id
    form = form if Spec.from_dict(spec).layout == "image" else ARRAY
    model_id, is_whole = find_model(client, run, form)
    if not is_whole and (line := first_secret(library)):
        client.set_tag(run_id, LEFT_OUT_TAG, f"{line} looks like a secret, and a model carries the library's code")
        return None
    if model_id is None:
        model = client.create_logged_model(
            run.info.experiment_id,
            name=re.sub(r"""[/:.%"']""", "-", run.info.run_name),
            source_run_id=run_id,
            params=client.get_run(run_id).data.params,
            tags={name: value for name, value in client.get_run(run_id).data.tags.items() if "saccade." in name}
            | {FORM_TAG: form},
            model_type="python_function",
        )
        model_id = model.model_id
    if not is_whole:
        _upload(client, client.get_logged_model(model_id), bundle, library, spec, mean, form)
        client.finalize_logged_model(model_id, "READY")
    outputs = client.get_run(run_id).outputs
    if model_id not in [output.model_id for output in (outputs.model_outputs if outputs else [])]:
        client.log_outputs(run_id, [LoggedModelOutput(model_id, step=step)])
    return model_id


def first_secret(library: Path) -> str | None:
    """The first line of the library that looks like a secret, in words; None where there is none."""
    for path in _carried(library):
        if found := find_secrets(path.read_text(encoding="utf-8", errors="replace"), path.name):
            return f"{path.relative_to(library.parent).as_posix()} line {found[0].line} ({found[0].kind})"
    return None


def _carried(library: Path) -> list[Path]:
    """The files of the library that a model carries, sorted: those of its packages, and nothing that is linked to."""
    found: list[Path] = []
    for place, folders, names in os.walk(library):  # does not follow links
        parent = Path(place)
        folders[:] = [name for name in folders if _is_package(parent / name)]
        files = (parent / name for name in names if name.endswith(_CARRIED) and not name.startswith("."))
        found += [path for path in files if path.is_file() and not path.is_symlink()]
    return sorted(found)


def _is_package(folder: Path) -> bool:
    """Whether a folder is of the library; another repository inside it (a submodule, too) is not."""
    return (folder / "__init__.py").is_file() and not (folder / ".git").exists()


def _upload(
    client: Any, model: Any, bundle: Path, library: Path, spec: dict[str, Any], mean: Sequence[float], form: str
) -> None:
    import mlflow
    from mlflow.models import Model

    with tempfile.TemporaryDirectory() as folder:
        path, copy = Path(folder) / "model", Path(folder) / library.name
        named = Path(folder) / "bundle"  # MLflow keeps it under the name of its folder, which may be that of a run
        shutil.copytree(bundle, named)
        for file in _carried(library):
            target = copy / file.relative_to(library)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        mlflow.pyfunc.save_model(
            path,
            python_model=str(Path(__file__).with_name("mlflow_model.py")),
            artifacts={"bundle": str(named)},
            code_paths=[str(copy)],
            signature=_signature(spec, form),
            input_example=_input_example(spec, mean, form),
            pip_requirements=[f"{name}=={version(name).partition('+')[0]}" for name in _REQUIREMENTS],
            mlflow_model=Model(
                artifact_path=model.artifact_location,
                run_id=model.source_run_id,
                model_uuid=model.model_id,
                model_id=model.model_id,
            ),
        )
        described = path / "MLmodel"
        text = described.read_text(encoding="utf-8")
        for place in (str(named), str(Path(__file__).resolve().parent)):  # they tell the user's name
            text = text.replace(place, Path(place).name)
        described.write_text(text, encoding="utf-8")
        client.log_model_artifacts(model.model_id, str(path))


def _input_example(values: dict[str, Any], mean: Sequence[float], form: str) -> Any:
    """One example as the model takes it, which shows its form: made up, for a real one may be nobody's to show.

    An image or a series whose values are all the mean of the training split, or a text of the first tokens of the
    vocabulary.
    """
    import numpy as np
    import pandas as pd

    spec = Spec.from_dict(values)
    if spec.layout == "tokens":
        between = "" if spec.unit == "characters" else " "
        return pd.DataFrame({"text": [between.join(spec.vocabulary[_FIRST_TOKEN:][:_EXAMPLE_TOKENS]) or "a"]})
    if spec.layout == "image":
        color_C = np.round(np.asarray(mean or [0.0]) * 255).astype(np.uint8)
        pixels_HWC = np.zeros(spec.shape, np.uint8) + color_C
        return pixels_HWC[None] if form == ARRAY else pd.DataFrame({"image": [_as_base64(pixels_HWC)]})
    return (np.zeros((1, *spec.shape)) + np.asarray(mean or [0.0])).astype(np.float32)


def _as_base64(pixels_HWC: Any) -> str:
    """A PNG of these pixels, as base64 text."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels_HWC[..., 0] if pixels_HWC.shape[2] == 1 else pixels_HWC).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")


def _signature(values: dict[str, Any], form: str) -> Any:
    """What the model takes and gives, of the spec that its bundle.json holds."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
    from mlflow.types.schema import AnyType

    spec = Spec.from_dict(values)
    columns = [ColSpec(DataType.float, name) for name in spec.targets]
    if spec.classes:
        columns = [ColSpec(DataType.string, "labels" if spec.multilabel else "label")]
        columns += [ColSpec(DataType.float, f"probability_{name}") for name in spec.classes]
    if spec.output == "transcript":
        columns = [ColSpec(DataType.string, "text"), ColSpec(DataType.double, "confidence")]
    if spec.layout == "image" and form == COLUMN:  # text or nested lists: no other type of MLflow's takes both
        return ModelSignature(inputs=Schema([ColSpec(AnyType(), "image")]), outputs=Schema(columns))
    if (array_type := kinds.array_type(spec)) != "str":
        examples = TensorSpec(np.dtype(array_type), (-1, *spec.shape), name=None)
        return ModelSignature(inputs=Schema([examples]), outputs=Schema(columns))
    texts = Schema([ColSpec(DataType.string, "text")])
    if spec.output == "per_token":
        params = [
            ParamSpec("length", DataType.long, 200),
            ParamSpec("temperature", DataType.double, 0.8),
            ParamSpec("seed", DataType.long, 0),
        ]
        return ModelSignature(inputs=texts, outputs=texts, params=ParamSchema(params))
    return ModelSignature(inputs=texts, outputs=Schema(columns))
