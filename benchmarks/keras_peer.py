"""The peers in Keras, in a process of their own; the benchmarks call this file with the peers' interpreter.

    .venv-peers/bin/python benchmarks/keras_peer.py convnet --mirror data/raw/mnist --seed 0
    .venv-peers/bin/python benchmarks/keras_peer.py lstm --examples 30000 --epochs 4

Prints one JSON object. ``convnet``: seconds from the start of the process to the end of the first epoch after which the
MNIST test set shows the wanted accuracy; the measuring of the test set is not counted. ``lstm``: examples a second, the
first epoch, which holds the compilation of the graph, left out.
"""

import time

_ENTERED_AT = time.time()

import argparse  # noqa: E402 - the clock starts before anything else
import gzip  # noqa: E402
import json  # noqa: E402
from pathlib import Path  # noqa: E402

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402


def main() -> None:
    """Parse the command line, train, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=["convnet", "lstm"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=30, help="at most (convnet), or exactly (lstm)")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--mirror", type=Path, help="convnet: folder with the four files of MNIST")
    parser.add_argument("--until", type=float, default=0.99, help="convnet: test accuracy that ends the training")
    parser.add_argument("--started-at", type=float, default=_ENTERED_AT, help="convnet: time.time() at its start")
    parser.add_argument("--examples", type=int, default=30_000, help="lstm: training examples")
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)
    print(json.dumps(train_convnet(options) if options.peer == "convnet" else train_lstm(options)))


def train_convnet(options: argparse.Namespace) -> dict[str, object]:
    """Keras's example of a small convnet, until the test set shows ``options.until``."""
    train, test = read_mnist(options.mirror, "train"), read_mnist(options.mirror, "t10k")
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    race = Race(test, options.until, options.started_at)
    model.fit(*train, batch_size=options.batch_size, epochs=options.epochs, verbose=0, callbacks=[race])
    return {
        "reached_s": race.ended_s[-1] if race.accuracies[-1] >= options.until else None,
        "epochs": len(race.accuracies),
        "epoch_ends_s": race.ended_s,
        "test_accuracies": race.accuracies,
    }


class Race(keras.callbacks.Callback):
    """Measures the test set after each epoch with its own clock stopped, and ends the training that is good enough."""

    def __init__(self, test: tuple[np.ndarray, np.ndarray], until: float, started_at: float) -> None:
        super().__init__()
        self.test, self.until, self.started_at = test, until, started_at
        self.ended_s: list[float] = []
        self.accuracies: list[float] = []
        self._stopped_s = 0.0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Take the time, then measure."""
        ended_at = time.time()
        self.ended_s.append(round(ended_at - self.started_at - self._stopped_s, 3))
        _, accuracy = self.model.evaluate(*self.test, batch_size=1000, verbose=0)
        self.accuracies.append(round(float(accuracy), 4))
        self._stopped_s += time.time() - ended_at
        self.model.stop_training = self.accuracies[-1] >= self.until


def read_mnist(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images float32 (N, 28, 28, 1) in 0..1 and labels int64 (N,) of the gzipped IDX files."""
    images = gzip.decompress((folder / f"{split}-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((folder / f"{split}-labels-idx1-ubyte.gz").read_bytes())[8:]
    images_NHWC = np.frombuffer(images, np.uint8).reshape(-1, 28, 28, 1).astype("float32") / 255
    return images_NHWC, np.frombuffer(labels, np.uint8).astype("int64")


def train_lstm(options: argparse.Namespace) -> dict[str, object]:
    """An LSTM over 28 rows of 28 pixels, on noise."""
    generator = np.random.default_rng(options.seed)
    x_NTF = generator.standard_normal((options.examples, 28, 28), dtype=np.float32)
    target_N = np.arange(options.examples) % 10
    model = keras.Sequential([keras.Input((28, 28)), layers.LSTM(128), layers.Dense(10, activation="softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    clock = Clock()
    model.fit(x_NTF, target_N, batch_size=options.batch_size, epochs=options.epochs, verbose=0, callbacks=[clock])
    rates = [options.examples / elapsed_s for elapsed_s in clock.elapsed_s]
    return {"examples_per_s": float(np.mean(rates[1:] or rates)), "each_epoch": [round(rate, 1) for rate in rates]}


class Clock(keras.callbacks.Callback):
    """Seconds of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed_s: list[float] = []
        self._started_at = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self._started_at = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Stop it."""
        self.elapsed_s.append(time.perf_counter() - self._started_at)


if __name__ == "__main__":
    main()
