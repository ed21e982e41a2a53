"""A brain as it comes out of its stages."""

from dataclasses import dataclass

import numpy as np

from simulators.phantoms.stages import StageRecord
from simulators.tissue.anatomy import Anatomy
from simulators.tissue.label import LabelKinetics
from simulators.transport.step_response import StepResponse
from simulators.vessels.vasculature import Vasculature

NO_TERRITORY = 255
"""Where no artery of any territory ends."""


@dataclass(frozen=True)
class Brain:
    """A simulated brain, all of it.

    Attributes:
        anatomy: tissue, and where its voxels lie.
        perfusion: truth, mL/100g/min, 0 outside of grey and white matter, (X, Y, Z).
        vessels: arteries, capillaries, veins.
        label: kinetics that the label followed.
        response: step response, arterial label apart.
        territory: index into `territory_names` of the artery that feeds each voxel, `NO_TERRITORY` where none does,
            uint8, (X, Y, Z).
        territory_names: such as "MCA_L".
        great_vessel_distance: mm to the nearest great artery, (X, Y, Z).
        inlet_names, outlet_names: of the arterial inlets and the venous outlets, in their order.
        arterial_level, venous_level: 0 for great vessels, 1 pial, 2 within tissue, uint8, (N,).
        records: how the stages went.
    """

    anatomy: Anatomy
    perfusion: np.ndarray
    vessels: Vasculature
    label: LabelKinetics
    response: StepResponse
    territory: np.ndarray
    territory_names: tuple[str, ...]
    great_vessel_distance: np.ndarray
    inlet_names: tuple[str, ...]
    outlet_names: tuple[str, ...]
    arterial_level: np.ndarray
    venous_level: np.ndarray
    records: tuple[StageRecord, ...] = ()

    @property
    def att(self) -> np.ndarray:
        """Arterial transit time (`Vasculature.att`), s, NaN outside of grey and white matter, (X, Y, Z)."""
        return self.vessels.att
