"""How fast forests grow, and how good the trees are.

    python benchmarks/growth.py [--repeats 9] [--largest 64]

The floor. A terminal needs at least
- one search: the cell of the point and, on average, as many again nearby, each one or two blocks of 256 B with
  eight segments: some 3 kB, and 30 operations a segment in vectors of eight: 500 operations;
- one way to the inlet to compare candidates and one to pass the flow on, about 35 nodes deep in a 32³ cube with
  one inlet in a hundred: 35 nodes of 64 B, 2 kB, and 2 × 35 roots of 20 operations, in a chain: 2,000 operations;
- two new nodes and about six listings: 0.4 kB.
So about 3,000 operations and 6 kB, most of it at random: one microsecond where the cache holds all (16³: 2 MB), a
million terminals a second. Beyond it, 6 kB are 90 lines; at 100 ns from main memory, a few at a time, 3 µs.
"""

import argparse
import os
import sys
from pathlib import Path
from time import process_time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"  # read when NumPy and Numba are imported
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np  # noqa: E402

from simulators.vessels.growth import grow_forest  # noqa: E402

SIDES = (16, 20, 25, 32, 40, 51, 64)
"""Voxels along an edge; 16, 32 and 64 are 4,096, 32,768 and 262,144 terminals."""


def cpu_seconds(side: int, seed: int) -> float:
    """CPU time to grow the forest of a cube of uniform flow, with the paper's parameters."""
    flow = np.full((side, side, side), 0.01)
    start = process_time()
    grow_forest(flow, seed=seed)
    return process_time() - start


def measure_speed(sides: tuple[int, ...], repeats: int) -> dict[int, np.ndarray]:
    """CPU seconds of each size, small ones more often, all sizes in turn so that a noisy spell hits each alike."""
    cpu_seconds(4, 0)  # compiles or loads
    seconds: dict[int, list[float]] = {side: [] for side in sides}
    for repeat in range(repeats):
        for side in sides:
            for again in range(max(1, round(2 * (32 / side) ** 3))):
                seconds[side].append(cpu_seconds(side, 100 * repeat + again))
    return {side: np.array(values) for side, values in seconds.items()}


def cost_of_tree(n_terminals: int, n_candidates: int, seed: int, side: int = 64) -> float:
    """J = Σ L_i (n_i/N)^(2/3) / side of one tree from the middle of a face to N random points of a cube."""
    flow = np.zeros((side, side, side))
    flow.ravel()[np.random.default_rng(seed).choice(flow.size, n_terminals, replace=False)] = 1.0
    forest = grow_forest(
        flow,
        seed=seed,
        inlets=np.array([[side / 2, side / 2, 0.0]]),
        new_inlet_probability=0.0,
        reach_mm=np.inf,
        n_candidates=n_candidates,
    )
    return float(np.sum(forest.length * (forest.flow / n_terminals) ** (2 / 3)) / side)


def main() -> None:
    """Print a table of speed with its exponent, and one of the trees' cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="rounds over all sizes (default 5)")
    parser.add_argument("--largest", type=int, default=64, help="largest cube, voxels along an edge (default 64)")
    options = parser.parse_args()
    sides = tuple(side for side in SIDES if side <= options.largest)
    if options.repeats < 1 or len(sides) < 2:
        parser.error("give at least 1 repeat and a largest cube of at least 20")

    seconds = measure_speed(sides, options.repeats)
    print("growth, CPU time of one core\n\n  cube  terminals   runs  k terminals/s: best  median")
    for side, values in seconds.items():
        best, median = side**3 / values.min() / 1e3, side**3 / np.median(values) / 1e3
        print(f"{side:4d}³  {side**3:9,d}  {len(values):5d}  {best:19.0f}  {median:6.0f}")
    terminals = np.log([side**3 for side in sides])
    for name, statistic in (("best", np.min), ("median", np.median)):
        exponent = np.polyfit(terminals, np.log([statistic(values) for values in seconds.values()]), 1)[0]
        print(f"exponent of time against terminals, {name}: {exponent:.2f}")

    print("\ncost J of one tree, mean ± standard deviation (lower is better)\n\n   N   Na = 3         Na = 8")
    for n_terminals in (250, 1000):
        trees = ([cost_of_tree(n_terminals, n, seed) for seed in range(20)] for n in (3, 8))
        print(f"{n_terminals:4d}   " + "    ".join(f"{np.mean(j):.3f} ± {np.std(j, ddof=1):.3f}" for j in trees))


if __name__ == "__main__":
    main()
