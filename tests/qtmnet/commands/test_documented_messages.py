"""The error messages that the tutorial on one's own scan shows are those that come."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[3] / "docs" / "own_scan.md"

OF_ARTERIES = "does not tell perfusion from label in arteries"

SPOIL: dict[str, Callable] = {
    "put the scan's JSON sidecar": lambda scan: scan.sidecar.unlink(),
    "write one with the heading": lambda scan: scan.context.unlink(),
    "found 2 rows for the 13 volumes": lambda scan: scan.write_context(["control", "label"]),
    "looks like milliseconds": lambda scan: scan.set(PostLabelingDelay=1800),
    "LabelingDuration: not found": lambda scan: scan.set(LabelingDuration=...),
    "found 'VSASL'": lambda scan: scan.set(ArterialSpinLabelingType="VSASL"),
    "PASL needs it": lambda scan: scan.set(ArterialSpinLabelingType="PASL"),
    "M0Type: not found": lambda scan: scan.set(M0Type=...),
    "does not tell ATT": lambda scan: scan.write([("m0scan", 0.0), ("control", 1.8), ("label", 1.8)]),
    OF_ARTERIES: lambda scan: scan.write([("m0scan", 0.0), ("control", 1.8), ("label", 1.8)]),
}
"""What is wrong with a scan, by a part of the message."""

ELSEWHERE = "was trained for another protocol"
"""Of a checkpoint, tested where checkpoints are."""


def messages() -> list[str]:
    _, _, errors = TUTORIAL.read_text(encoding="utf-8").partition("## When it ends with an error")
    return re.findall(r"^\| `(.+?)` \|", errors, re.MULTILINE)


@pytest.mark.parametrize("message", [message for message in messages() if ELSEWHERE not in message])
def test_message_comes(message: str, command, example) -> None:
    (spoil,) = (spoil for part, spoil in SPOIL.items() if part in message)
    spoil(example)
    method = "multi_delay_arteries" if OF_ARTERIES in message else "multi_delay"
    outcome = command("predict", f"input={example.path}", "output_dir=out", f"method={method}")
    assert outcome.status == 2
    assert message in " ".join(outcome.err.split())


def test_each_spoiled_scan_is_in_the_tutorial() -> None:
    assert all(any(part in message for message in messages()) for part in (*SPOIL, ELSEWHERE))
