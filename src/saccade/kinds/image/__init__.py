"""Images: decoded, resized, checked, prepared, and what they are measured against.

Augmentation is in transforms/ and augment/, networks are in models/.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from saccade.data.prepared import Description, Split
    from saccade.data.spec import Spec
    from saccade.kinds import Baseline, FrozenFeatures, Means, NewExamples, Reading, Recommendation
    from saccade.prepare.split_settings import SplitSettings
    from saccade.readers.examples import ImageExamples

LAYOUT = "image"
PLURAL = "images"
FORMS = {"classes": "images"}


def recommend(
    form: str, examples: "ImageExamples", preprocess: Mapping[str, Any], split: "SplitSettings", means: "Means"
) -> "Recommendation":
    """From pre-trained weights where there are some, else from scratch, as large as the time allows."""
    from saccade.kinds.image.recommended_settings import recommended

    return recommended(examples, preprocess, split, means)


def baseline_run(form: str, name: str, preprocess: Mapping[str, Any]) -> "Recommendation | None":
    """Gradient histograms, or the head of a network trained on ImageNet; see ``kinds.baseline_run``."""
    from saccade.kinds.image.recommended_settings import features_baseline_run, histograms_baseline_run

    if form != "images":
        return None
    return features_baseline_run(preprocess) if name == "features" else histograms_baseline_run(preprocess)


def baseline(info: "Description") -> "Baseline":
    """Gradient histograms and pixels into a logistic regression; of numbers, their mean."""
    from saccade import nn
    from saccade.kinds import Baseline, linear_baseline
    from saccade.kinds.image import hog_baseline, linear_classifier

    if not info.spec.classes:
        return linear_baseline.numbers_baseline()
    return Baseline(
        method="gradient histograms and pixels into a logistic regression",
        measure=lambda *splits: hog_baseline.image_baseline(*(a for s in splits for a in (s.examples, s.labels))),
        metrics=("accuracy", "balanced_accuracy"),
        code=[
            *(Path(str(module.__file__)) for module in (hog_baseline, linear_classifier, linear_baseline)),
            Path(nn.__file__).parent / "images" / "gradient_histograms.py",
        ],
    )


def features_baseline(info: "Description", features: "FrozenFeatures") -> "Baseline | None":
    """What a network trained elsewhere makes of the images, into a logistic regression; of classes alone."""
    from saccade.kinds import Baseline, linear_baseline
    from saccade.kinds.image import linear_classifier, pretrained_baseline

    if not info.spec.classes:
        return None

    def measure(*splits: "Split") -> dict[str, Any]:
        arrays = (array for split in splits for array in (split.examples, split.labels))
        return pretrained_baseline.pretrained_baseline(*arrays, features=features)

    return Baseline(
        name="features",
        method=f"features of {features.network} into a logistic regression",
        measure=measure,
        metrics=("accuracy", "balanced_accuracy"),
        code=[Path(str(module.__file__)) for module in (pretrained_baseline, linear_classifier, linear_baseline)],
        decided_by=features.decided_by,
        check=features.check,
    )


def draw_mistakes(folder: Path, probabilities_NK: "np.ndarray", test: "Split", spec: "Spec") -> None:
    """Draw mistakes.png."""
    from saccade.display.figures import draw_mistakes

    draw_mistakes(test.examples, test.labels, probabilities_NK, spec.classes, folder / "mistakes.png")


def read_new(reading: "Reading") -> "NewExamples":
    """Decode image files."""
    from saccade.kinds.image.new_examples import read_files

    return read_files(reading)
