"""Seconds and peak memory of the reader of tables on 1, 10 and 100 million cells, beside the csv module and pandas.

    python benchmarks/table_reader.py
    python benchmarks/table_reader.py --cells 1000000 --cells 10000000

A CSV file of 10 columns is written to a temporary folder and deleted (0.8 GB for 100 million cells). Each way of
reading runs in a process of its own: rows of text by ``csv.reader``; rows of text by ``saccade.tables``, which finds
the separator, the quotation marks and the header; the same with every cell as a number; and pandas in chunks of 10,000
rows. Seconds are of the processor. Memory is the peak of the process above what its imports took. Linux only.
"""

import argparse
import csv
import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

COLUMNS, BLOCK_ROWS = 10, 20_000
WAYS = ("csv module", "rows", "numbers", "pandas")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--cells", type=int, action="append", help="cells of a file; given several times, several files"
    )
    parser.add_argument("--read", nargs=2, metavar=("WAY", "FILE"), help="read one file, for the processes")
    arguments = parser.parse_args()
    if arguments.read:
        read(*arguments.read)
        return
    print(f"{'cells':>12} {'MB':>6}  {'read by':<12} {'s':>8} {'µs a cell':>10} {'MiB':>6}")
    for cells in arguments.cells or (10**6, 10**7, 10**8):
        with TemporaryDirectory() as folder:
            path = Path(folder) / "table.csv"
            write(path, cells)
            for way in WAYS:
                command = [sys.executable, __file__, "--read", way, str(path)]
                seconds, mebibytes = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
                print(
                    f"{cells:>12,} {path.stat().st_size / 1e6:>6.0f}  {way:<12} {float(seconds):>8.2f} "
                    f"{1e6 * float(seconds) / cells:>10.3f} {float(mebibytes):>6.0f}",
                    flush=True,
                )


def write(path: Path, cells: int) -> None:
    """A header, and rows of a whole number and numbers with three decimals."""
    random_numbers = random.Random(0)
    rows = cells // COLUMNS
    with path.open("w") as file:
        file.write(",".join(f"column {i}" for i in range(COLUMNS)) + "\n")
        block = [
            f"{i}," + ",".join(f"{random_numbers.gauss(0, 100):.3f}" for _ in range(COLUMNS - 1)) + "\n"
            for i in range(min(rows, BLOCK_ROWS))
        ]
        for start in range(0, rows, BLOCK_ROWS):
            file.write("".join(block[: rows - start]))


def read(way: str, path: str) -> None:
    """Read a file once, and print the seconds of this process and how many MiB its peak lies above its start."""
    import pandas

    from saccade.tables.numbers import RowReader
    from saccade.tables.table import open_table

    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    if way == "csv module":
        with Path(path).open(newline="") as file:
            for _ in csv.reader(file):
                pass
    elif way == "pandas":
        for _ in pandas.read_csv(path, chunksize=10_000):
            pass
    else:
        table = open_table(Path(path), "table.csv", {})
        row_reader = RowReader([table.number_reader(column) for column in table.columns])
        for line, cells in table.rows():
            if way == "numbers":
                row_reader(cells, line)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(time.process_time() - start, (after - before) / 1024)


if __name__ == "__main__":
    main()
