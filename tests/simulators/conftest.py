"""Backends and cubes that the tests of label transport share; each is made once a session."""

import math
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from simulators import (
    CubeParameters,
    CupySimulator,
    Exchange,
    InputError,
    LabelKinetics,
    NoExchange,
    NumbaSimulator,
    StepResponse,
    TwoCompartmentExchange,
    Vasculature,
)
from simulators.constants import DENSITY_G_ML, ML_100G_MIN
from simulators.phantoms.cube import grow_vessels
from simulators.settings.limits import Drawn, Permeability
from simulators.transport.cuda.devices import open_device
from simulators.transport.reference import ReferenceSimulator
from simulators.transport.step_response import Simulator

FINE_TIME = np.arange(1, 101) * 0.05
"""s; fine enough to integrate S over time, and whole steps of every backend."""


@dataclass(frozen=True)
class Backend:
    """A simulator as the tests use it: on cubes of a size that it can do in seconds, at a step good for 1e-3."""

    name: str
    simulator: Simulator
    coarse: Simulator
    side: int


BACKENDS = {
    "numba": Backend("numba", NumbaSimulator(), NumbaSimulator(0.1), 16),
    "reference": Backend("reference", ReferenceSimulator(0.025), ReferenceSimulator(0.1), 8),
}


def _kernels(name: str, device: str) -> Backend:
    return Backend(name, CupySimulator(device=device), CupySimulator(0.1, device), 16)


def gpu() -> bool:
    """Whether CuPy and a GPU are there."""
    try:
        with warnings.catch_warnings(action="ignore"):
            open_device("cuda")
    except InputError:
        return False
    return True


if shutil.which("g++"):
    BACKENDS["cuda on host"] = _kernels("cuda on host", "host")
if gpu():
    BACKENDS["cuda"] = _kernels("cuda", "cuda")


def _marks(name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.gpu] if name == "cuda" else []


@pytest.fixture(scope="session", params=[pytest.param(name, marks=_marks(name)) for name in BACKENDS])
def backend(request: pytest.FixtureRequest) -> Backend:
    return BACKENDS[request.param]


@pytest.fixture(scope="session", params=["host", pytest.param("cuda", marks=pytest.mark.gpu)])
def kernels(request: pytest.FixtureRequest) -> CupySimulator:
    """The kernels' simulator, on this machine's processor and on a GPU."""
    if request.param == "host" and not shutil.which("g++"):
        pytest.skip("no g++ to compile the kernels")
    if request.param == "cuda" and not gpu():
        pytest.skip("no CuPy, or no GPU")
    return CupySimulator(device=request.param)


@dataclass(frozen=True)
class SinglePass(Exchange):
    """Label that left the blood does not come back: a third model, as one adds it from outside of the package.

    Attributes:
        permeability_surface_ml_100g_min: PS across the capillary wall.
    """

    permeability_surface_ml_100g_min: Drawn[Permeability] = 150.0

    def rates(self, capillary_volume_fraction: float) -> tuple[float, float]:
        """PS / V_c and 0."""
        per_ml = self.permeability_surface_ml_100g_min * DENSITY_G_ML / ML_100G_MIN
        return per_ml / capillary_volume_fraction, 0.0

    @property
    def water_volume(self) -> float:
        """Without end: tissue fills for as long as label comes."""
        return math.inf


@pytest.fixture(scope="session")
def single_pass() -> Callable[..., Exchange]:
    """The class of the third model."""
    return SinglePass


def _name(value: Exchange) -> str:
    return value.model


@pytest.fixture(scope="session", params=[TwoCompartmentExchange(), NoExchange(), SinglePass()], ids=_name)
def exchange(request: pytest.FixtureRequest) -> Exchange:
    return request.param


HALVES = {
    "two compartments": (TwoCompartmentExchange(75.0, 0.45), TwoCompartmentExchange(150.0, 0.9)),
    "none": (NoExchange(), NoExchange()),
    "single pass": (SinglePass(75.0), SinglePass(150.0)),
}


@pytest.fixture(scope="session", params=HALVES)
def half_and_whole(request: pytest.FixtureRequest) -> tuple[Exchange, Exchange]:
    """An exchange, and the same for twice the blood and tissue in a voxel."""
    return HALVES[request.param]


@cache
def _vessels(side: int, perfusion_range: tuple[float, float], seed: int) -> Vasculature:
    parameters = CubeParameters(shape=(side,) * 3, perfusion_range=perfusion_range)
    return grow_vessels(seed, parameters, parameters.draw(seed))[1]


@pytest.fixture(scope="session")
def vessels_of() -> Callable[..., Vasculature]:
    """Vessels of a cube of a side, with Q in a range."""

    def make(side: int, perfusion_range: tuple[float, float] = (10.0, 80.0), seed: int = 7) -> Vasculature:
        return _vessels(side, perfusion_range, seed)

    return make


@cache
def _response(name: str, exchange: Exchange, t1: float) -> StepResponse:
    backend = BACKENDS[name]
    label = LabelKinetics(exchange=exchange, t1_blood=t1, t1_tissue=t1)
    return backend.simulator.step_response(_vessels(backend.side, (10.0, 80.0), 7), FINE_TIME, label)


@pytest.fixture(scope="session")
def response_of() -> Callable[[Backend, Exchange, float], StepResponse]:
    """Step response at `FINE_TIME` with one T1 (s) for blood and tissue."""
    return lambda backend, exchange, t1: _response(backend.name, exchange, t1)
