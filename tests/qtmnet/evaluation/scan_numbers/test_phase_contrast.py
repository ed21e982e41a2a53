"""Flow by phase contrast, as a number or out of a table."""

from pathlib import Path

import pytest

from qtmnet.evaluation.scan_numbers.phase_contrast import phase_contrast_flow
from simulators.errors import InputError


@pytest.fixture
def table(tmp_path: Path):
    def write(*lines: str) -> Path:
        path = tmp_path / "flow.tsv"
        path.write_text("\n".join(line.replace(" ", "\t") for line in lines) + "\n", encoding="utf-8")
        return path

    return write


def test_a_number_is_taken() -> None:
    assert phase_contrast_flow(700.0, "01", None) == 700
    assert phase_contrast_flow(None, "01", None) is None


def test_a_participant_is_looked_up(table) -> None:
    path = table("participant_id flow_ml_min", "sub-01 650", "02 720.5", "sub-03 n/a")
    assert [phase_contrast_flow(path, subject, None) for subject in ("01", "02", "03", "04", None)] == [
        650,
        720.5,
        None,
        None,
        None,
    ]


def test_sessions_are_told_apart(table) -> None:
    path = table("participant_id session_id flow_ml_min", "sub-01 ses-a 650", "sub-01 ses-b 700")
    assert [phase_contrast_flow(path, "01", session) for session in ("a", "b", "c", None)] == [650, 700, None, None]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("participant_id flow", "sub-01 650"), "flow_ml_min: no such column"),
        (("participant_id flow_ml_min",), "participant_id: no such column"),
        (("participant_id flow_ml_min", "sub-01 650", "sub-01 700"), "found 2 for sub-01"),
        (("participant_id flow_ml_min", "sub-01 11.7"), "found 11.7; give the flow into the whole brain"),
        (("participant_id flow_ml_min", "sub-01 much"), "found 'much'"),
        (("participant_id flow_ml_min", "sub-01 nan"), "found nan"),
    ],
)
def test_what_is_no_flow_is_refused(table, lines: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        phase_contrast_flow(table(*lines), "01", None)


def test_a_number_in_another_unit_is_refused() -> None:
    with pytest.raises(InputError, match="phase_contrast: found 12"):
        phase_contrast_flow(12.0, "01", None)
