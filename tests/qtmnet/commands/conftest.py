"""One small brain and its scan, for all tests of the commands."""

import pytest

from simulators.phantoms.brain_scan import BrainScan, scan_brain
from simulators.phantoms.simulated_brain import Brain
from tests.qtmnet.commands.brains import PROTOCOL, small_brain


@pytest.fixture(scope="session")
def brain() -> Brain:
    return small_brain()


@pytest.fixture(scope="session")
def scan(brain: Brain) -> BrainScan:
    return scan_brain(brain, PROTOCOL)
