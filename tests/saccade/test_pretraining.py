"""Weights from files made on the spot, and from torchvision's own download, served from this machine.

Shapes: B batch, C channels, H height, W width.
"""

import hashlib
import pickle
import random
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from saccade import bundle, pretraining, registry
from saccade.bundle import Recipe
from saccade.errors import UserError
from saccade.models import googlenet, lenet5, lstm, resnet18, resnet50, vgg16
from saccade.pretraining import load_into, published_normalisation, published_weights, read_weights
from saccade.spec import Spec


def spec(height: int, width: int, channels: int = 3, classes: int = 7) -> Spec:
    return Spec("image", (height, width, channels), tuple(f"class {k}" for k in range(classes)))


def images(batch: int, channels: int, height: int, width: int, seed: int = 1) -> Tensor:
    return torch.randn(batch, channels, height, width, generator=torch.Generator().manual_seed(seed))


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def assert_same(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert list(first) == list(second)
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def small_weights() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return weights_of(lenet5.build(spec(20, 18)))


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.pth", "a.pt", "A.PTH", "old.pth"])
def test_a_pickled_state_dict_is_read(tmp_path: Path, name: str) -> None:
    torch.save(small_weights(), tmp_path / name, _use_new_zipfile_serialization=name != "old.pth")
    assert_same(read_weights(tmp_path / name), small_weights())


def test_a_safetensors_file_is_read(tmp_path: Path) -> None:
    save_file(small_weights(), tmp_path / "a.safetensors")
    read = read_weights(tmp_path / "a.safetensors")
    assert_same(dict(sorted(read.items())), dict(sorted(small_weights().items())))


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_a_checkpoint_is_unwrapped(tmp_path: Path, key: str, prefix: str) -> None:
    wrapped = {f"{prefix}{name}": nn.Parameter(value) for name, value in small_weights().items()}
    torch.save({"epoch": 3, key: wrapped, "optimizer": {"lr": 0.1}}, tmp_path / "a.pth")
    read = read_weights(tmp_path / "a.pth")
    assert_same(read, small_weights())
    assert not any(value.requires_grad for value in read.values())


def test_a_layer_that_is_called_module_or_model_is_no_wrapper(tmp_path: Path) -> None:
    weights = {"module.weight": torch.ones(2), "model": torch.zeros(1), "state_dict": torch.zeros(3)}
    torch.save(weights, tmp_path / "a.pth")
    assert_same(read_weights(tmp_path / "a.pth"), weights)


class Malicious:
    """Touches a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.target,))


def write_torch(content: Any, path: Path) -> None:
    torch.save(content, path)


def write_torch_before_1_6(content: Any, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def write_pickle(content: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))


@pytest.mark.parametrize("write", [write_torch, write_torch_before_1_6, write_pickle])
def test_code_in_a_pickle_is_not_run(tmp_path: Path, write: Callable[[Any, Path], None]) -> None:
    target = tmp_path / "was here"
    write({**small_weights(), "extra": Malicious(target)}, tmp_path / "a.pth")
    with pytest.raises(
        UserError, match=r"a\.pth holds a Python object \(\S+\) and not only tensors; .*\n.*state_dict\(\)"
    ):
        read_weights(tmp_path / "a.pth")
    assert not target.exists()
    torch.load(tmp_path / "a.pth", weights_only=False) if write is not write_pickle else pickle.loads(
        (tmp_path / "a.pth").read_bytes()
    )
    assert target.exists()  # it does what it is made for


def test_a_whole_pickled_network_is_refused(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 3), tmp_path / "a.pt")
    with pytest.raises(UserError, match=r"holds a Python object \(torch\.nn\.modules\.linear\.Linear\)"):
        read_weights(tmp_path / "a.pt")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("left", [0, 5, 100, 3000, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, suffix: str, left: int) -> None:
    path = tmp_path / f"a{suffix}"
    torch.save(small_weights(), path) if suffix == ".pth" else save_file(small_weights(), path)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(UserError, match=rf"a{suffix} cannot be read \(.+\)\. Get it anew: it is damaged"):
        read_weights(path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_damaged_pickle_is_refused_or_read_but_never_breaks(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2), "b": [1, "x"]}, tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    content, chance = (tmp_path / "a.pth").read_bytes(), random.Random(0)
    kinds = set()
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(3):
            damaged[chance.randrange(len(content))] = chance.randrange(256)
        (tmp_path / "b.pth").write_bytes(damaged)
        try:
            read_weights(tmp_path / "b.pth")
        except UserError as error:
            kinds.add(type(error.__cause__))
    assert len(kinds) > 2  # torch.load alone raises many kinds


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.ones(2)], "must hold names and tensors, but holds a list"),
        (torch.ones(2), "but holds a Tensor"),
        ({}, "but holds nothing"),
        ({"a": torch.ones(2), "epoch": 3, "lr": 0.1}, r"but also holds epoch \(int\), lr \(float\)\. Save the weights"),
        ({"state_dict": {"a": [1]}}, r"but also holds a \(list\)"),
    ],
)
def test_a_file_without_a_state_dict_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(UserError, match=rf"a\.pth .*{message}"):
        read_weights(tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("name", "said"), [("a.onnx", r"not \.onnx"), ("weights", "not without a suffix"), ("a.h5", r"not \.h5")]
)
def test_another_kind_of_file_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(UserError, match=rf"{name} must end with \.safetensors, \.pth or \.pt, {said}"):
        read_weights(tmp_path / name)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.pth is not there: name a \.safetensors, \.pth or \.pt file"):
        read_weights(tmp_path / "none.pth")
    (tmp_path / "folder.pth").mkdir()
    with pytest.raises(UserError, match=r"folder\.pth is not there"):
        read_weights(tmp_path / "folder.pth")


# --- into a network ---------------------------------------------------------------------------------------------------

THEIRS: dict[str, Callable[[], nn.Module]] = {
    "resnet18": partial(torchvision.models.resnet18, num_classes=1000),
    "resnet50": partial(torchvision.models.resnet50, num_classes=1000),
    "googlenet": partial(torchvision.models.GoogLeNet, num_classes=1000, init_weights=True),
}


@pytest.mark.parametrize("name", THEIRS)
def test_torchvisions_weights_are_taken_whole(tmp_path: Path, name: str) -> None:
    torch.manual_seed(1)
    theirs = THEIRS[name]().eval()
    torch.save(theirs.state_dict(), tmp_path / "a.pth")
    ours = registry.module("models", name).build(spec(40, 33, classes=1000)).eval()
    lines = load_into(ours, read_weights(tmp_path / "a.pth"), origin="a.pth")
    assert_same(weights_of(ours), weights_of(theirs))
    assert torch.equal(ours(images(2, 3, 40, 33)), theirs(images(2, 3, 40, 33)))
    count = len(theirs.state_dict())
    assert lines == [f"{count} of {count} tensors taken from a.pth"]


def test_a_head_of_another_number_of_classes_stays_new() -> None:
    theirs = weights_of(THEIRS["resnet18"]())
    network = resnet18.build(spec(40, 33))
    before = weights_of(network)
    lines = load_into(network, theirs, origin="a.pth")
    assert lines == ["120 of 122 tensors taken from a.pth", "fc is new: 7 outputs here, 1000 there"]
    for name, value in network.state_dict().items():
        assert torch.equal(value, (before if name.startswith("fc.") else theirs)[name]), name


def test_the_auxiliary_heads_stay_new_too_in_their_last_layers() -> None:
    theirs = weights_of(THEIRS["googlenet"]())
    network = googlenet.build(spec(40, 33))
    before = weights_of(network)
    lines = load_into(network, theirs, origin="a.pth")
    heads = ("fc.", "aux1.fc2.", "aux2.fc2.")
    assert sorted(lines[1:]) == [
        f"{name}is new: 7 outputs here, 1000 there".replace(".is", " is") for name in sorted(heads)
    ]
    for name, value in network.state_dict().items():
        assert torch.equal(value, (before if name.startswith(heads) else theirs)[name]), name


def test_auxiliary_heads_that_the_network_is_built_without_are_left_out() -> None:
    theirs = weights_of(THEIRS["googlenet"]())
    network = googlenet.build(spec(40, 33, classes=1000), auxiliary=False)
    lines = load_into(network, theirs, origin="a.pth")
    assert lines[1:] == ["aux1 and aux2 left out: the network was built without auxiliary heads"]
    assert_same(weights_of(network), {name: value for name, value in theirs.items() if not name.startswith("aux")})


def test_auxiliary_heads_that_the_weights_lack_are_missing() -> None:
    theirs = weights_of(googlenet.build(spec(40, 33), auxiliary=False))
    with pytest.raises(UserError, match=r"missing: aux1\.conv\.conv\.weight, .*aux2\.fc2\.bias\.\n"):
        load_into(googlenet.build(spec(40, 33)), theirs, origin="a.pth")


@pytest.mark.parametrize("model", [resnet18, googlenet, vgg16])
def test_a_grey_network_takes_the_sum_over_the_colours(model: Any) -> None:
    small: dict[str, Any] = {"head": "small"} if model is vgg16 else {}
    torch.manual_seed(0)
    theirs = model.build(spec(40, 33), **small).eval()
    ours = model.build(spec(40, 33, channels=1), **small).eval()
    weights = theirs.state_dict()
    lines = load_into(ours, weights, origin="a.pth")
    first = {"resnet18": "conv1", "googlenet": "conv1.conv", "vgg16": "features.0"}[model.__name__.split(".")[-1]]
    assert lines[1:] == [f"{first}.weight is summed over its three colours: the network takes grey images"]
    grey_B1HW = images(3, 1, 40, 33)
    with torch.no_grad():
        torch.testing.assert_close(
            ours(grey_B1HW), theirs(grey_B1HW.expand(-1, 3, -1, -1)), rtol=1e-3, atol=1e-4
        )  # sums
    weight = theirs.get_submodule(first).weight
    assert torch.equal(ours.get_submodule(first).weight, weight[:, :1] + weight[:, 1:2] + weight[:, 2:])
    assert weights[f"{first}.weight"].shape[1] == 3  # the caller's are as they were


def test_only_the_first_convolution_is_summed() -> None:
    weights = {"0.weight": torch.ones(2, 3, 3, 3), "1.weight": torch.ones(4, 3, 3, 3)}
    network = nn.Sequential(nn.Conv2d(3, 2, 3, bias=False), nn.Conv2d(1, 4, 3, bias=False))
    with pytest.raises(UserError, match=r"of another shape: 1\.weight \(4x3x3x3 there, 4x1x3x3 here\)"):
        load_into(network, weights, origin="a.pth")


@pytest.mark.parametrize(("removed", "added"), [(["layer2.0.bn1.weight", "fc.bias"], ["extra"]), (["fc.weight"], [])])
def test_missing_and_unexpected_names_are_told_and_nothing_is_changed(removed: list[str], added: list[str]) -> None:
    theirs = weights_of(resnet18.build(spec(40, 33)))
    for name in removed:
        del theirs[name]
    theirs |= {name: torch.ones(1) for name in added}
    network = resnet18.build(spec(40, 33))
    before = weights_of(network)
    unexpected = f"; unexpected: {', '.join(added)}" if added else ""
    message = rf"a\.pth does not fit the network\. missing: {', '.join(removed)}{unexpected}\.\nBuild the network with"
    with pytest.raises(UserError, match=message):
        load_into(network, theirs, origin="a.pth")
    assert_same(weights_of(network), before)


def test_shapes_that_do_not_fit_are_told_both() -> None:
    theirs = weights_of(THEIRS["resnet18"]())
    network = resnet18.build(spec(32, 32), stem="small")
    before = weights_of(network)
    with pytest.raises(UserError, match=r"of another shape: conv1\.weight \(64x3x7x7 there, 64x3x3x3 here\)\.\n"):
        load_into(network, theirs, origin="a.pth")
    assert_same(weights_of(network), before)


def test_a_head_behind_other_features_does_not_fit() -> None:
    with pytest.raises(UserError, match=r"head\.1\.weight \(9x6 there, 7x5 here\), head\.1\.bias \(9 there, 7 here\)"):
        load_into(
            lstm.build(Spec("series", (9, 4), tuple("abcdefg")), hidden_size=5),
            lstm.build(Spec("series", (9, 4), tuple("abcdefghi")), hidden_size=6).state_dict(),
            origin="a.pth",
        )


def test_where_many_names_differ_a_layer_stands_for_all_in_it() -> None:
    with pytest.raises(UserError) as caught:
        load_into(resnet18.build(spec(40, 33)), weights_of(resnet50.build(spec(40, 33))), origin="a.pth")
    message = str(caught.value)
    assert (
        "layer1.0.conv3.weight" in message and "layer1.0.downsample.* (5)" in message and "layer3.2.* (15)" in message
    )
    assert "layer3.2.conv1" not in message and "layer1.0.conv1.weight (64x64x1x1 there, 64x64x3x3 here)" in message
    assert message.count(" there, ") == 20 and " more.\n" in message


def test_what_batch_norms_count_may_lack_and_may_be_there() -> None:
    whole = weights_of(resnet18.build(spec(40, 33)))
    old = {name: value for name, value in whole.items() if not name.endswith("num_batches_tracked")}
    network = resnet18.build(spec(40, 33))
    assert load_into(network, old, origin="a.pth") == ["102 of 122 tensors taken from a.pth"]
    assert_same(weights_of(network), whole)
    load_into(network, {**whole, "layer9.bn.num_batches_tracked": torch.tensor(3)}, origin="a.pth")


def test_half_precision_weights_become_those_of_the_network() -> None:
    theirs = {name: value.half() if value.is_floating_point() else value for name, value in small_weights().items()}
    network = lenet5.build(spec(20, 18))
    load_into(network, theirs, origin="a.pth")
    for name, value in network.state_dict().items():
        assert value.dtype == torch.float32 and torch.equal(value, theirs[name].float())


def test_ones_own_run_is_a_start(tmp_path: Path) -> None:
    made = Recipe("lenet5", {}, spec(20, 18), "classify", [0.5] * 3, [0.3] * 3, "0123")
    torch.manual_seed(0)
    trained = made.build_network()
    bundle.save(tmp_path, made, trained)
    network = lenet5.build(spec(20, 18, classes=4))
    lines = load_into(network, read_weights(tmp_path / "weights.safetensors"), origin="models/digits")
    assert lines == ["8 of 10 tensors taken from models/digits", "classifier.6 is new: 4 outputs here, 7 there"]
    assert torch.equal(network.features[0].weight, trained[1].features[0].weight)


# --- torchvision's own ------------------------------------------------------------------------------------------------


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address that serves it."""
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as http:
        threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
        yield folder, f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


@pytest.fixture
def published(
    server: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[bytes | None, str | None], str]:
    """Let torchvision take resnet18's weights from our server, and keep them in an empty cache."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def publish(content: bytes | None, digest: str | None = None) -> str:
        folder, address = server
        name = f"resnet18-{digest or hashlib.sha256(content or b'').hexdigest()[:8]}.pth"
        if content is not None:
            (folder / name).write_bytes(content)
        weights = torchvision.models.ResNet18_Weights.IMAGENET1K_V1
        monkeypatch.setattr(weights.value, "url", f"{address}/{name}")
        return name

    return publish


def pickled(network: nn.Module, path: Path) -> bytes:
    torch.save(network.state_dict(), path)
    return path.read_bytes()


def test_published_weights_are_downloaded_once_and_taken_whole(
    published: Any, server: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(1)
    theirs = THEIRS["resnet18"]()
    name = published(pickled(theirs, tmp_path / "made.pth"))
    path = published_weights("resnet18")
    assert path == tmp_path / "torch" / "hub" / "checkpoints" / name
    assert capsys.readouterr().out == ""
    network = resnet18.build(spec(40, 33))
    assert load_into(network, read_weights(path), origin="imagenet")[0] == "120 of 122 tensors taken from imagenet"
    assert torch.equal(network.conv1.weight, theirs.conv1.weight)
    (server[0] / name).unlink()
    assert published_weights("resnet18") == path  # from the cache


@pytest.mark.parametrize(
    ("content", "digest", "reason"),
    [(None, "0123abcd", "404"), (b"cut short", "0123abcd", "invalid hash value")],
)
def test_a_failing_download_says_where_the_file_goes_by_hand(
    published: Any, tmp_path: Path, content: bytes | None, digest: str, reason: str
) -> None:
    name = published(content, digest)
    with pytest.raises(UserError) as caught:
        published_weights("resnet18")
    message = str(caught.value)
    assert f"/{name} could not be downloaded (" in message and reason in message
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    assert f"put {name} into {folder} by hand, or write `pretrained: <path of a file>`" in message
    assert list(folder.iterdir()) == []


def test_a_server_that_is_not_there_is_a_failing_download(published: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    published(None, "0123abcd")
    monkeypatch.setattr(
        torchvision.models.ResNet18_Weights.IMAGENET1K_V1.value, "url", "http://127.0.0.1:1/a-01234567.pth"
    )
    with pytest.raises(UserError, match=r"127\.0\.0\.1:1/a-01234567\.pth could not be downloaded \(.*refused"):
        published_weights("resnet18")


def test_a_server_that_does_not_answer_is_not_waited_for(published: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    published(None, "0123abcd")
    monkeypatch.setattr(pretraining, "_SERVER_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/a-01234567.pth"
        monkeypatch.setattr(torchvision.models.ResNet18_Weights.IMAGENET1K_V1.value, "url", address)
        with pytest.raises(UserError, match=r"could not be downloaded \(.*timed out"):
            published_weights("resnet18")
    assert socket.getdefaulttimeout() is None


def test_a_file_put_into_the_cache_by_hand_is_checked(published: Any, tmp_path: Path) -> None:
    content = pickled(lenet5.build(spec(20, 18)), tmp_path / "made.pth")
    name = published(None, hashlib.sha256(content).hexdigest()[:8])
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content[:-1])
    with pytest.raises(UserError, match=rf"{name} is not what torchvision published: remove it and try again; or put"):
        published_weights("resnet18")
    (folder / name).write_bytes(content)
    assert published_weights("resnet18") == folder / name


def test_a_published_file_that_could_run_code_does_not(published: Any, tmp_path: Path) -> None:
    torch.save({"a": Malicious(tmp_path / "was here")}, tmp_path / "made.pth")
    published((tmp_path / "made.pth").read_bytes())
    path = published_weights("resnet18")
    with pytest.raises(UserError, match="holds a Python object"):
        read_weights(path)
    assert not (tmp_path / "was here").exists()


def test_a_network_without_published_weights_names_those_that_have_some() -> None:
    with pytest.raises(
        UserError, match=r"\(.*googlenet, resnet18, resnet50, vgg16\), not lenet5.*`pretrained: <path>`"
    ):
        published_weights("lenet5")


@pytest.mark.parametrize("model", ["resnet18", "resnet50", "vgg16", "googlenet"])
def test_the_named_weights_exist_in_torchvision_and_fit_in_number(model: str) -> None:
    published = pretraining._published(model)
    assert published.url.startswith("https://download.pytorch.org/models/" + model) and published.url.endswith(".pth")
    assert len(published.meta["categories"]) == registry.constant("models", model, "TYPICAL_CLASSES")


def test_the_normalisation_is_the_one_the_weights_were_trained_with() -> None:
    for model in ("resnet18", "resnet50", "vgg16"):
        assert published_normalisation(model, 3) == ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    assert published_normalisation("googlenet", 3) == ([0.5] * 3, [0.5] * 3)
    mean, std = published_normalisation("resnet18", 1)
    assert mean == pytest.approx([0.449], abs=1e-9) and std == pytest.approx([0.226], abs=1e-9)
