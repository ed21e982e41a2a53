"""Maps that no score, figure or report can be made of are refused before any is."""

from collections.abc import Mapping

import numpy as np

from simulators.errors import InputError

MOST_PERFUSION = 1e5
"""mL/100g/min; fifty times what the best supplied tissue gets. A network whose median lies beyond has lost its scale:
its map is a number, but a wrong one. Single voxels may lie beyond: they have hardly any M0."""

MEND = {
    "qtmnet": "its weights are at fault: train it anew, with trainer.precision=32-true or a lower optimizer.lr",
    "truth": "the cubes or the brain are damaged: simulate them anew",
}
"""What to do about maps of these names; of any other, which is a kinetic model's, `MEND_FRAMES`."""

MEND_FRAMES = "look for voxels with frames, M0 or T1 beyond measure, and mask them out"


def check_maps(maps: Mapping[str, np.ndarray], inside: np.ndarray | None = None, where: str = "") -> None:
    """Whether maps by name are finite where they count, and the network's is one of perfusion.

    Args:
        maps: of any shape; that of perfusion in mL/100g/min under the method's name.
        inside: voxels that count, of the same shape; all by default.
        where: what they are of, to begin the line with.

    Raises:
        InputError: on the first that is not.
    """
    for name, values in maps.items():
        counted = values if inside is None else values[inside]
        n_bad = int((~np.isfinite(counted)).sum())
        found = f"not finite in {n_bad} of {counted.size} voxels" if n_bad else ""
        if not found and name == "qtmnet" and counted.size and (size := _median_size(counted)) > MOST_PERFUSION:
            found = f"of no perfusion: its values lie around ±{size:.2g} mL/100g/min"
        if found:
            raise InputError(f"{where}{name.replace('_', ' ')}: its map is {found}; {MEND.get(name, MEND_FRAMES)}")


def _median_size(values: np.ndarray) -> float:
    return float(np.median(np.abs(values)))
