"""What reports of cubes and brains share: charts of estimates beside the truth, and who made them."""

from collections.abc import Iterable

import numpy as np

from qtmnet.evaluation.estimates import Estimates
from qtmnet.methods.base import About, Frames, Methods
from qtmnet.quantities import MAIN, QUANTITIES
from qtmnet.report.calibration import simulated_calibration
from qtmnet.report.charts import Chart, histogram, scatter
from qtmnet.report.lines import lines_of
from qtmnet.report.viewer import map_name, rounded_up


def counted(estimates: Estimates, counts: np.ndarray) -> Estimates:
    """The values (V,) of maps where they count, bool of the maps' shape; where a truth is not defined it is 0."""
    return Estimates(
        truth={key: values[counts] for key, values in estimates.truth.items()},
        by_method={
            name: {key: values[counts] for key, values in maps.items()} for name, maps in estimates.by_method.items()
        },
        undefined={key: where[counts] for key, where in estimates.undefined.items()},
    )


def shown_maps(estimates: Estimates, index: int | tuple[()] = ()) -> dict[str, np.ndarray]:
    """All maps (X, Y, Z) by the names that pages have for them, those of one cube by its index."""
    found = {}
    for key in estimates.quantities:
        if key in estimates.truth:
            found[map_name("truth", key)] = estimates.truth[key][index]
        found |= {map_name(name, key): values[index] for name, values in estimates.of(key).items()}
    return found


def charts(values: Estimates, methods: Methods, of: str) -> tuple[Chart, ...]:
    """How values are distributed, those of the main quantity against the truth, too.

    Args:
        values: (V,), that count.
        methods: that made them.
        of: what they are of, such as `the brain`.
    """
    lines, drawn = lines_of(methods), []
    for key in values.quantities:
        quantity, estimates = QUANTITIES[key], values.of(key)
        if quantity.is_mask or quantity.bound_of:
            continue
        maps = {"truth": values.truth[key], **estimates} if key in values.truth else estimates
        main = key == MAIN and key in values.truth
        ends = [1.3 * _end(values.truth[key])] if main else [_end(found) for found in maps.values()]
        high = rounded_up(max(ends) or 1.0)
        drawn.append(histogram(f"{quantity.sentence} of {of}", quantity.label, maps, 0.0, high, lines))
        if main:
            drawn.append(scatter(values.truth[key], estimates, quantity.label, high, lines))
    return tuple(drawn)


def _end(values: np.ndarray) -> float:
    return float(np.percentile(values, 99.5))


def abouts(methods: Methods, frames: Frames) -> tuple[About, ...]:
    """What there is to say of how the maps of simulated frames were made."""
    return (simulated_calibration(), *(method.about(frames) for method in methods.all.values()))


def readers(methods: Methods) -> str:
    """Who read the frames, in a sentence."""
    return listed(methods.titles.values())


def listed(words: Iterable[str]) -> str:
    """Words as a sentence lists them: `a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
