"""``saccade start PATH``: from files to a dataset and a run in params.yaml."""

import difflib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from ruamel.yaml import YAML
from written_files import class_folders, days, sentence, wave, write_pictures, write_texts

from pipeline import paths
from pipeline.commands import start as module
from pipeline.commands.start import name_of, start, stated_arguments
from pipeline.params.load import load_params
from saccade import kinds
from saccade.core.errors import UserError

Started = Callable[..., dict]


@pytest.fixture
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside of the project, called mine."""
    folder = tmp_path_factory.mktemp("elsewhere") / "mine"
    folder.mkdir()
    return folder


@pytest.fixture
def project(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a params.yaml, in which this process stands."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy2(ROOT / "params.yaml", folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return folder


def snapshot(folder: Path) -> dict[str, bytes]:
    """Files with their bytes, but for what the project keeps to itself."""
    return {
        str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".saccade" not in path.parts
    }


@pytest.fixture
def started(project: Path, monkeypatch: pytest.MonkeyPatch) -> Started:
    """``started(path)``: the run that was written, and its dataset as ``dataset``; what was there before stays."""

    def begin(path: Path, name: str | None = None, *, yes: bool = True, ask=None, stated: dict | None = None) -> dict:
        before = paths.PARAMS.read_text()
        monkeypatch.setattr(
            module, "resources_of_this_machine", lambda minutes: kinds.Resources(minutes, 2, False, lambda model: True)
        )
        start(paths.PARAMS, path, name, minutes=10, ask=ask, takes_first=yes, stated=stated or {})
        load_params(paths.PARAMS)
        text = paths.PARAMS.read_text()
        whole = YAML(typ="safe").load(text)
        assert not [line for line in difflib.ndiff(before.splitlines(), text.splitlines()) if line.startswith("-")]
        name = name or name_of(path)
        assert whole["runs"][name]["dataset"] == name
        assert not list((project / ".saccade").glob("start-*"))
        return whole["runs"][name] | {"dataset": whole["datasets"][name], "text": text}

    return begin


@pytest.fixture
def refused(project: Path, started: Started) -> Callable[..., str]:
    """``refused(path)``: why nothing was written."""

    def begin(path: Path, **options) -> str:
        before = snapshot(project)
        with pytest.raises(UserError) as error:
            started(path, **options)
        assert snapshot(project) == before
        return str(error.value)

    return begin


# --- what is recognised -----------------------------------------------------------------------------------------------


def test_a_folder_of_class_folders(files: Path, started: Started, capsys: pytest.CaptureFixture) -> None:
    write_pictures(files, class_folders(["cat", "dog"], 9))
    run = started(files)
    assert run["dataset"]["source"] == {"name": "image_folder", "path": str(files)}
    assert run["dataset"]["split"] == {"test": 0.15, "validation": 0.15}
    assert run["dataset"]["preprocess"] == {
        "size": [12, 12],
        "channels": 3,
        "on_unreadable": "quarantine",
        "on_conflict": "quarantine",
    }
    assert run["task"] == {"name": "classify"} and run["model"]["name"] == "efficientnet_lite0"
    printed = capsys.readouterr().out
    assert "18 pictures in 2 classes: cat 9, dog 9" in printed and "colour, 12x12 pixels" in printed
    assert "about a minute or less of training" in printed
    assert printed.endswith("  saccade repro evaluate@mine\n  saccade predict mine FILES\n")
    assert "mine:   # pictures, a folder a class: cat, dog" in run["text"]


def test_a_folder_in_the_project_is_named_from_there(project: Path, started: Started) -> None:
    write_pictures(project / "photos of mine", class_folders(["cat", "dog"], 9))
    assert started(project / "photos of mine")["dataset"]["source"]["path"] == "photos of mine"


def test_an_archive_with_published_splits(files: Path, started: Started) -> None:
    write_pictures(files, [name for split in ("train/", "test/") for name in class_folders(["cat", "dog"], 6, split)])
    archive = Path(shutil.make_archive(str(files.parent / "photos"), "zip", files))
    run = started(archive, "pets")
    assert run["dataset"]["source"] == {"name": "image_folder", "path": str(archive)}
    assert run["dataset"]["split"] == {"test": "given"}


def test_a_class_in_each_name(files: Path, started: Started) -> None:
    write_pictures(files, [f"{name}_{number}.jpg" for name in ("cat", "dog") for number in range(8)])
    assert started(files)["dataset"]["source"]["class_from"] == "{class}_[0-9]*"


def test_folders_that_hold_the_same_folders_are_asked_about(files: Path, started: Started) -> None:
    write_pictures(files, [name for year in ("2023/", "2024/") for name in class_folders(["cat", "dog"], 6, year)])
    asked: list[Sequence[str]] = []

    def ask(question: str, answers: Sequence[str]) -> int:
        asked.extend(answers)
        return next(place for place, answer in enumerate(answers) if "class_from: parent" in answer)

    source = started(files, yes=False, ask=ask)["dataset"]["source"]
    assert source["class_from"] == "parent" and any(
        "splits: {train: '2023', test: '2024'}" in answer for answer in asked
    ), asked


def test_classes_of_too_few_pictures_are_left_out(files: Path, started: Started, capsys: pytest.CaptureFixture) -> None:
    write_pictures(files, [*class_folders(["cat", "dog"], 8), "owl/1.png", "owl/2.png"])
    assert started(files)["dataset"]["source"]["min_per_class"] == 3
    assert "left out classes of fewer than 3 pictures, one for each split: owl 2" in capsys.readouterr().out


def test_masks_beside_photographs_are_left_out(files: Path, started: Started) -> None:
    write_pictures(files, [f"{c}/{n}{end}" for c in ("crack", "free") for n in range(8) for end in (".jpg", ".png")])
    assert started(files)["dataset"]["source"]["include"] == ["*.jpg"]


def test_a_table_of_pictures_by_patients(files: Path, started: Started) -> None:
    names = [f"img/{number}.png" for number in range(60)]
    write_pictures(files, names)
    rows = [f"{name},{'ill' if n % 3 else 'well'},p{n // 3}" for n, name in enumerate(names)]
    (files / "list.csv").write_text("\n".join(["file,diagnosis,patient_id", *rows]))
    run = started(files)
    assert run["dataset"]["source"] == {
        "name": "image_table",
        "table": f"{files}/list.csv",
        "path_column": "file",
        "label_column": "diagnosis",
    }
    assert run["dataset"]["split"]["group_by"] == "patient_id"
    assert "20 groups" in run["text"]


def test_groups_that_would_not_be_safe_are_said(files: Path, started: Started, capsys: pytest.CaptureFixture) -> None:
    names = [f"img/{number}.png" for number in range(30)]
    write_pictures(files, names)
    rows = [f"{name},{'ill' if n % 3 else 'well'},{n % 2}" for n, name in enumerate(names)]
    (files / "list.csv").write_text("\n".join(["path,label,site", *rows]))
    assert "group_by" not in started(files)["dataset"]["split"]
    assert "note: not split by site, although it may name what belongs together: there are only 2" in (
        capsys.readouterr().out
    )


def test_subjects_in_the_names_of_files_stay_together(files: Path, started: Started) -> None:
    names = [f"{c}/subject{n // 4:02}_{n % 4}.png" for c in ("ill", "well") for n in range(40)]
    write_pictures(files, names)
    assert started(files)["dataset"]["split"]["group_by"] == "{group}_*"


def test_texts_with_a_folder_a_class(files: Path, started: Started) -> None:
    write_texts(
        files, {f"{c}/{n}.txt": sentence(100 * k + n, 40) for k, c in enumerate(("neg", "pos")) for n in range(20)}
    )
    run = started(files)
    assert run["dataset"]["source"] == {"name": "text_folder", "path": str(files)}
    assert run["dataset"]["preprocess"] == {
        "unit": "words",
        "max_length": 50,
        "lower_case": True,
        "on_unreadable": "quarantine",
        "on_conflict": "quarantine",
    }
    assert run["model"]["name"] == "bag_of_ngrams"


def test_signs_count_as_the_tokens_that_they_are(files: Path, started: Started) -> None:
    words = '"This, nice item; number {n}, was ""good"" for {who}!"'
    rows = [f"{words.format(n=n, who='us' if n % 2 else 'them')},{n % 2 == 1}" for n in range(40)]
    (files / "reviews.csv").write_text("review,recommended\n" + "\n".join(rows) + "\n", encoding="utf-8")
    preprocess = started(files / "reviews.csv")["dataset"]["preprocess"]
    assert preprocess["unit"] == "words" and preprocess["max_length"] == 20  # 9 words, and 15 tokens


def test_row_numbers_are_no_times_where_moments_stand_behind_them(files: Path, started: Started) -> None:
    rows = [f"{n},{1640995200000 + 600_000 * n},{20 + (n % 6)}.5" for n in range(120)]
    (files / "log.csv").write_text(",ts,temp\n" + "\n".join(rows) + "\n", encoding="utf-8")
    source = started(files / "log.csv")["dataset"]["source"]
    assert source["name"] == "series_table" and source.get("time_column") == "ts"


def test_texts_without_a_suffix_and_without_a_label(files: Path, started: Started) -> None:
    classes = [(part, name) for part in ("train", "test") for name in ("neg", "pos")] + [("train", "unsup")]
    texts = {f"{p}/{c}/{n}": sentence(10 * k + n, 30) for k, (p, c) in enumerate(classes) for n in range(8)}
    write_texts(files, texts)
    dataset = started(files)["dataset"]
    assert dataset["source"] == {"name": "text_folder", "path": str(files), "include": ["*"], "exclude": ["unsup/*"]}
    assert dataset["split"] == {"test": "given"}


def test_files_of_lines(files: Path, started: Started) -> None:
    write_texts(
        files, {f"{c}.txt": "\n".join(f"{c[:3]}{n}ov" for n in range(30)) for c in ("French", "Polish", "Irish")}
    )
    dataset = started(files)["dataset"]
    assert dataset["source"] == {"name": "text_folder", "path": str(files), "examples": "lines"}
    assert dataset["preprocess"] == {"unit": "characters", "max_length": 10, "on_conflict": "keep"}


def test_a_table_of_texts(files: Path, started: Started) -> None:
    rows = [f'"{sentence(n)}",{"spam" if n % 4 == 0 else "ham"}' for n in range(60)]
    (files / "sms.csv").write_text("\n".join(["message,kind", *rows]))
    assert started(files / "sms.csv")["dataset"]["source"] == {
        "name": "text_table",
        "table": f"{files}/sms.csv",
        "text_column": "message",
        "label_column": "kind",
    }


def test_one_long_text(files: Path, started: Started) -> None:
    write_texts(files, {"play.txt": "\n".join(sentence(n) for n in range(400))})
    run = started(files / "play.txt")
    assert run["dataset"]["source"] == {"name": "plain_text", "path": f"{files}/play.txt"}
    assert run["dataset"]["preprocess"] == {"unit": "characters", "length": 128}
    assert (run["model"]["name"], run["task"]["name"]) == ("lstm", "next_token")
    assert 'predict play --prompt "..."' not in run["text"]


def test_a_text_too_short_for_parts_is_learnt_by_heart(files: Path, started: Started) -> None:
    write_texts(files, {"hello.txt": "hello " * 20})
    assert started(files / "hello.txt")["dataset"]["split"] == {"overfit": True}


def test_a_series_by_days(files: Path, started: Started) -> None:
    rows = [f"{day},{value}" for day, value in zip(days(300), wave(300), strict=True)]
    (files / "sales.csv").write_text("\n".join(["day,sales", *rows]))
    run = started(files / "sales.csv")
    assert run["dataset"]["source"] == {"name": "series_table", "path": f"{files}/sales.csv"}
    assert run["dataset"]["split"] == {"test": 0.2, "validation": 0.1, "order": "time"}
    assert run["dataset"]["preprocess"] == {"window": 42, "horizon": 7}
    assert (run["model"]["name"], run["task"]["name"]) == ("nlinear", "forecast")


def test_files_of_steps_that_a_table_names(files: Path, started: Started) -> None:
    for n in range(24):
        (files / f"{n}.csv").write_text(
            "\n".join(["x,y", *(f"{a},{b}" for a, b in zip(wave(20 + n)[:20], wave(20), strict=True))])
        )
    rows = [f"{n}.csv,{'walk' if n % 2 else 'run'}" for n in range(24)]
    (files / "labels.csv").write_text("\n".join(["file,activity", *rows]))
    dataset = started(files)["dataset"]
    assert dataset["source"] == {
        "name": "series_folder",
        "table": f"{files}/labels.csv",
        "path_column": "file",
        "label_column": "activity",
    }


def test_series_a_row_as_the_archives_of_ucr(files: Path, started: Started) -> None:
    for part, count in (("TRAIN", 12), ("TEST", 8)):
        rows = ["\t".join([str(n % 2 + 1), *(f"{value:.3f}" for value in wave(30 + n)[:24])]) for n in range(count)]
        (files / f"Gun_{part}.tsv").write_text("\n".join(rows))
    dataset = started(files)["dataset"]
    assert dataset["source"] == {"name": "series_rows", "path": str(files)} and dataset["split"] == {"test": "given"}


def test_series_below_each_other(files: Path, started: Started) -> None:
    rows = [
        f"r{n},{step},{value},{'run' if n % 2 else 'walk'}"
        for n in range(14)
        for step, value in enumerate(wave(20 + n)[:20])
    ]
    (files / "motion.csv").write_text("\n".join(["recording,step,x,activity", *rows]))
    source = started(files)["dataset"]["source"]
    assert (source["name"], source["series_column"], source["label_column"]) == ("series_long", "recording", "activity")


@pytest.mark.parametrize(
    ("x", "source"),
    [
        (np.random.default_rng(0).integers(0, 255, (24, 8, 8), dtype=np.uint8), {"name": "image_arrays"}),
        (np.random.default_rng(0).normal(size=(24, 30, 1)).astype(np.float32), {"name": "series_rows"}),
    ],
)
def test_arrays_are_images_or_series(files: Path, started: Started, x: np.ndarray, source: dict[str, str]) -> None:
    np.savez(files / "a.npz", X_train=x, y_train=np.arange(24) % 2, X_test=x[::-1] + x[0], y_test=np.arange(24) % 2)
    assert started(files / "a.npz")["dataset"]["source"] == source | {"path": f"{files}/a.npz"}


@pytest.mark.parametrize(
    ("cells", "arguments"),
    [
        ([f"01/{1 + n % 12:02}/{2010 + n // 12}" for n in range(120)], {"day_first": True}),
        ([f"{day};18:00" for day in days(120)], {}),
    ],
)
def test_what_a_series_asks_is_settled(files: Path, started: Started, cells: list[str], arguments: dict) -> None:
    header = "date;time;v" if ";" in cells[0] else "date;v"
    rows = [f"{cell};{value}" for cell, value in zip(cells, wave(len(cells)), strict=True)]
    (files / "s.csv").write_text("\n".join([header, *rows]))
    source = started(files, yes=False)["dataset"]["source"]
    assert {key: value for key, value in source.items() if key not in ("name", "path")} == arguments


def test_numbers_that_are_far_off_stand_for_nothing(files: Path, started: Started) -> None:
    rows = [
        f"{day},{-200 if n in (7, 40, 41) else value}"
        for n, (day, value) in enumerate(zip(days(150), wave(150), strict=True))
    ]
    (files / "s.csv").write_text("\n".join(["day,v", *rows]))
    dataset = started(files)["dataset"]
    assert dataset["source"]["missing_values"] == [-200] and dataset["preprocess"]["missing"] == "interpolate"


def test_what_may_be_a_thousand_or_one_is_asked_or_stated(files: Path, started: Started) -> None:
    rows = [f"{day};{900 + n}" if n % 2 else f"{day};1.{n:03}" for n, day in enumerate(days(120))]
    (files / "s.csv").write_text("\n".join(["day;v", *rows]))
    with pytest.raises(
        UserError, match=r"there is no terminal to ask on.*\n  1. thousands: '?\.'?\n  2. decimal: '?\.'?"
    ):
        started(files, yes=False)
    assert started(files, "asked", yes=False, ask=lambda *asked: 1)["dataset"]["source"]["decimal"] == "."
    assert started(files, "stated", stated={"thousands": "."})["dataset"]["source"]["thousands"] == "."
    with pytest.raises(UserError, match=r"--set: series_table knows no 'thousand'; did you mean 'thousands'\?"):
        started(files, "other", stated={"thousand": "."})


def test_the_published_files_are_taken_for_what_they_are(real_data, started: Started) -> None:
    folder = real_data("mnist")
    assert started(folder)["dataset"]["source"] == {"name": "mnist", "mirror": str(folder)}


# --- one question at most ---------------------------------------------------------------------------------------------


def birds_and_mammals(folder: Path) -> None:
    inner = ("birds/eagle", "birds/owl", "mammals/cat", "mammals/dog")
    write_pictures(folder, class_folders(inner, 6))


def test_of_two_readings_the_user_says_which(files: Path, started: Started) -> None:
    birds_and_mammals(files)
    asked: list[Sequence[str]] = []

    def ask(question: str, answers: Sequence[str]) -> int:
        asked.append(answers)
        return 1

    assert started(files, yes=False, ask=ask)["dataset"]["source"]["class_from"] == "parent"
    assert len(asked) == 1 and "birds, mammals" in asked[0][0] and "cat, dog, eagle, owl" in asked[0][1]


def test_yes_takes_the_first_reading_and_says_so(files: Path, started: Started, capsys: pytest.CaptureFixture) -> None:
    birds_and_mammals(files)
    assert "class_from" not in started(files)["dataset"]["source"]
    assert "can be read in 2 ways; --yes takes the first: pictures, a folder a class" in capsys.readouterr().out


def test_without_a_terminal_both_readings_are_shown(files: Path, refused: Callable[..., str]) -> None:
    birds_and_mammals(files)
    message = refused(files, yes=False)
    assert "there is no terminal to ask on: --yes takes the first" in message
    assert "\n  2. pictures, a class in the folder that each lies in" in message and "class_from: parent" in message


def test_a_terminal_is_asked_until_the_answer_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    from pipeline.console import choose_on_terminal

    assert choose_on_terminal() is None  # the tests have none
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    answers = iter(["nine", "3", "2"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(answers))
    choose = choose_on_terminal()
    assert choose is not None and choose("which", ["a", "b"]) == 1
    assert next(answers, None) is None


# --- refused ----------------------------------------------------------------------------------------------------------


def test_a_name_that_is_taken_asks_for_another(files: Path, refused: Callable[..., str]) -> None:
    write_pictures(files, class_folders(["cat", "dog"], 9))
    assert (
        refused(files, name="digits") == "datasets of params.yaml has 'digits' already: give another name with --name"
    )
    assert "--name: the name 'my pets' must be letters, digits" in refused(files, name="my pets")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a/1.png", "a/2.png"], "holds 2 pictures, and nothing says what is on them"),
        (
            ["1.png", "2.png", "x.png"],
            "holds 3 pictures, and nothing says what is on them. Put each class into a folder",
        ),
        (["a/1.png", "b/1.png", "b/2.png"], "class 'a' has 1 of 3 examples: each class needs 3, one for each split"),
    ],
)
def test_pictures_that_say_too_little(files: Path, refused: Callable[..., str], names: list[str], message: str) -> None:
    write_pictures(files, names)
    assert message in refused(files)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.bin", bytes(range(256)) * 40, "is nothing that a source recognises. It may be pictures or texts"),
        ("take.wav", b"RIFF" + bytes(100), "Sounds become pictures (spectrograms)"),
        ("net.pkl", b"\x80\x04\x95", "Pickles can run code and are never opened"),
        ("empty.csv", b"", "must hold something, but is empty"),
        ("short.csv", b"day,v\n2020-01-01,1\n2020-01-02,2\n2020-01-03,3\n", "has 3 rows, too few for a forecast"),
    ],
)
def test_files_that_nothing_can_be_made_of(
    files: Path, refused: Callable[..., str], name: str, content: bytes, message: str
) -> None:
    (files / name).write_bytes(content)
    assert message in refused(files / name)


def test_nothing_there_and_nothing_in_there(files: Path, refused: Callable[..., str]) -> None:
    assert "but" in refused(files / "away") and "does not exist" in refused(files / "away")
    assert "holds no files" in refused(files)


def test_pickled_batches_name_the_version_without_pickles(files: Path, refused: Callable[..., str]) -> None:
    for name in ("data_batch_1", "batches.meta", "readme.html"):
        (files / name).write_bytes(b"\x80\x02}q\x01")
    assert "start with that file" in refused(files) and "cifar-10-binary.tar.gz" in refused(files)


def test_boxes_are_not_offered(files: Path, refused: Callable[..., str]) -> None:
    write_pictures(files, [f"images/{n}.png" for n in range(6)])
    write_texts(files, {f"labels/{n}.txt": "0 0.5 0.5 0.1 0.1\n" for n in range(6)})
    assert "finding things is not offered, naming whole pictures is" in refused(files)


def test_a_table_of_measurements_is_no_series(files: Path, refused: Callable[..., str]) -> None:
    rows = [f"{a},{b},{'abc'[n % 3]}" for n, (a, b) in enumerate(zip(wave(60), wave(61)[1:], strict=True))]
    (files / "iris.csv").write_text("\n".join(["length,width,species", *rows]))
    assert "60 rows of measurements, a class in species" in refused(files)


def test_a_transcript_is_not_taken_for_a_class(files: Path, refused: Callable[..., str]) -> None:
    names = [f"{number}.png" for number in range(30)]
    write_pictures(files, names)
    rows = [f"{name},TOTAL {n},{n // 5}" for n, name in enumerate(names)]
    (files / "lines.csv").write_text("\n".join(["path,text,receipt", *rows]))
    assert "`saccade add receipts-crnn`, then write path, table and text_column: text into" in refused(files)


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *(("/a/photos", "photos"), ("/a/b.c/reviews.tar.gz", "reviews"), ("/a/t.csv.gz", "t"), ("/a/v1.2", "v1-2")),
        *(
            ("/a/null", "data-null"),
            ("/a/2023.zip", "data-2023"),
            ("/a/Année 1 (neu)", "annee-1-neu"),
            ("/a/照片", "data"),
        ),
    ],
)
def test_a_name_is_made_of_the_path(path: str, name: str) -> None:
    assert name_of(Path(path)) == name


def test_what_is_set_must_be_yaml() -> None:
    with pytest.raises(UserError, match=r"--set \(class_from=\{class\}\.\[0-9\]\*\): .*class_from='\{class\}"):
        stated_arguments(["class_from={class}.[0-9]*"])
    assert stated_arguments(["class_from='{class}.[0-9]*'"]) == {"class_from": "{class}.[0-9]*"}
