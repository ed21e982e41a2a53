"""Backends and cubes that the tests of label transport share; each is made once a session."""

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
    InputError,
    LabelKinetics,
    NumbaSimulator,
    StepResponse,
    Vasculature,
)
from simulators.phantoms.cube import grow_vessels
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


@pytest.fixture(scope="session", params=["two_compartment", "none"])
def exchange(request: pytest.FixtureRequest) -> str:
    return request.param


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
def _response(name: str, exchange: str, t1: float) -> StepResponse:
    backend = BACKENDS[name]
    label = LabelKinetics(exchange=exchange, t1_blood=t1, t1_tissue=t1)
    return backend.simulator.step_response(_vessels(backend.side, (10.0, 80.0), 7), FINE_TIME, label)


@pytest.fixture(scope="session")
def response_of() -> Callable[[Backend, str, float], StepResponse]:
    """Step response at `FINE_TIME` with one T1 (s) for blood and tissue."""
    return lambda backend, exchange, t1: _response(backend.name, exchange, t1)
