"""Where the time and the memory of a simulated cube go, stage by stage, in one thread.

    python benchmarks/cube.py [--repeats 5] [--side 32]

The last column divides each stage by the growth of one arterial forest in the same run: the machine cancels.
"""

import argparse
import os
import re
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"  # read when NumPy and Numba are imported
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np  # noqa: E402

from simulators.phantoms import cube  # noqa: E402
from simulators.transport import numba  # noqa: E402

STAGES: tuple[tuple[Any, str, tuple[str, ...]], ...] = (
    (cube, "regional_perfusion", ("perfusion map",)),
    (cube, "grow_forest", ("arterial forest", "venous forest")),
    (cube, "draw_capillaries", ("capillaries",)),
    (numba.NumbaSimulator, "arterial_step_response", ("label in arteries",)),
    (numba, "bed_label", ("label in beds",)),
    (numba, "venous_label", ("label in veins",)),
)
"""Where each function is looked up, its name, and what its calls do, in turn."""

WHOLE = "whole cube"

Measured = dict[str, list[tuple[float, float]]]
"""CPU seconds and peak memory (MB) of each run of each stage."""


def timed(function: Callable[..., Any], names: tuple[str, ...], measured: Measured) -> Callable[..., Any]:
    """The function, with its CPU time and peak memory noted under the names in turn."""
    calls = 0

    def run(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        label = names[calls % len(names)]
        calls += 1
        forget_peak_memory()
        start = process_time()
        result = function(*arguments, **options)
        measured[label].append((process_time() - start, peak_memory()))
        return result

    return run


def forget_peak_memory() -> None:
    """Let Linux count this process's peak memory anew."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    except OSError:
        print("peak memory cannot be reset here: read it as the peak up to then", file=sys.stderr)


def peak_memory() -> float:
    """Largest resident memory since it was forgotten, MB, with the interpreter's own."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    return float(found.group(1)) / 1024 if found else np.nan


def main() -> None:
    """Print a table of the stages of `simulate_cube`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="cubes to simulate (default 5)")
    parser.add_argument("--side", type=int, default=32, help="voxels along an edge (default 32)")
    options = parser.parse_args()
    if options.repeats < 1 or options.side < 4:
        parser.error("give at least 1 repeat and a side of at least 4")

    cube.simulate_cube(0, parameters=cube.CubeParameters(shape=(4, 4, 4)))  # compiles or loads
    idle = peak_memory()
    measured: Measured = defaultdict(list)
    for owner, name, labels in STAGES:
        setattr(owner, name, timed(getattr(owner, name), labels, measured))
    parameters = cube.CubeParameters(shape=(options.side,) * 3)
    seconds = []
    for seed in range(options.repeats):
        start = process_time()
        cube.simulate_cube(seed, parameters=parameters)
        seconds.append(process_time() - start)
    measured[WHOLE] = [(value, max(runs[k][1] for runs in measured.values())) for k, value in enumerate(seconds)]

    growth = min(value for value, _ in measured["arterial forest"])
    print(f"a cube of {options.side}³ voxels, {options.repeats} runs, one thread; {idle:.0f} MB before it starts\n")
    print("stage              CPU s: best  median   peak MB   best / growth")
    for label, runs in measured.items():
        cpu, memory = np.array(runs).T
        print(f"{label:17s}  {cpu.min():11.4f}  {np.median(cpu):6.4f}  {memory.max():8.0f}  {cpu.min() / growth:14.2f}")


if __name__ == "__main__":
    main()
