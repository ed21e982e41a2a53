"""Scans spoilt at random are read or refused in one line; nothing else comes of them."""

import gzip
import json
from collections.abc import Callable

import numpy as np
import pytest

from qtmnet.methods.kinetic_fit import fit
from qtmnet.scans.scan import read_scan
from simulators.errors import InputError

ODD = (
    *(None, True, False, 0, -1, 1e-9, 1e300, -1e300, 10**400, float("nan"), float("inf"), 5e-324, 2.5, 20, 1800),
    *("", "a", "1.8", "PCASL", "PASL", "Separate", "Estimate", "Absent", "Included", "2D", "k-", "\udcff"),
    *([], [1], [[1]], {}, {"a": 1}, [None] * 13, [True] * 13, ["1"] * 13, [0] * 13, [1e-9] * 13, [1e5] * 13),
    *([float("nan")] * 13, list(range(13)), [0.0, 0.1, 0.2, 0.3, 0.4]),
)
FIELDS = (
    *("M0Estimate", "SliceTiming", "SliceEncodingDirection", "VascularCrushingVENC", "LookLocker", "IntendedFor"),
    *("BackgroundSuppressionNumberPulses", "MagneticFieldStrength", "BolusCutOffFlag", "HadamardType"),
)


def spoil_bytes(content: bytes, rng: np.random.Generator, end: int) -> bytes:
    """Other bytes in some of the first places."""
    spoilt = bytearray(content)
    for place in rng.integers(0, min(end, len(content)), rng.choice([1, 2, 4, 20])):
        spoilt[place] = rng.choice([0, 1, 127, 128, 255, rng.integers(256)])
    return bytes(spoilt)


def spoil_fields(example, rng: np.random.Generator) -> None:
    names = (*example.fields, *FIELDS)
    given = {names[rng.integers(len(names))]: ODD[rng.integers(len(ODD))] for _ in range(rng.choice([1, 1, 2, 3]))}
    example.sidecar.write_bytes(json.dumps(example.fields | given).encode("utf-8", "backslashreplace"))


def spoil_sidecar(example, rng: np.random.Generator) -> None:
    example.sidecar.write_bytes(spoil_bytes(example.sidecar.read_bytes(), rng, 10**6))


def spoil_table(example, rng: np.random.Generator) -> None:
    example.context.write_bytes(spoil_bytes(example.context.read_bytes(), rng, 10**6))


def spoil_header(example, rng: np.random.Generator) -> None:
    content = spoil_bytes(gzip.decompress(example.path.read_bytes()), rng, 352)
    content = content[: rng.integers(len(content))] if rng.random() < 0.2 else content
    example.path.write_bytes(gzip.compress(content, 1) if rng.random() < 0.5 else content)


def spoil_file(example, rng: np.random.Generator) -> None:
    example.path.write_bytes(spoil_bytes(example.path.read_bytes(), rng, 10**6))


@pytest.mark.filterwarnings("ignore::UserWarning")  # doubts about a scan that can be used
@pytest.mark.parametrize("spoil", [spoil_fields, spoil_sidecar, spoil_table, spoil_header, spoil_file])
def test_a_spoilt_scan_is_read_or_refused(example, spoil: Callable, caplog: pytest.LogCaptureFixture) -> None:
    whole = {path: path.read_bytes() for path in (example.path, example.sidecar, example.context)}
    rng = np.random.default_rng(1)
    refusals = []
    for _ in range(60):
        for path, content in whole.items():
            path.write_bytes(content)
        spoil(example, rng)
        try:
            scan = read_scan(example.path)
            fit(scan.concentration(), scan.acquisition, method="multi_delay", mask=scan.mask)
        except InputError as error:
            refusals.append(str(error))
    assert len(refusals) > 10
    assert all(line.isprintable() for line in refusals)
    assert not caplog.records  # nibabel mends some headers and says so
