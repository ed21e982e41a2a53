"""What is a fault: the project promises results, or one line with exit status 2 and nothing written."""

import re

from tests.fuzz.inputs import Input
from tests.fuzz.processes import Outcome

NOTES = re.compile(
    r"\S+: starting; results|\S+: a sweep, results|sweep: |run \d+|warning: |takes about |brain: |precision: |"
    r"acquisition: |.* to do$"
)
"""What may be said before a refusal."""

LONGEST_LINE = 1000


def verdict(item: Input, outcome: Outcome) -> tuple[str, str]:
    """How it went: taken, refused or fault; and of a fault, which."""
    fault = _fault(item, outcome)
    if fault:
        return "fault", fault
    return ("taken", "") if outcome.status == 0 or outcome.stopped else ("refused", "")


def _fault(item: Input, outcome: Outcome) -> str:
    if outcome.stopped and not (outcome.stopped == "time" and outcome.reached_work):
        return f"stopped: {outcome.stopped}"
    if "Traceback" in outcome.err + outcome.out:
        return "traceback"
    if "a fault of the program" in outcome.err:
        return "fault of the program"
    if outcome.elsewhere and not any("~" in word or "HOME" in word for word in item.words):
        return f"wrote into the home folder: {', '.join(outcome.elsewhere[:3])}"
    if outcome.stopped:
        return ""
    if outcome.status == 2:
        return _fault_of_refusal(item, outcome)
    if outcome.status == 0:
        return _fault_of_success(item, outcome)
    if outcome.status == 1 and ("--multirun" in item.words or "-m" in item.words):
        return ""
    return f"status {outcome.status}"


def _fault_of_refusal(item: Input, outcome: Outcome) -> str:
    told = [line for line in outcome.err.splitlines() if line.strip() and not NOTES.match(line)]
    if len(told) != 1 or not told[0].startswith("error: "):
        return f"refused in {len(told)} lines"
    if len(told[0]) > LONGEST_LINE:
        return f"refused in {len(told[0])} characters"
    if item.must == "take":
        return "refused what is right"
    if outcome.new:
        return f"refused, but wrote {', '.join(outcome.new[:3])}"
    if item.names and not any(" ".join(name.split()) in told[0] for name in item.names):
        return "refused without a name"
    if "no message" in told[0] or told[0].rstrip(":; ") == "error":
        return "refused without a reason"
    return ""


def _fault_of_success(item: Input, outcome: Outcome) -> str:
    if item.must == "refuse":
        return "taken, though it is nonsense"
    if re.search(r"(?<![\w.])nan(?![\w.])", outcome.out) and not {"--cfg", "nan"} & set(item.words):
        return "nan in the output"
    return ""
