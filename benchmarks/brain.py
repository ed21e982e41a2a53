"""Where the time and the memory of a simulated brain go, stage by stage, with nothing kept from before.

    python benchmarks/brain.py [--voxel-size 1.0]

Seconds are wall time with a thread for each core; arteries and veins grow side by side. The last column divides each
stage by the growth of the arterioles in the same run: the machine cancels. Compiled code is loaded beforehand.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulators import BrainParameters, simulate_brain
from simulators.machine.cores import n_cores
from simulators.phantoms.stages import peak_gb


def main() -> None:
    """Print a table of the stages of `simulate_brain`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voxel-size", type=float, default=1.0, help="edge of a voxel, mm (default 1)")
    size = parser.parse_args().voxel_size

    simulate_brain(BrainParameters(voxel_size_mm=(8.0,) * 3))  # compiles or loads
    idle = peak_gb()
    begin = time.perf_counter()
    brain = simulate_brain(
        BrainParameters(voxel_size_mm=(size,) * 3), tell=lambda line: print(line, file=sys.stderr, flush=True)
    )
    whole = time.perf_counter() - begin

    growth = next(record.seconds for record in brain.records if record.name == "arterioles")
    n_terminals = int((brain.vessels.arteries.terminal >= 0).sum())
    print(f"a brain of {size:g} mm voxels, {n_terminals} arterial and as many venous terminals, {n_cores()} cores")
    print(f"{idle:.1f} GB before it starts; arterioles: {n_terminals / growth:.0f} terminals/s beside the venules\n")
    print("stage                    s   peak GB   / arterioles")
    for record in brain.records:
        print(f"{record.name:16s}  {record.seconds:8.1f}  {record.peak_gb:8.1f}  {record.seconds / growth:13.2f}")
    print(f"{'whole brain':16s}  {whole:8.1f}  {peak_gb():8.1f}  {whole / growth:13.2f}")


if __name__ == "__main__":
    main()
