"""How fast `saccade predict --out answers.csv` is beside a bare loop over the same files, and how much memory it takes.

    python benchmarks/batch_answers.py
    python benchmarks/batch_answers.py --memory 1000 10000 100000

The bare loop is what decoding bounds: Pillow decodes in as many threads, the image is prepared by the same function,
batches of 64 go through the same network, and nothing is written. The command's side finds the files, decodes, answers,
writes parts and journal, and moves the table into place. In pairs, in turn, in one process. Memory is the peak of the
resident set of a process of its own that answers about so many pictures, hard links to few files.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import torch
from figures import report, tell
from PIL import Image
from workbench import ROOT, parser_of

sys.path.insert(0, str(ROOT))

from pipeline.batch_answers.write_answers import write_answers
from saccade.bundle.bundle import NetworkConfig, save
from saccade.core import registry
from saccade.core.cpu import usable_cores
from saccade.data.spec import Spec
from saccade.kinds import Reading
from saccade.kinds.image.pixels.resize import prepare_image
from saccade.predict.answers import Question
from saccade.predict.predictor import Predictor, load

DISTINCT = 50
PICTURES = {  # name: height and width of the files, suffix, height and width of the network
    "JPEG of 480x640, network of 64x64": ((480, 640), ".jpg", (64, 64)),
    "JPEG of 240x320, network of 64x64": ((240, 320), ".jpg", (64, 64)),
    "PNG of 32x32, network of 32x32": ((32, 32), ".png", (32, 32)),
}
BATCH = 64


def main() -> None:
    """Parse the command line, measure, print."""
    parser = parser_of(__doc__, pairs=9)
    parser.add_argument("--memory", type=int, nargs="+", metavar="N", default=None, help="numbers of pictures")
    parser.add_argument("--format", default=".csv", choices=[".csv", ".jsonl", ".parquet"])
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "0")) or usable_cores())
    if options.one:
        print(json.dumps(peak_of(options.one, options.format)))
        return
    options.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        if options.memory:
            for count in options.memory:
                tell(f"{count:,} pictures")
                report(f"peak memory over {count:,} pictures", "MB", [peak(Path(folder), count, options.format)])
            return
        for name, (sides, suffix, size) in PICTURES.items():
            count = 2 * BATCH if options.quick else 12_000 if suffix == ".png" else 1500
            made = make(Path(folder) / suffix[1:] / str(sides[0]), count, sides, suffix, size)
            compare(name, made, 1 if options.quick else options.pairs, options.format)


def make(folder: Path, count: int, sides: tuple[int, int], suffix: str, size: tuple[int, int]) -> Path:
    """A folder with a bundle of random weights and many pictures, hard links to ``DISTINCT`` files."""
    random = np.random.default_rng(0)
    (folder / "photos").mkdir(parents=True)
    for number in range(count):
        path = folder / "photos" / f"{number:06}{suffix}"
        if number < DISTINCT:
            coarse = random.integers(0, 256, (sides[0] // 8, sides[1] // 8, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize(sides[::-1], Image.Resampling.BICUBIC).save(path)
        else:
            os.link(folder / "photos" / f"{number % DISTINCT:06}{suffix}", path)
    spec = Spec("image", (*size, 3), tuple(f"class {k}" for k in range(10)))
    arguments = {name: each.default for name, each in registry.keyword_arguments("models", "lenet5", "build").items()}
    config = NetworkConfig("lenet5", arguments, spec, "classify", [0.5] * 3, [0.25] * 3, "0" * 64)
    (folder / "bundle").mkdir()
    save(folder / "bundle", config, config.build_network())
    return folder


def compare(name: str, made: Path, pairs: int, suffix: str) -> None:
    """Pairs of both loops, in turn: by the clock, and by what the processor works."""
    predictor = load(made / "bundle")
    files = sorted((made / "photos").iterdir())
    wall: dict[str, list[float]] = {"ours": [], "bare": []}
    work: dict[str, list[float]] = {"ours": [], "bare": []}
    for pair in range(-1, pairs):  # the first warms up
        tell(f"{name}, {pair + 1} of {pairs}")
        for side in ("ours", "bare") if pair % 2 else ("bare", "ours"):
            began, worked = time.perf_counter(), time.process_time()
            answer_all(predictor, made, suffix) if side == "ours" else bare_loop(predictor, files)
            if pair >= 0:
                wall[side].append(len(files) / (time.perf_counter() - began))
                work[side].append(len(files) / (time.process_time() - worked))
    target = ("at least", 0.85)
    report(f"{name}, by the clock", "images/s", wall["ours"], wall["bare"], peer="bare loop", target=target)
    report(f"{name}, by the work", "images/s of CPU", work["ours"], work["bare"], peer="bare loop", target=target)


def answer_all(predictor: Predictor, made: Path, suffix: str) -> None:
    """What the command does once the network is loaded."""
    reading = Reading("run", predictor.spec, ["photos"], here=made)
    question = Question(reading, table=made / f"answers{suffix}")
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123
        write_answers(predictor, question, model=made / "bundle")


def bare_loop(predictor: Predictor, files: list[Path]) -> int:
    """Pillow in threads, and the network; how many answers there are."""
    size, channels = predictor.spec.shape[:2], predictor.spec.shape[2]

    def decoded(path: Path) -> np.ndarray:
        with Image.open(path) as image:
            image.draft("RGB", (3 * size[1], 3 * size[0]))
            return prepare_image(np.asarray(image.convert("RGB")), size, channels)

    answers = 0
    with ThreadPoolExecutor(usable_cores()) as pool:
        for batch in ahead(pool, decoded, files):
            answers += len(predictor.answers_of(np.stack(batch)))
    return answers


def ahead(pool: ThreadPoolExecutor, decoded: object, files: list[Path]) -> Iterator[list[np.ndarray]]:
    """Batches in order; some are decoded ahead."""
    waiting: deque[list[Future[np.ndarray]]] = deque()
    for start in range(0, len(files), BATCH):
        waiting.append([pool.submit(decoded, path) for path in files[start : start + BATCH]])  # type: ignore[arg-type]
        if len(waiting) > 2:
            yield [one.result() for one in waiting.popleft()]
    while waiting:
        yield [one.result() for one in waiting.popleft()]


def peak(folder: Path, count: int, suffix: str) -> float:
    """Peak resident set in MB of a process that answers about so many pictures."""
    made = make(folder / "memory", count, (32, 32), ".png", (32, 32))
    command = [sys.executable, __file__, "--one", str(made), "--format", suffix]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    shutil.rmtree(made)
    return float(json.loads(out))


def peak_of(made: Path, suffix: str) -> float:
    """Peak resident set in MB of this process, once it has answered."""
    answer_all(load(made / "bundle"), made, suffix)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
