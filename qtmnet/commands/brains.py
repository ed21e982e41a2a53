"""Brains as the commands simulate them: fitted to a protocol, kept in a folder, told stage by stage."""

from pathlib import Path

from omegaconf import DictConfig

from qtmnet.configuration.schema.phantoms import is_brain
from qtmnet.process.invocation import command
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.brain import fitted, simulate_brain
from simulators.phantoms.brain_parameters import BrainParameters
from simulators.phantoms.simulated_brain import Brain
from simulators.transport.step_response import Simulator

FOLDER = Path("datasets") / "brain"
"""Where stages are kept by default; each one's file is named by all that it depends on."""


def simulate_brain_for(
    phantom: BrainParameters, acquisition: Acquisition, simulator: Simulator, folder: str | None
) -> Brain:
    """Simulate a brain with voxels that nest in the acquired ones, for as long as the protocol lasts.

    Args:
        phantom: what to make it from.
        acquisition: protocol that it will be read with.
        simulator: of the label's transport.
        folder: keeps the stages; `FOLDER` by default.
    """
    parameters, time = fitted(phantom, acquisition)
    if parameters.voxel_size_mm != phantom.voxel_size_mm:
        edges = " × ".join(f"{edge:.3g}" for edge in parameters.voxel_size_mm)
        tell(f"the brain's voxels become {edges} mm, to nest in the acquired ones")
    return simulate_brain(
        parameters, time=time, simulator=simulator, folder=FOLDER if folder is None else folder, tell=tell
    )


def refuse_brain(cfg: DictConfig) -> None:
    """Refuse a brain where cubes are wanted.

    Raises:
        InputError: if the phantom is a brain.
    """
    if is_brain(cfg):
        raise InputError(
            f"phantom: found a brain; train on phantom=cube, then {command('evaluate')} phantom=brain ckpt=…"
        )


def tell(line: str) -> None:
    """Print a line on how far the simulation is."""
    print(line, flush=True)
