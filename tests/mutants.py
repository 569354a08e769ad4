"""Defects on purpose, one at a time, each of which some test must see: the yardstick when tests are thinned.

    python tests/mutants.py                    # all; about five minutes of a core
    python tests/mutants.py adam-bias ddp-share

Each replaces one text, found anywhere below src/ and pipeline/, in a copy of the tree, and runs the tests named beside
it, by file name wherever they lie. Prints which are seen (red) and which slip through, and ends with 1 if any does.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("src", "pipeline", "tests", "recipes", "docs", "benchmarks", "pyproject.toml", "params.yaml", "dvc.yaml",
          "README.md", ".gitignore", ".dvcignore")  # fmt: skip


class Mutant(NamedTuple):
    """One defect.

    Attributes:
        name: to call it by.
        old: text that occurs once below src/ and pipeline/.
        new: what stands there instead.
        tests: file name of the tests that see it, behind that of its folder where two are called so; behind a space,
            which of them (``-k``).
    """

    name: str
    old: str
    new: str
    tests: str


MUTANTS = (
    # losses
    Mutant("class-weights-divisor",
           'label_smoothing=smoothing)\n    return (weight_K[target] * loss_B).mean()',
           'label_smoothing=smoothing)\n    return (weight_K[target] * loss_B).sum() / weight_K[target].sum()',
           "test_losses.py"),
    Mutant("loss-of-padding", 'ignore_index=PAD, reduction="none"', 'reduction="none"', "test_losses.py"),
    Mutant("auxiliary-heads", "AUXILIARY_WEIGHT = 0.3", "AUXILIARY_WEIGHT = 0.4", "test_losses.py"),
    # optimizers and schedules
    Mutant("adam-bias", "math.sqrt(1 - beta2**step_count)", "1 - beta2**step_count", "test_optimizers.py"),
    Mutant("adamw-decay", "1 - lr * weight_decay)", "1 - weight_decay)", "test_optimizers.py"),
    Mutant("nesterov", "if nesterov else velocity", "if not nesterov else velocity", "test_optimizers.py"),
    Mutant("decayed-biases", "(parameter.ndim > 1) == is_decayed", "(parameter.ndim > 0) == is_decayed",
           "test_optimizers.py"),
    Mutant("cosine-end", "math.cos(math.pi * step / total_steps)", "math.cos(math.pi * step / (total_steps + 1))",
           "test_schedules.py"),
    Mutant("one-cycle-peak", "warmup_fraction * total_steps - 1", "warmup_fraction * total_steps", "test_schedules.py"),
    Mutant("warmup-start", "return (step + 1) / warmup_steps", "return step / warmup_steps", "test_schedules.py"),
    # the loop
    Mutant("accumulation", "count * self._processes.count / len(update)", "count * self._processes.count / len(rows)",
           "test_loop.py accumul"),
    Mutant("early-stopping", "if loss < lowest - min_delta:", "if loss < lowest:", "train/test_early_stopping.py"),
    Mutant("average-warmup", "share = 1 - min(decay, (1 + step_count) / (10 + step_count))", "share = 1 - decay",
           "test_loop.py average"),
    Mutant("best-weights", "self.kept_epoch == record.epoch", "self.kept_epoch != record.epoch",
           "test_loop_end.py"),
    Mutant("resume-updates", '_under("optimizer.", tensors), position["updates"])', '_under("optimizer.", tensors), 0)',
           "test_loop.py stopped_after_any"),
    Mutant("damaged-checkpoint", 'if hashlib.sha256(content).hexdigest() == path.stem.split("-")[2]:', "if content:",
           "test_checkpoints.py"),
    Mutant("ddp-share", "rows_B[self.rank :: self.count]", "rows_B[: -(-len(rows_B) // self.count)]",
           "test_distributed.py"),
    # samplers and mixtures
    Mutant("mixed-target", "target.lam * own + (1 - target.lam) * partner",
           "(1 - target.lam) * own + target.lam * partner", "test_mixup.py"),
    Mutant("cutmix-area", "Mix(1 - (bottom - top) * (right - left) / (height * width), ", "Mix(1 - side**2, ",
           "test_mixup.py"),
    Mutant("last-bucket", "torch.cat([shuffled.flatten(), order_N[num_whole * size :]])", "shuffled.flatten()",
           "test_length_buckets.py"),
    Mutant("class-weights-mean", "[weight / mean for weight in weights]", "[weight for weight in weights]",
           "test_samplers.py"),
    # masks
    Mutant("attention-mask", "score_BT.masked_fill(~length_mask(length_B, h_BTW.shape[1]), -torch.inf)", "score_BT",
           "test_padding.py"),
    Mutant("mean-of-padding", ".sum(dim=1) / length_B[:, None]", ".sum(dim=1) / h_BTW.shape[1]", "test_padding.py"),
    Mutant("norm-of-padding", "(x_BFT * real_B1T).sum(dim=(0, 2))[:, None] / count",
           "x_BFT.mean(dim=(0, 2))[:, None]", "test_padding.py"),
    # what goes where
    Mutant("time-order", "for row in rows[::-1].tolist():", "for row in rows.tolist():", "test_splits.py"),
    Mutant("split-seed", r'sorted(members, key=lambda key: hashlib.blake2b(f"{seed}\0{key}"',
           'sorted(members, key=lambda key: hashlib.blake2b(f"{key}"', "test_splits.py"),
    Mutant("fold-of-a-class", "counts_FK[fold][k] += count", "counts_FK[fold][k] += 0", "test_folds.py"),
    Mutant("gap-between-parts", "validation_end = test_first - cut.window", "validation_end = test_first",
           "test_windows.py"),
    Mutant("window-stride", "np.arange((steps - self.length) % self.stride,", "np.arange(0,", "test_windows.py"),
    # tokens
    Mutant("vocabulary-order", "key=lambda token: (-counts[token], token)", "key=lambda token: -counts[token]",
           "test_tokenizer.py"),
    Mutant("decoded-padding", "for i in map(int, ids_T) if i != PAD)", "for i in map(int, ids_T))",
           "test_tokenizer.py"),
    # what answers are worth
    Mutant("calibration-edges", "np.searchsorted(np.unique(first_of_bins), confidences_N, side=\"right\")",
           "np.searchsorted(np.unique(first_of_bins), confidences_N, side=\"left\")", "test_metrics.py"),
    Mutant("top-k-ties", "np.arange(probabilities_NK.shape[1]) < labels_N[:, None]",
           "np.arange(probabilities_NK.shape[1]) > labels_N[:, None]", "test_metrics.py"),
    Mutant("macro-f1", 'average="macro", zero_division=0', 'average="weighted", zero_division=0', "test_metrics.py"),
    Mutant("gradients-half-turn", "torch.minimum(distance_NOHW, ORIENTATIONS - distance_NOHW)", "distance_NOHW",
           "test_hog_baseline.py"),
    Mutant("seasonal-naive", "ago = season * -(-step // season) - step", "ago = season - step",
           "test_baselines.py"),
    Mutant("ensemble-of-logits", ".log_softmax(dim=-1).logsumexp(dim=0) - math.log(len(outputs))", ".mean(dim=0)",
           "bundle/test_ensemble.py"),
    Mutant("views-of-training", "seed=-1 - seed, view=view", "seed=seed, view=view", "test_tta.py"),
    Mutant("receptive-field", "(kernel_size - 1) * dilation * jump", "kernel_size * dilation * jump",
           "test_receptive_field_rules.py"),
    Mutant("frozen-prefix", 'name.startswith(f"{prefix}.")', "name.startswith(prefix)", "test_freeze.py"),
    # what comes from outside, and what is written
    Mutant("archive-file-limit", "if size > self.max_file_bytes:", "if size > 100 * self.max_file_bytes:",
           "test_archive.py huge"),
    Mutant("archive-leads-out", 'if plain.is_absolute() or ".." in plain.parts:', "if plain.is_absolute():",
           "test_archive.py"),
    Mutant("archive-long-header", "_HEADER_BYTES = 2**20", "_HEADER_BYTES = 2**40", "test_archive.py headers_that"),
    Mutant("archive-padding", "_PADDING_BYTES = 2**24", "_PADDING_BYTES = 2**40", "test_archive.py headers_that"),
    Mutant("archive-checksum", "while chunk := self._stream.read(_CHUNK_BYTES):  # a compressed",
           'while chunk := b"":  # a compressed', "test_archive.py damaged"),
    Mutant("identity-order", "sort_keys=True, allow_nan=False", "allow_nan=False", "test_identity.py"),
    Mutant("torn-journal", r'file.truncate(file.read(size).rfind(b"\n") + 1)', "return", "test_journal.py"),
)  # fmt: skip


def place_of(text: str, below: Path) -> Path:
    """The one file in which a text occurs once."""
    found = [
        path
        for folder in ("src", "pipeline")
        for path in sorted((below / folder).rglob("*.py"))
        if text in path.read_text(encoding="utf-8")
    ]
    if len(found) != 1 or found[0].read_text(encoding="utf-8").count(text) != 1:
        raise SystemExit(f"{text!r} must occur once below src/ and pipeline/, but does in {found}: write it anew")
    return found[0]


def selection(tests: str, below: Path) -> list[str]:
    """Arguments of pytest."""
    name, _, expression = tests.partition(" ")
    (path,) = (below / "tests").rglob(name)
    return [str(path), *(["-k", expression] if expression else [])]


def ran(arguments: list[str], tree: Path, limit_s: float = 900) -> tuple[int, str]:
    """Exit code and output of pytest in the tree, in a fork of this process: torch is imported once."""
    output = tree / "output.txt"
    child = os.fork()
    if child == 0:
        os.chdir(tree)
        sys.path[:0] = [str(tree), str(tree / "src")]
        import pytest

        with output.open("w", encoding="utf-8") as file, redirect_stdout(file), redirect_stderr(file):
            code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--tb=line", *arguments])
        os._exit(int(code))
    until = time.monotonic() + limit_s
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > until:
            os.kill(child, 9)
        time.sleep(0.02)
    return os.waitstatus_to_exitcode(ended[1]), output.read_text(encoding="utf-8", errors="replace")


def seen_by(output: str) -> str:
    """The test that failed."""
    lines = [line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return lines[0].split(" - ")[0].rpartition("::")[2] if lines else "?"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of mutants; none: all of them")
    names = parser.parse_args().names
    unknown = set(names) - {mutant.name for mutant in MUTANTS}
    if unknown:
        parser.error(f"no mutant is called {', '.join(sorted(unknown))}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import sklearn.metrics
    import torch.nn

    print(f"torch {torch.__version__}, scikit-learn {sklearn.__version__}")
    slipped = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        tree.mkdir()
        for item in COPIED:
            if (ROOT / item).is_dir():
                shutil.copytree(ROOT / item, tree / item, ignore=shutil.ignore_patterns("__pycache__"))
            elif (ROOT / item).exists():
                shutil.copy2(ROOT / item, tree / item)
        sys.dont_write_bytecode = True  # a mutant of the same size and second would be taken from the cache
        whole: set[str] = set()
        for mutant in MUTANTS:
            if names and mutant.name not in names:
                continue
            arguments = selection(mutant.tests, tree)
            if mutant.tests not in whole:
                code, output = ran(arguments, tree)
                if code != 0:
                    raise SystemExit(
                        f"{mutant.tests} must pass without a mutant, but ends with {code}:\n{output[-2000:]}"
                    )
                whole.add(mutant.tests)
            path = place_of(mutant.old, tree)
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
            code, output = ran(arguments, tree)
            path.write_text(text, encoding="utf-8")
            is_seen = code == 1 or code < 0  # tests failed, or never ended; not: none was found, or pytest broke
            slipped += [] if is_seen else [mutant.name]
            where = path.relative_to(tree).with_suffix("").as_posix().removeprefix("src/").replace("/", ".")
            told = f"red   {seen_by(output)}" if is_seen else f"SLIPPED ({code})"
            print(f"{mutant.name:24} {where:36} {told}", flush=True)
    print(f"{len(slipped)} slipped through{': ' if slipped else ''}{', '.join(slipped)}")
    return int(bool(slipped))


if __name__ == "__main__":
    sys.exit(main())
