"""How long a user waits: for help, for a first line, and for the packages in a script of one's own.

    python benchmarks/startup.py

Medians of several starts, in seconds and in starts of a bare Python.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]


def seconds_of(words: list[str]) -> float:
    """Of a whole process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def seconds_to_first_line(words: list[str]) -> float:
    """Until a process prints anything; it is ended then."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8"
    )
    assert process.stderr is not None
    process.stderr.readline()
    seconds = time.perf_counter() - start
    process.kill()
    process.wait()
    return seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        run = [f"hydra.run.dir={folder}/run", f"data.dir={folder}/cubes"]
        rows = {
            "python, nothing else": lambda: seconds_of(["-c", ""]),
            "import qtmnet": lambda: seconds_of(["-c", "import qtmnet"]),
            "import simulators": lambda: seconds_of(["-c", "import simulators"]),
            **{f"{name}.py --help": _help(name) for name in ("train", "evaluate", "simulate", "predict")},
            "train.py, first line": lambda: seconds_to_first_line(["train.py", *run]),
            "simulate.py, first line": lambda: seconds_to_first_line(["simulate.py", *run]),
            "import torch": lambda: seconds_of(["-c", "import torch"]),
        }
        bare = None
        for name, measure in rows.items():
            seconds = statistics.median(measure() for _ in range(repeats))
            bare = bare or seconds
            print(f"{name:<26}{seconds:6.2f} s {seconds / bare:6.1f} ×")


def _help(name: str) -> Callable[[], float]:
    return lambda: seconds_of([f"{name}.py", "--help"])


if __name__ == "__main__":
    main()
