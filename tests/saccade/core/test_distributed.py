"""Several processes: real ones, over gloo, against one."""

import json
import os
from pathlib import Path

import pytest
import torch
from warm_python import Started

from saccade.core import ranks
from saccade.core.distributed import SINGLE_PROCESS, Processes
from saccade.core.ranks import Rank

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = (ROOT / "src", ROOT / "tests/helpers")  # of what the trainer imports

TRAINER = """
import json, sys
from dataclasses import asdict
import torch
from saccade.core import ranks, registry
from saccade.optim import optimizers
from saccade.batching.length_buckets import stored_lengths
from saccade.bundle.inputs import ImageInput, TokenInput
from saccade.optim.losses import cross_entropy
from saccade.core.distributed import process_group
from saccade.data.spec import Spec
from flat_fit import fit, measure
from saccade.batching.arrays import LabelledArrays
from saccade.train.state import TrainingState

count, batch_size, accumulation_steps = map(int, sys.argv[1:4])
normalisation, mixing, kind = sys.argv[4], json.loads(sys.argv[5]), sys.argv[6]
torch.set_num_threads(1)
random = torch.Generator().manual_seed(0)
labels = torch.randint(0, 3, (count,), generator=random)
if kind == "image":
    images = torch.randint(0, 256, (1, count, 18, 16, 2), generator=random).to(torch.uint8)
    data = LabelledArrays(images, labels)
    spec = Spec("image", (18, 16, 2), ("cat", "dog", "owl"))
    reader, name, options = ImageInput([0.4, 0.45], [0.2, 0.25]), "lenet5", {"normalisation": normalisation}
else:
    lengths = torch.randint(1, 12, (count,), generator=random)
    tokens = torch.randint(1, 9, (count, 12), generator=random) * (torch.arange(12) < lengths[:, None])
    data = LabelledArrays(tokens.int()[None], labels, stored_lengths(tokens))
    spec = Spec("tokens", (12,), ("cat", "dog", "owl"), (), ("<pad>", "<unknown>", *"abcdefg"), "characters")
    reader, name, options = TokenInput(), "lstm", {"hidden_size": 8, "bidirectional": True, "pool": "attention"}
torch.manual_seed(1)
model = registry.module("models", name).build(spec, **options)
network = torch.nn.Sequential(reader, model)
optimizer = optimizers.build("sgd", network, lr=0.05, momentum=0.9)
state = TrainingState(network, optimizer, with_average=True, with_best=True)
with process_group(ranks.current_rank(), torch.device("cpu")) as processes:
    told = processes.broadcast(b"from rank 0" if processes.rank == 0 else None)
    nothing = processes.broadcast(None)
    records = list(fit(
        state, data, data, loss=cross_entropy, schedule=lambda step: 1.0, lr=0.05, epochs=3, batch_size=batch_size,
        accumulation_steps=accumulation_steps, clip_norm=1.0, device=torch.device("cpu"), precision="float32", seed=4,
        processes=processes, ema_decay=0.5, **mixing,
    ))
by_itself = measure(state.result, data, cross_entropy, "accuracy", 8)
weights = [parameter.flatten().tolist() for parameter in state.result.parameters()]
print(json.dumps({
    "told": told.decode() if told else None, "nothing": nothing, "weights": sum(weights, []),
    "buffers": [buffer.flatten().tolist() for buffer in state.result.buffers()], "by_itself": by_itself,
    "kept_epoch": state.kept_epoch, "kept": [one.flatten().tolist() for one in state.kept.state_dict().values()],
    "history": [asdict(record) for record in records],
}))
"""


def train(tmp_path: Path, processes: int, *arguments: int | str) -> list[dict]:
    """What each process printed."""
    code = f"import sys\nsys.path[:0] = {[str(folder) for folder in FOLDERS]}\n{TRAINER}"
    started = []
    for rank in range(processes):
        environment = os.environ | {"GLOO_SOCKET_IFNAME": "lo"}
        if processes > 1:
            environment |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            environment |= {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
            environment |= {ranks.RENDEZVOUS_VARIABLE: str(tmp_path / f"meeting-{arguments}")}
        started.append(Started(["-c", code, *map(str, arguments)], cwd=tmp_path, env=environment))
    try:
        said = [process.communicate(timeout=280) for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0] * processes, said
    return [json.loads(out) for out, _ in said]


@pytest.mark.parametrize(
    ("arguments", "mixing", "kind"),
    [
        ((22, 8, 1), "{}", "image"),
        ((17, 8, 1), "{}", "image"),
        ((21, 4, 2), "{}", "image"),
        ((21, 4, 2), '{"mixup": 0.4, "cutmix": 1.0}', "image"),
        ((37, 4, 2), "{}", "tokens"),
    ],
)
def test_two_processes_compute_what_one_does(
    tmp_path: Path, arguments: tuple[int, int, int], mixing: str, kind: str
) -> None:
    """Also where the last batch has an odd number of rows, or one for the two of them; no batch norm.

    Texts are drawn from length buckets, the same ones in each process.
    """
    (alone,) = train(tmp_path, 1, *arguments, "none", mixing, kind)
    first, second = train(tmp_path, 2, *arguments, "none", mixing, kind)
    assert first["told"] == second["told"] == "from rank 0" and first["nothing"] is second["nothing"] is None
    assert first["weights"] == second["weights"]  # to the last bit
    # sums over other parts round differently, and 9 updates with momentum carry that on
    torch.testing.assert_close(torch.tensor(first["weights"]), torch.tensor(alone["weights"]), rtol=1e-4, atol=1e-6)
    for ours, one in zip(first["history"], alone["history"], strict=True):
        for key in ("train_loss", "train_score", "validation_loss", "validation_score", "gradient_norm"):
            assert ours[key] == pytest.approx(one[key], rel=1e-4), key
            assert second["history"][ours["epoch"] - 1][key] == ours[key]


def test_two_processes_stop_after_the_same_epoch_and_keep_the_same_weights(tmp_path: Path) -> None:
    """Each decides for itself, by numbers that are the same to the last bit: else one would wait for the other."""
    first, second = train(tmp_path, 2, 22, 8, 1, "batch", '{"patience": 1, "min_delta": 9.0}', "image")
    assert len(first["history"]) == len(second["history"]) == 2  # of three
    losses = [record["validation_loss"] for record in first["history"]]
    assert first["kept_epoch"] == second["kept_epoch"] == 1 + losses.index(min(losses))
    assert first["kept"] == second["kept"]


def test_validation_measures_the_network_that_is_kept(tmp_path: Path) -> None:
    """Each rank's batch norms have running statistics of their own; rank 0's are kept, so they are measured."""
    first, second = train(tmp_path, 2, 22, 8, 1, "batch", "{}", "image")
    assert first["buffers"] == second["buffers"] and first["weights"] == second["weights"]
    loss, accuracy = first["by_itself"]
    assert first["history"][-1]["validation_loss"] == pytest.approx(loss, rel=1e-6)
    assert first["history"][-1]["validation_score"] == pytest.approx(accuracy)


def test_every_row_of_a_batch_is_computed_once() -> None:
    for size in (1, 2, 3, 7, 8):
        rows = torch.arange(size) + 10
        shares = [Processes(Rank(rank, 3)).local_rows(rows) for rank in range(3)]
        assert sorted(row for mine, counted in shares for row in mine[:counted].tolist()) == rows.tolist()
        assert min(len(mine) for mine, _ in shares) >= 1  # nobody may stay away from the averaging
        assert max(counted for _, counted in shares) - min(counted for _, counted in shares) <= 1


def test_alone_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert ranks.current_rank() == Rank(0, 1, 0, 1)
    network = torch.nn.Linear(2, 2)
    assert SINGLE_PROCESS.wrap(network, torch.device("cpu")) is network
    assert SINGLE_PROCESS.broadcast(b"x") == b"x" and SINGLE_PROCESS.broadcast(None) is None
    values = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert ranks.current_rank() == Rank(3, 4, 1, 2)
