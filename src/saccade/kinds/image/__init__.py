"""Images: decoded, resized, checked, prepared, and what they are measured against.

Augmentation is in transforms/ and augment/, networks are in models/.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from saccade.data.prepared import DatasetInfo, Split
    from saccade.data.spec import Spec
    from saccade.evaluate.about_data.slices import Property
    from saccade.kinds import Baseline, FrozenFeatures, NewExample, NewExamples, Reading, Recommendation, Resources
    from saccade.kinds.origins import Origins
    from saccade.prepare.split_settings import SplitSettings
    from saccade.readers.examples import ImageExamples

LAYOUT = "image"
PLURAL = "images"
NEW_ARRAYS = "uint8"
FORMS = {"classes": "images", "several classes": "images", "numbers": "images", "transcripts": "lines"}


def recommend(
    form: str, examples: "ImageExamples", preprocess: Mapping[str, Any], split: "SplitSettings", resources: "Resources"
) -> "Recommendation":
    """From pre-trained weights where there are some, else from scratch, as large as the time allows."""
    from saccade.core.errors import UserError
    from saccade.kinds.image.recommended_settings import recommended

    if form != "images":
        raise UserError("nothing is recommended for lines of print yet: begin with the recipe receipts-crnn")
    return recommended(examples, preprocess, split, resources)


def baseline_run(form: str, name: str, preprocess: Mapping[str, Any]) -> "Recommendation | None":
    """Gradient histograms, or the head of a network trained on ImageNet; see ``kinds.baseline_run``."""
    from saccade.kinds.image.recommended_settings import features_baseline_run, histograms_baseline_run

    if form != "images":
        return None
    return features_baseline_run(preprocess) if name == "features" else histograms_baseline_run(preprocess)


def baseline(info: "DatasetInfo") -> "Baseline | None":
    """Gradient histograms and pixels into a linear model: a logistic regression; of numbers, a ridge regression.

    None of lines, which no linear model reads.
    """
    from saccade import nn
    from saccade.kinds import Baseline
    from saccade.kinds.image.baselines import hog_baseline, linear_targets

    spec = info.spec
    if spec.output == "transcript":
        return None
    return Baseline(
        method=f"gradient histograms and pixels into {linear_targets.model_name(spec)}",
        measure=lambda *splits: hog_baseline.image_baseline(*(a for s in splits for a in (s.examples, s.labels))),
        metrics=linear_targets.metrics_for(spec),
        code=[
            *_files(hog_baseline, *_linear_models(spec)),
            Path(nn.__file__).parent / "images" / "gradient_histograms.py",
        ],
    )


def features_baseline(info: "DatasetInfo", features: "FrozenFeatures") -> "Baseline | None":
    """What a network trained elsewhere makes of the images, into a linear model; None of lines."""
    from saccade.kinds import Baseline
    from saccade.kinds.image.baselines import linear_targets, pretrained_baseline

    spec = info.spec
    if spec.output == "transcript":
        return None

    def measure(*splits: "Split") -> dict[str, Any]:
        arrays = (array for split in splits for array in (split.examples, split.labels))
        return pretrained_baseline.pretrained_baseline(*arrays, features=features)

    return Baseline(
        name="features",
        method=f"features of {features.network} into {linear_targets.model_name(spec)}",
        measure=measure,
        metrics=[name for name in linear_targets.metrics_for(spec) if not name.startswith("constant_")],
        code=_files(pretrained_baseline, *_linear_models(spec)),
        decided_by=features.decided_by,
        check=features.check,
    )


def _linear_models(spec: "Spec") -> list[Any]:
    """The modules whose code decides what a linear model gets."""
    from saccade.data import thresholds
    from saccade.evaluate import multilabel_metrics
    from saccade.kinds import linear_baseline
    from saccade.kinds.image.baselines import linear_classifier, linear_targets

    several = [linear_targets, multilabel_metrics, thresholds] if spec.targets or spec.multilabel else []
    return [linear_classifier, linear_baseline, *several]


def _files(*modules: Any) -> list[Path]:
    return [Path(str(module.__file__)) for module in modules]


def properties(split: "Split", spec: "Spec", origins: "Origins") -> "list[Property]":
    """How large each picture was before it was resized; nothing where that is not known."""
    import numpy as np

    from saccade.evaluate.about_data.slices import Property

    if not {"height", "width"} <= origins.measures.keys():
        return []
    sides_N = np.sqrt(origins.measures["height"] * origins.measures["width"])
    return [Property("image size", np.rint(sides_N), "pixels a side")]


def draw_mistakes(
    folder: Path,
    probabilities_NK: "np.ndarray",
    test: "Split",
    spec: "Spec",
    thresholds: Sequence[float] = (),
    names: Sequence[str] = (),
) -> None:
    """Draw mistakes.png."""
    from saccade.data.thresholds import found_classes
    from saccade.display.figures import draw_mistakes, draw_wrong_classes

    path, names = folder / "mistakes.png", names or [f"row {row}" for row in test.rows.tolist()]
    if spec.multilabel:
        found_NK = found_classes(probabilities_NK, thresholds)
        draw_wrong_classes(test.examples, test.labels, probabilities_NK, found_NK, spec.classes, path, names=names)
        return
    draw_mistakes(test.examples, test.labels, probabilities_NK, spec.classes, path, names=names)


def draw_examples(path: Path, examples: "np.ndarray", captions: Sequence[tuple[str, str, str]], title: str) -> None:
    """Draw some pictures side by side."""
    from saccade.display.figures import draw_captioned

    draw_captioned(examples, range(len(examples)), captions, title, title, path)


def from_array(spec: "Spec", examples: "np.ndarray") -> "np.ndarray":
    """Pixel values from 0 to 255, rounded."""
    import numpy as np

    if examples.dtype == np.uint8:
        return examples
    lowest, highest = examples.min(), examples.max()
    if not (lowest >= 0 and highest <= 255):  # also refuses nan
        raise ValueError(f"pixel values ({lowest}..{highest}) must lie in 0..255")
    return np.rint(examples).astype(np.uint8)


def from_bytes(spec: "Spec", content: bytes) -> "np.ndarray":
    """Decode one image file; of several frames the first."""
    from saccade.kinds.image.new_examples import read_image

    return read_image(spec, content)


def read_new(reading: "Reading") -> "NewExamples":
    """Decode image files."""
    from saccade.kinds.image.new_examples import read_files

    return read_files(reading)


def measures_of_new(reading: "Reading", examples: "Sequence[NewExample]") -> "dict[str, np.ndarray]":
    """Height and width of each file, in pixels as it is shown upright."""
    import numpy as np

    from saccade.kinds.image.pixels.decode import decode_values
    from saccade.kinds.image.pixels.frames import Frame

    sides = []
    for one in examples:
        frame = Frame((reading.here / one.place["path"]).read_bytes(), one.place.get("frame", 1) - 1)
        sides.append(decode_values(frame, (1, 1)).sides)
    height_N, width_N = np.array(sides, np.float64).T
    return {"height": height_N, "width": width_N}
