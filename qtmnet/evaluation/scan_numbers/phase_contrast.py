"""Flow into the brain by phase-contrast MRI, which total flow by ASL is held against: a number, or a table of many."""

from pathlib import Path

from qtmnet.evaluation.scan_numbers.tables import NOT_KNOWN, read_rows
from simulators.errors import InputError

FLOW, PARTICIPANT, SESSION = "flow_ml_min", "participant_id", "session_id"
"""Columns of a table of flows; that of sessions may be left out."""

PLAUSIBLE_ML_MIN = (100.0, 3000.0)
"""717 ± 123 in healthy adults (Zarrinkoob et al. 2015, 10.1038/jcbfm.2014.241); 1500 in children, less in late disease.
What lies outside of this is in another unit, or of one vessel."""


def phase_contrast_flow(given: float | str | Path | None, subject: str | None, session: str | None) -> float | None:
    """Flow into a participant's brain, mL/min.

    Args:
        given: the flow, or a table (`participant_id`, `session_id` if there are several, `flow_ml_min`).
        subject: label of the participant, `01` of `sub-01`; None if the scan names none.
        session: label of the session, None if the scan names none.

    Returns:
        The flow, None if none is given, or the table has none of this participant.

    Raises:
        InputError: for a table that cannot be read, lacks a column, or has several flows of the scan, and for what is
            no flow in mL/min.
    """
    if given is None:
        return None
    if isinstance(given, int | float):
        return _checked("phase_contrast", float(given), str(given))
    path = Path(given)
    rows = read_rows(path)
    for column in (PARTICIPANT, FLOW):
        if not rows or column not in rows[0]:
            raise InputError(f"{path}: {column}: no such column; give {PARTICIPANT} and {FLOW}, a line per participant")
    fitting = [row[FLOW].strip() for row in rows if _is_of(row, subject, session)]
    known = [text for text in fitting if text not in ("", NOT_KNOWN)]
    if len(known) > 1:
        raise InputError(f"{path}: {FLOW}: found {len(known)} for sub-{subject}; give one, or {SESSION} beside them")
    return _checked(f"{path}: {FLOW}", _number(path, known[0]), known[0]) if known else None


def _is_of(row: dict[str, str], subject: str | None, session: str | None) -> bool:
    if subject is None or row[PARTICIPANT].strip().removeprefix("sub-") != subject:
        return False
    named = row.get(SESSION, "").strip().removeprefix("ses-")
    return named in ("", NOT_KNOWN) or named == session


def _number(path: Path, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{path}: {FLOW}: found {text[:40]!r}; give mL/min, or {NOT_KNOWN}") from None


def _checked(where: str, flow: float, text: str) -> float:
    low, high = PLAUSIBLE_ML_MIN
    if not low <= flow <= high:
        raise InputError(f"{where}: found {text}; give the flow into the whole brain, {low:g} to {high:g} mL/min")
    return flow
