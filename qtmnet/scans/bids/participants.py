"""The scans of some of the subjects."""

from collections.abc import Sequence

from qtmnet.scans.bids.derivatives import Place
from simulators.errors import InputError

SHOWN = 30
"""Labels that a complaint names at most."""


def of_participants(places: Sequence[Place], labels: Sequence[str]) -> list[Place]:
    """The scans of subjects with these labels.

    Args:
        places: of all scans.
        labels: with or without `sub-`.

    Raises:
        InputError: for a label that no scan has: a misspelt one would be left out unseen.
    """
    wanted = [label.removeprefix("sub-") for label in labels]
    there = {place.subject for place in places if place.subject is not None}
    if missing := [label for label in wanted if label not in there]:
        known = f"some of {', '.join(sorted(there)[:SHOWN])}{', …' * (len(there) > SHOWN)}" if there else "none"
        raise InputError(f"participant_label: found {', '.join(missing)}, of which there is no scan; give {known}")
    return [place for place in places if place.subject in wanted]
