"""Many scans, one after the other: one that fails does not stop the others."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qtmnet.commands.endings import DEBUG, Incomplete, line_of
from qtmnet.commands.faults import fault_line
from qtmnet.commands.prediction.one_scan import Mapped
from qtmnet.process.progress import watched
from qtmnet.scans.bids.derivatives import Place
from simulators.errors import InputError, printable
from simulators.files.writing import OF_THE_DISK, DiskError


@dataclass
class Outcomes:
    """How scans went.

    Attributes:
        mapped: those whose maps are written.
        failed: name of each of the others, and the reason in a line.
    """

    mapped: list[Mapped] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def n_done(self) -> int:
        return len(self.mapped) + len(self.failed)

    def fail(self, name: str, reason: str) -> None:
        """Note a scan that failed, and say so at once."""
        self.failed.append((name, reason))
        print(printable(f"{name}: failed: {reason}"), file=sys.stderr, flush=True)


def map_each(places: Sequence[Place], refused: Mapping[Path, str], work: Callable[[Place], Mapped]) -> list[Path]:
    """Map scans, each by itself.

    Args:
        places: of the scans.
        refused: those that are not to be mapped, with the reason.
        work: maps one, and writes its files.

    Returns:
        The images written.

    Raises:
        InputError: if none could be mapped; of a single scan with its own reason.
        DiskError: if nothing more can be written; what was mapped before is whole, and the others are not tried.
        Incomplete: if some could not.
    """
    if len(places) == 1 and places[0].scan not in refused:
        return work(places[0]).images
    outcomes = Outcomes()
    with watched(lambda: outcomes.n_done, len(places), "scans"):
        for place in places:
            if place.scan in refused:
                outcomes.fail(place.name, refused[place.scan])
                continue
            try:
                outcomes.mapped.append(work(place))
            except BrokenPipeError:  # of whoever reads what is printed, which no scan is to blame for
                raise
            except Exception as error:
                if os.environ.get(DEBUG):
                    raise
                if isinstance(error, DiskError) or (isinstance(error, OSError) and error.errno in OF_THE_DISK):
                    raise _stopped(error, outcomes, len(places)) from None
                outcomes.fail(place.name, line_of(error) or fault_line(error))
    _tell(outcomes)
    return [image for mapped in outcomes.mapped for image in mapped.images]


def _stopped(error: Exception, outcomes: Outcomes, total: int) -> DiskError:
    """The run ends here; what was said of scans before stands above."""
    done, failed = len(outcomes.mapped), len(outcomes.failed)
    before = f"{done} of {total} scans are mapped" + (f", {failed} failed" if failed else "")
    return DiskError(f"{line_of(error)}; {before}, the others were not tried")


def _tell(outcomes: Outcomes) -> None:
    """A table of what came of the scans, and the reasons of those that failed.

    Raises:
        InputError, Incomplete: see `map_each`.
    """
    rows = [
        ("scan", "in the mask", "voxels", "warnings"),
        *((each.name, each.median, str(each.n_voxels), str(each.n_warnings)) for each in outcomes.mapped),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print()
    for row in rows:
        print(printable("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()))
    if not outcomes.failed:
        return
    n, total = len(outcomes.failed), outcomes.n_done
    print(f"\n{n} of {total} scans failed:", file=sys.stderr)
    for name, reason in outcomes.failed:
        print(printable(f"  {name}: {reason}"), file=sys.stderr, flush=True)
    if not outcomes.mapped:
        raise InputError(f"none of {total} scans could be mapped; the reasons stand above")
    raise Incomplete(f"{n} of {total} scans failed; the maps of the others are whole")
