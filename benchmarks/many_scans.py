"""Many scans in one call of `predict`: processor time and memory of each, the last against the first.

Time is that of the processor, which other programs on the machine leave as it is.

python benchmarks/many_scans.py 200
"""

import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.qtmnet.conftest import PAIRS, ExampleScan

SHARE = 5
"""Of the scans, a fifth at the begin is compared with a fifth at the end."""


def main(n_scans: int) -> None:
    """Write so many small scans, map them in one call, and print what the first and the last fifth took, and ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for k in range(n_scans):
            prefix = f"sub-{k:03}"
            ExampleScan(folder / "ds" / prefix / "perf", prefix).write([("m0scan", 0.0), *PAIRS, *PAIRS])
        words = ["predict", str(folder / "ds"), str(folder / "out"), "method=multi_delay"]
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "qtmnet", *words], stdout=subprocess.PIPE, encoding="utf-8"
        )
        times, memory = [], []
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("report: "):
                running = psutil.Process(process.pid)
                times.append(running.cpu_times().user + running.cpu_times().system)
                memory.append(running.memory_info().rss / 1e6)
        process.wait()
    seconds = [after - before for before, after in pairwise(times)]
    n = max(1, len(seconds) // SHARE)
    early, late = (statistics.median(seconds[part]) for part in (slice(n), slice(-n, None)))
    used, left = (statistics.median(memory[part]) for part in (slice(n), slice(-n, None)))
    print(f"{len(times)} scans; processor seconds of a scan: first {early:.3f}, last {late:.3f}, ", end="")
    print(f"ratio {late / early:.2f}")
    print(f"MB: first {used:.0f}, last {left:.0f}, ratio {left / used:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
