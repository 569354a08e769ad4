"""Policies in params.yaml, and what `saccade check` says of transforms."""

from pathlib import Path

import pytest
from conftest import Tree

from pipeline.commands.check_transforms import are_glyphs, glyph_warnings
from pipeline.params.load import Params, load_params
from pipeline.params.problems import ParamsError
from saccade.core.files import write_json
from saccade.data.spec import Spec

TEXT = """\
seed: 0
tracking: {experiment: test}
datasets:
  toy:
    source: {name: SOURCE}
    split: {test: 0.15}
    preprocess: {size: [32, 32], channels: CHANNELS}
    augment: {views: 2, transforms: TRANSFORMS}
runs: {}
"""


def load(folder: Path, transforms: str, source: str = "digits", channels: int = 1, more: str = "") -> Params:
    text = TEXT.replace("TRANSFORMS", transforms + more).replace("CHANNELS", str(channels)).replace("SOURCE", source)
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    return load_params(folder / "params.yaml")


def problems(folder: Path, transforms: str, **options: object) -> list[str]:
    with pytest.raises(ParamsError) as caught:
        load(folder, transforms, **options)  # type: ignore[arg-type]
    return [str(problem) for problem in caught.value.problems]


def test_a_policy_is_one_word(tmp_path: Path) -> None:
    assert load(tmp_path, "digits").datasets["toy"].augment.transforms == "digits"
    assert load(tmp_path, "microscopy", channels=3).datasets["toy"].augment.transforms == "microscopy"


@pytest.mark.parametrize(
    ("transforms", "options", "message"),
    [
        ("cifar-standart", {}, "transforms: no policy is called 'cifar-standart'; did you mean 'cifar-standard'?"),
        (
            "microscopy",
            {},
            "transforms: microscopy takes images of 3 channels, but preprocess gives 1: stains are told",
        ),
        ("none", {}, "views: views without transforms would be plain copies; add some"),
        ("3", {}, "transforms: 3: must be a valid list"),
        ("[digits]", {}, "transforms.0: 'digits': must be keys with values"),
        ("[{name: HEStain}]", {}, "transforms.0.name: HEStain takes images of 3 channels, but preprocess gives 1"),
        ("digits", {"more": ", include_original: 1"}, "include_original: 1: must be a valid boolean"),
        ("digits", {"more": ", evaluate_crop: 0"}, "evaluate_crop: 0: must be 'auto'; or 0: must be greater than 0"),
        ("digits", {"more": ", evaluate_crop: 1.5"}, "evaluate_crop: 1.5: must be 'auto'; or 1.5: must be less than"),
        ("digits", {"more": ", evaluate_crop: half"}, "evaluate_crop: 'half': must be 'auto'; or 'half': must be a"),
    ],
)
def test_one_problem(transforms: str, options: dict[str, str], message: str, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, transforms, **options)
    assert problem.startswith(f"line 8: datasets.toy.augment.{message}")


def test_the_original_alone_is_no_view(tmp_path: Path) -> None:
    text = TEXT.replace("views: 2", "views: 1, include_original: true")
    for old, new in (("TRANSFORMS", "digits"), ("CHANNELS", "1"), ("SOURCE", "digits")):
        text = text.replace(old, new)
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError, match=r"augment\.views: the only view would be the original"):
        load_params(tmp_path / "params.yaml")


# --- warnings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transforms", "said"),
    [
        ("cifar-standard", "HorizontalFlip mirrors"),
        ("[{name: OneOf, transforms: [{name: Blur}, {name: VerticalFlip}]}]", "VerticalFlip mirrors"),
        ("[{name: Rotate}]", "Rotate turns by up to 90 degrees"),
        ("[{name: Affine, rotate: [-45, 10]}]", "Affine turns by up to 45 degrees"),
        ("[{name: ShiftScaleRotate, rotate_limit: 31}]", "ShiftScaleRotate turns by up to 31 degrees"),
        ("[{name: RandomRotate90}, {name: D4}]", "RandomRotate90 turns by up to 270 degrees, D4 mirrors"),
    ],
)
def test_mirrored_and_turned_digits_are_warned_of(transforms: str, said: str, tmp_path: Path) -> None:
    for source in ("digits", "mnist", "emnist"):
        (line,) = glyph_warnings(load(tmp_path, transforms, source=source))
        assert line.startswith("datasets.toy.augment.transforms: the classes of toy are digits or letters, and ")
        assert f"and {said}: a mirrored 2" in line


@pytest.mark.parametrize(
    "transforms", ["digits", "print-defects", "[{name: Rotate, limit: 30}]", "[{name: HorizontalFlip, p: 0}]"]
)
def test_what_leaves_digits_upright_is_not_warned_of(transforms: str, tmp_path: Path) -> None:
    assert list(glyph_warnings(load(tmp_path, transforms))) == []


def test_series_have_no_middle(tmp_path: Path) -> None:
    text = TEXT.replace("{name: SOURCE}", "{name: adding}").replace(", transforms: TRANSFORMS", ", evaluate_crop: 0.8")
    text = text.replace("views: 2", "views: 0").replace("{size: [32, 32], channels: CHANNELS}", "{}")
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError, match=r"evaluate_crop: \w+ gives no images: leave evaluate_crop out"):
        load_params(tmp_path / "params.yaml")


def test_classes_that_are_known_only_when_prepared_are_read_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = load(tmp_path, "cifar-standard", source="image_folder, path: pictures")
    assert list(glyph_warnings(whole)) == []
    for classes, warned in ((("a", "b", "c"), True), (("cat", "dog", "owl"), False)):
        spec = Spec("image", (32, 32, 1), classes=classes).to_dict()
        rest: dict[str, object] = {"counts": {}, "class_counts": {}, "mean": [], "std": [], "arrays": {}}
        write_json(Path("data/prepared/toy/dataset.json"), {"format": 1, "spec": spec, **rest})
        assert bool(list(glyph_warnings(whole))) is warned
    Path("data/prepared/toy/dataset.json").write_text("{", encoding="utf-8")  # preprocess will say what is wrong
    assert list(glyph_warnings(whole)) == []


def test_classes_are_glyphs_when_each_is_a_character_or_a_number() -> None:
    assert are_glyphs("0123456789") and are_glyphs(["a", "B", "7"]) and are_glyphs(["zero", "Six", "nine"])
    assert not are_glyphs(["cat", "dog", "a"]) and not are_glyphs(["0", "1"]) and not are_glyphs(["+", "a", "b"])


# --- as users call it -------------------------------------------------------------------------------------------------


def test_check_tells_values_with_their_lines_and_warns_without_failing(tree: Tree) -> None:
    affine = "- {name: Affine, rotate: [-10, 10], translate_percent: [-0.06, 0.06], scale: [0.9, 1.1], p: 0.9}"
    wrong = "- {name: OneOf, transforms: [{name: CenterCrop, height: 5, width: 5}, {name: Rotate, limit: far}]}"
    tree.replace("params.yaml", affine, wrong)
    back = f"from pathlib import Path; p = Path('params.yaml'); t = p.read_text().replace({wrong!r}, "
    (bad_value, _, bad_size, _, warned, _, policy), _ = tree.run_all(
        ["check"],
        ["!", back + repr(wrong.replace("limit: far", "limit: 40")) + "); p.write_text(t)"],
        ["check"],
        ["!", (back + "'- {name: Rotate, limit: 40}'); p.write_text(t)").replace("limit: far", "limit: 40")],
        ["check"],
        ["!", "from pathlib import Path; p = Path('params.yaml'); t = p.read_text()\n"
              "p.write_text(t.replace('transforms:\\n        - {name: Rotate, limit: 40}', 'transforms: digits'))"],
        ["check"],
    )  # fmt: skip
    at = "params.yaml has a problem:\n  line 16: datasets.digits.augment.transforms.0.transforms."
    assert (bad_value.code, bad_size.code, warned.code, policy.code) == (2, 2, 0, 0), (bad_value, warned, policy)
    assert bad_value.err.startswith(f"{at}1.limit: 'far': Rotate refuses it: ")
    assert bad_size.err.startswith(f"{at}0: CenterCrop makes 5x5 of 32x32; views must have the size of preprocess")
    assert warned.out.startswith("params.yaml is fine") and "Rotate turns by up to 40 degrees" in warned.err
    assert (policy.out, policy.err) == ("params.yaml is fine: 1 dataset, 2 runs\n", "")


def test_check_of_a_policy_imports_nothing_heavy(tree: Tree) -> None:
    lines = tree.params.read_text(encoding="utf-8").splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line.strip() == "transforms:")
    tree.params.write_text("".join([*lines[:at], "      transforms: digits\n", *lines[at + 2 :]]), encoding="utf-8")
    (ended,), modules = tree.run_all(["check"], cold=True)
    assert ended.code == 0, ended
    assert not modules & {"albumentations", "cv2", "torch"}
