"""Quality checks of the maps of any methods, by quantity."""

from collections.abc import Iterator, Mapping

import numpy as np

from qtmnet.quantities import ATT, CBF
from qtmnet.report.quality import Flag, impossible_cbf, negative_cbf, transit_times
from simulators.imaging.acquisition import Acquisition


def cbf_flags(maps: Mapping[str, Mapping[str, np.ndarray]], inside: np.ndarray) -> Iterator[Flag]:
    """Checks of perfusion.

    Args:
        maps: by what they are called and by quantity; one that goes without saying is called nothing.
        inside: voxels that count, of the maps' shape.
    """
    for title, found in maps.items():
        if CBF.key in found:
            for check in (negative_cbf, impossible_cbf):
                yield check(found[CBF.key][inside], title)


def att_flags(
    maps: Mapping[str, Mapping[str, np.ndarray]], inside: np.ndarray, acquisition: Acquisition
) -> Iterator[Flag]:
    """Checks of transit times; those of a single method go without saying whose they are.

    Args:
        maps: (X, Y, Z), by what they are called and by quantity.
        inside: voxels that count, (X, Y, Z).
        acquisition: protocol that they were read with.
    """
    times = {title: found[ATT.key] for title, found in maps.items() if ATT.key in found}
    for title, att in times.items():
        yield transit_times(att, inside, acquisition, title if len(times) > 1 else "")
