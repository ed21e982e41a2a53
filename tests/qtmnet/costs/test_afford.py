"""What does not fit is refused with both numbers; what takes long is said."""

import pytest

from qtmnet.costs import machine
from qtmnet.costs.afford import afford
from qtmnet.costs.cost import Cost, duration, size
from simulators.errors import InputError

WORK = Cost("making it", "data.n_cubes", "give fewer")


@pytest.fixture(autouse=True)
def laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 GB of memory and 50 GB on one disk."""
    monkeypatch.setattr(machine, "free_memory", lambda: 10e9)
    monkeypatch.setattr(machine, "free_disk", lambda place: None if "://" in place else 50e9)
    monkeypatch.setattr(machine, "device_of", lambda place: place.partition("/")[0])


def cost(**fields: object) -> Cost:
    return Cost(**{**WORK.__dict__, **fields})  # type: ignore[arg-type]


def test_memory_that_does_not_fit() -> None:
    afford([cost(memory_bytes=9.9e9)] * 3)  # one after the other
    with pytest.raises(InputError) as refused:
        afford([cost(memory_bytes=310e9)])
    assert str(refused.value) == (
        "data.n_cubes: making it takes about 310 GB of memory and this machine has 10 GB free; give fewer"
    )


def test_memory_beyond_a_limit_of_its_own() -> None:
    afford([cost(memory_bytes=20e9, memory_limit=21e9)])
    with pytest.raises(InputError, match="takes about 5 GB of memory and a job has 4 GB; give fewer"):
        afford([cost(memory_bytes=5e9, memory_limit=4e9, limited_by="a job has {}")])


def test_disk_adds_up_on_one_file_system() -> None:
    part = cost(disk_bytes=30e9, disk_at="here/a")
    afford([part, cost(disk_bytes=30e9, disk_at="there/b"), cost(disk_bytes=1e18, disk_at="s3://bucket")])
    with pytest.raises(
        InputError, match="about 30 GB on disk, 60 GB with what is made before it, and here/c has 50 GB"
    ):
        afford([part, cost(disk_bytes=30e9, disk_at="here/c")])


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (599.0, ""),
        (3400.0, "takes about 57 minutes: making it 57 minutes\n"),
        (
            260000.0,
            "takes about 3 days: making it 3 days; if that is too long, interrupt and change data.n_cubes: "
            "give fewer\n",
        ),
    ],
)
def test_what_takes_long_is_said(seconds: float, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    afford([cost(seconds=seconds), cost(seconds=0.01)])
    assert capsys.readouterr().err == told
    afford([cost(seconds=seconds)], tell=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("n_bytes", "told"),
    [
        (0, "0 B"),
        (999, "1e+03 B"),
        (5e3, "5 kB"),
        (4.04e9, "4 GB"),
        (22.4e9, "22 GB"),
        (312e9, "310 GB"),
        (3e30, "3.0e+12 EB"),
    ],
)
def test_sizes_in_two_digits(n_bytes: float, told: str) -> None:
    assert size(n_bytes) == told.replace("1e+03", "1000")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(20, "1 minutes"), (3400, "57 minutes"), (9000, "2 hours"), (2.6e5, "3 days"), (1e12, "32000 years")],
)
def test_durations(seconds: float, told: str) -> None:
    assert duration(seconds) == told
