"""Outcomes on disk and in order."""

import itertools
import math
from pathlib import Path

from qtmnet.commands.sweeps.outcomes import DONE, FAILED, PRUNED, Outcome, OutcomeLog

BEST = Outcome(4, {"a": "1"}, DONE, 0, {"error": 0.1}, seconds=3.5)
NEXT = Outcome(1, {"a": "2"}, DONE, 0, {"error": 0.2, "other": 0.0})
LOST = Outcome(0, {"a": "3"}, PRUNED, 0, reason="no hope")
BROKEN = Outcome(3, {"a": "4"}, FAILED, None, reason="full")


def test_best_first_then_those_that_did_not_end() -> None:
    for some in itertools.permutations([BEST, NEXT, LOST, BROKEN]):
        assert sorted(some, key=lambda outcome: outcome.rank) == [BEST, NEXT, LOST, BROKEN]
    assert Outcome(0, {}, DONE, values={"error": math.nan}).rank > NEXT.rank


def test_what_is_written_is_read_whatever_a_kill_left_behind(tmp_path: Path) -> None:
    log = OutcomeLog(tmp_path / "folder" / "outcomes.jsonl")
    assert log.read() == {}
    for outcome in (Outcome(4, {}, FAILED, reason="before"), BEST, NEXT, BROKEN):
        log.add(outcome)
    whole = log.path.read_bytes()
    assert log.read() == {4: BEST, 1: NEXT, 3: BROKEN}
    last = whole.rstrip(b"\n").rindex(b"\n") + 1
    for end in range(last, len(whole) - 2):
        log.path.write_bytes(whole[:end])
        assert log.read() == {4: BEST, 1: NEXT}
        log.add(LOST)
        assert log.read() == {4: BEST, 1: NEXT, 0: LOST}
