"""What a streamed cube of 32³ costs the processor, with its label simulated there and on a device, and a sample of it.

    python benchmarks/stream.py [--cubes 8] [--repeats 5]

CPU time of one thread, the median of the repeats. The device's part is left out: its kernels are not launched, and
what is copied to it is copied in memory. The last column divides by a cube that is grown and simulated as for a store.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"  # read when NumPy and Numba are imported
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np  # noqa: E402
from hydra import compose, initialize_config_dir  # noqa: E402
from hydra.utils import instantiate  # noqa: E402

from qtmnet.configuration.conf_folder import CONF  # noqa: E402
from qtmnet.datasets.acquired_cubes import ImagingSettings  # noqa: E402
from qtmnet.datasets.cube_recipe import CubeRecipe, recipe_for  # noqa: E402
from qtmnet.datasets.vessel_pool import VesselPool  # noqa: E402
from qtmnet.learning.cube_stream import CubeStream  # noqa: E402
from qtmnet.learning.device_stream import DeviceCubeStream, Drawn  # noqa: E402
from qtmnet.learning.samples import SampleMaker  # noqa: E402
from simulators import Acquisition, CubeParameters, CupySimulator, NumbaSimulator, simulate_cube  # noqa: E402
from simulators.transport.cuda.batch import VesselBatch  # noqa: E402

N_TREES = 4


class Memory:
    """A device that only keeps copies."""

    def put(self, values: np.ndarray) -> np.ndarray:
        """A copy."""
        return np.array(values, order="C")

    def empty(self, shape: tuple[int, ...], dtype: type = np.float64) -> np.ndarray:
        """Memory that nothing is written to."""
        return np.empty(shape, dtype)

    zeros = empty

    def fetch(self, values: np.ndarray) -> np.ndarray:
        """The array."""
        return values

    def launch(self, kernel: str, n: int, *arguments: object) -> None:
        """Nothing."""


def milliseconds(work: Callable[[], object], n: int, repeats: int) -> float:
    """CPU time of a piece of work that does n things, for each, after one time to warm up."""
    work()
    times = []
    for _ in range(repeats):
        start = process_time()
        work()
        times.append(process_time() - start)
    return 1e3 * median(times) / n


def lay_out(cubes: list[Drawn]) -> None:
    """All that the host does for a batch that is drawn."""
    batch = VesselBatch(Memory(), [cube.vessels for cube in cubes], [cube.layouts for cube in cubes])
    _, set_of_row = batch.capillaries([cube.label for cube in cubes])
    for _ in batch.rows(set_of_row):
        batch.as_grown  # noqa: B018 - made when it is first asked for


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cubes", type=int, default=8, help="in a batch (default 8)")
    parser.add_argument("--repeats", type=int, default=5, help="of each measurement (default 5)")
    options = parser.parse_args()
    if options.cubes < 1 or options.repeats < 1:
        parser.error("give at least 1 cube and 1 repeat")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        phantom: CubeParameters = instantiate(compose("train").phantom, _convert_="all")
    imaging, n, keys = ImagingSettings.of(Acquisition()), options.cubes, [(0, k) for k in range(options.cubes)]

    def recipe(simulator: NumbaSimulator | CupySimulator) -> CubeRecipe:
        return recipe_for(Acquisition(), phantom=phantom, simulator=simulator, seed=0)

    with tempfile.TemporaryDirectory() as folder:
        pool = VesselPool(folder, phantom, 0)
        for task in pool.missing(N_TREES):
            task()
        streamed = CubeStream(recipe(NumbaSimulator()), pool, N_TREES, imaging)
        on_device = DeviceCubeStream(recipe(CupySimulator()), pool, N_TREES, imaging)
        drawn = [on_device.draw(key) for key in keys]
        seen = streamed[0, 0]
        parts: dict[str, tuple[Callable[[], object], int]] = {
            "grown, label by numba": (lambda: [simulate_cube((0, k), parameters=phantom) for k in range(n)], n),
            "streamed, label by numba": (lambda: streamed.batch(keys), n),
            "streamed, label on a device: in threads": (lambda: [on_device.draw(key) for key in keys], n),
            "streamed, label on a device: in no thread": (lambda: lay_out(drawn), n),
        }
        for title, snr in (("a sample", None), ("a sample with noise", (2.0, 20.0))):
            maker = SampleMaker(
                streamed.recipe.time, Acquisition(), seen.increments.shape[-1], snr=snr, flips=True, seed=0
            )
            parts[title] = (lambda maker=maker: [maker.sample(seen, (0, k)) for k in range(100)], 100)
        print(f"batches of {n} cubes of 32³, {options.repeats} repeats, one thread\n")
        print("what                                         CPU ms   / grown")
        grown = None
        for title, (work, count) in parts.items():
            spent = milliseconds(work, count, options.repeats)
            grown = grown or spent
            print(f"{title:42s}  {spent:9.2f}  {spent / grown:8.4f}", flush=True)


if __name__ == "__main__":
    main()
