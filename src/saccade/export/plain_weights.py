"""The tensors of a trained network by name, with all that is needed to use them without saccade.

Shapes: N examples, H height, W width, C channels, T time steps, F features.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from saccade.bundle.bundle import NetworkConfig
from saccade.core.files import replacing_folder
from saccade.export.answering import output_name

TensorFormat = Literal["safetensors", "state_dict"]


def write_weights(
    config: NetworkConfig, network: nn.Sequential, target: Path, form: TensorFormat, metadata: Mapping[str, str]
) -> int:
    """Write a folder: the tensors, README.md on how to use them, network.txt with the layers, and bundle.json.

    Args:
        config: config that the network was built from.
        network: network of a bundle: input layer, model, and output layer where there is one.
        target: folder to write; one that is there is replaced once the new one is whole.
        form: safetensors, or state_dict: a file that ``torch.load`` reads, which holds tensors alone.
        metadata: text by key that says what run it is of.

    Returns:
        Bytes of the tensors' file.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network[1].state_dict().items()}
    with replacing_folder(target) as partial:
        file = partial / ("weights.safetensors" if form == "safetensors" else "weights.pt")
        if form == "safetensors":
            from safetensors.torch import save

            file.write_bytes(save(tensors, {"format": "pt"}))
        else:
            torch.save(tensors, file)
        (partial / "bundle.json").write_text(metadata["saccade.bundle"], encoding="utf-8")
        (partial / "network.txt").write_text(f"{network[1]}\n", encoding="utf-8")
        readme = _readme(config, tensors, file.name, metadata)
        (partial / "README.md").write_text(readme, encoding="utf-8")
        return file.stat().st_size


def _readme(config: NetworkConfig, tensors: Mapping[str, Tensor], file: str, metadata: Mapping[str, str]) -> str:
    data = json.loads(metadata["saccade.data"])
    licence = f", under {data['licence']}" if data.get("licence") else ""
    load = (
        f'from safetensors.torch import load_file\n\nweights = load_file("{file}")'
        if file.endswith(".safetensors")
        else f'import torch\n\nweights = torch.load("{file}", weights_only=True)'
    )
    rows = [f"| `{name}` | {' x '.join(map(str, tensor.shape)) or 'a number'} |" for name, tensor in tensors.items()]
    return "\n".join(
        [
            f"# The weights of {metadata['saccade.run']}",
            "",
            f"A `{config.model}`, trained by saccade on {data['dataset'] or 'data that are not known here'}{licence}.",
            f"Identity of the run: `{config.identity}`. SHA-256 of its weights in saccade:",
            f"`{metadata['saccade.weights_sha256']}`.",
            "",
            "## Load",
            "",
            "```python",
            load + "  # names to tensors",
            "model.load_state_dict(weights)  # a model of your own, with the layers of network.txt and their names",
            "model.eval()",
            "```",
            "",
            "## What goes in",
            "",
            _input_text(config),
            "",
            "## What comes out",
            "",
            _output_text(config),
            "",
            "## Files",
            "",
            f"`{file}`: the tensors below. `network.txt`: the layers, as torch prints them. `bundle.json`: the",
            "model's arguments, the shape of an example, classes and vocabulary.",
            "",
            "| name | shape |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def _input_text(config: NetworkConfig) -> str:
    """How stored examples become what the model takes, as code."""
    spec = config.spec
    shape = ", ".join(map(str, spec.shape))
    statistics = f"mean, std = torch.tensor({config.mean}), torch.tensor({config.std})"
    match spec.layout:
        case "image":
            crop = ""
            if config.evaluate_crop != 1:
                crop = (
                    f"\nFirst the middle of the image is cut out, {config.evaluate_crop:g} of each side, and enlarged "
                    "to the whole size (bilinear)."
                )
            return (
                f"Images uint8 (N, {shape}): height, width, channels.{crop}\n\n```python\n{statistics}\n"
                "x = ((images.float() / 255 - mean) / std).permute(0, 3, 1, 2)\n```"
            )
        case "tokens":
            return (
                f"Ids of {spec.unit or 'tokens'}, int64 (N, T), T up to {shape} in training: the place of each in "
                "`spec.vocabulary` of bundle.json. 0 fills up behind a text's end, 1 is what the vocabulary does not "
                "have."
            )
    padding = " Behind the end of a shorter series stand steps of NaN." if spec.is_padded else ""
    return (
        f"float32 (N, {shape}), in the units of the data.{padding}\n\n```python\n{statistics}\n"
        "x = (examples - mean) / std\n```"
    )


def _output_text(config: NetworkConfig) -> str:
    """How the model's output becomes an answer, as code."""
    spec = config.spec
    if output_name(config) == "values":
        from saccade.bundle.outputs import per_target

        names = ", ".join(spec.targets)
        mean = config.target_mean or (per_target(spec, config.mean) if spec.horizon else [])
        std = config.target_std or (per_target(spec, config.std) if spec.horizon else [])
        scale = f" * torch.tensor({std}) + torch.tensor({mean})" if std else ""
        return f"Numbers: {names}.\n\n```python\nvalues = model(x){scale}\n```"
    logits = f"(model(x) / {config.temperature!r})" if config.temperature != 1 else "model(x)"
    if config.one_output:
        code = f"second = {logits}.sigmoid()\nprobabilities = torch.cat((1 - second, second), dim=1)"
    elif spec.multilabel:
        code = f"probabilities = {logits}.sigmoid()  # of each class by itself"
    else:
        code = f"probabilities = {logits}.softmax(dim=-1)"
    what = "What comes next, a probability a token of the vocabulary, at each step."
    if spec.classes:
        what = f"A probability a class: {', '.join(spec.classes)}."
        if config.thresholds:
            what += f"\nAn example has a class from these probabilities on: {config.thresholds}."
    return f"{what}\n\n```python\n{code}\n```"
