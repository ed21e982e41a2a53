"""What a scanner sees of a cube."""

import numpy as np

from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.readout import average_voxels, block_size, read_out
from simulators.phantoms.cube import Cube
from simulators.transport.numba import NumbaSimulator
from simulators.transport.step_response import StepResponse


def acquire(source: Cube | StepResponse, acquisition: Acquisition, *, t1_blood: float | None = None) -> np.ndarray:
    """Image the label: what the labeling makes of S, averaged over the acquired voxels; see `frame_weights`.

    Args:
        source: a simulated cube, or its step response.
        acquisition: protocol; its voxel must be a whole multiple of the simulated one.
        t1_blood: s, for pulsed labeling of a step response; a cube has its own.

    Returns:
        mL of fully labeled blood per mL of tissue, (K, X, Y, Z) in float32.

    Raises:
        InputError: if voxels do not nest, slices and slice times differ in number, S was not simulated for long
            enough, a T1 is wanting, or arterial label was not kept for the protocol's vascular crushing.
    """
    response = source.response if isinstance(source, Cube) else source
    seen = response.bed
    crushing = acquisition.vascular_crushing
    if response.slower_than == (np.inf if crushing is None else crushing):
        seen = seen + response.arterial
    elif crushing is not None and crushing > 0 and isinstance(source, Cube):
        seen = seen + NumbaSimulator().arterial_step_response(
            source.vessels, response.time, source.label, slower_than=crushing
        )
    elif crushing != 0:
        raise InputError(
            f"vascular_crushing: found {crushing}; arterial label was kept for {response.slower_than} mm/s only; "
            "simulate with this setting"
        )
    averaged = average_voxels(seen, block_size(response.voxel_size_mm, acquisition))
    t1_blood = source.label.t1_blood if isinstance(source, Cube) else t1_blood
    return read_out(averaged, response.time, acquisition, t1_blood=t1_blood)
