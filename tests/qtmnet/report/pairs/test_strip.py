"""What a report says of pairs."""

from pathlib import Path

import pytest

from qtmnet.report.pairs.strip import LEFT_OUT, pairs_flag, strip
from qtmnet.scans.scan import read_scan
from qtmnet.scans.volumes.quality import PairQuality
from tests.qtmnet.scans.volumes.test_inspection import made, spoil


def quality_of(path: Path) -> PairQuality:
    quality = read_scan(path).quality
    assert quality is not None
    return quality


def test_a_pair_that_is_left_out_is_framed_and_named(tmp_path: Path) -> None:
    clean, spoiled = (made(tmp_path / name, (1.8,), 20) for name in ("clean", "spoiled"))
    spoil(spoiled, 4, lambda volume: 0 * volume)
    shown = strip(quality_of(spoiled))
    assert str(shown.svg).count("<image") == 20
    assert LEFT_OUT in str(shown.svg)
    assert "pair 1: label empty" in shown.text
    plain = strip(quality_of(clean))
    assert LEFT_OUT not in str(plain.svg)
    assert plain.text.endswith("All pairs count alike.")


@pytest.mark.parametrize(("n_spoiled", "level"), [(0, "ok"), (2, "ok"), (3, "warning")])
def test_many_left_out_are_warned_of(tmp_path: Path, n_spoiled: int, level: str) -> None:
    path = made(tmp_path, (1.8,), 10)
    for pair in range(n_spoiled):
        spoil(path, 2 + 2 * pair, lambda volume: 0 * volume)
    flag = pairs_flag(quality_of(path))
    assert flag.level == level
    assert flag.found.startswith(f"{n_spoiled} of 10 pairs were left out")


def test_a_delay_without_a_pair_is_warned_of(tmp_path: Path) -> None:
    flag = pairs_flag(quality_of(spoil(made(tmp_path, (1.0, 1.8, 2.6), 1), 4, lambda volume: 0 * volume)))
    assert flag.level == "warning"
    assert "no pair is left at 1.8 s" in flag.found
    assert "only coarse faults can be told" in flag.found
