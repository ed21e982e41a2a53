"""`predict`: maps of real scans."""

import sys
from pathlib import Path

from omegaconf import DictConfig

from qtmnet.commands.endings import Incomplete
from qtmnet.commands.methods import beside_methods, build_methods
from qtmnet.commands.prediction.files import refused_names
from qtmnet.commands.prediction.many import map_each
from qtmnet.commands.prediction.numbers import write_group
from qtmnet.commands.prediction.one_scan import Mapper
from qtmnet.commands.prediction.surroundings import check_given
from qtmnet.methods.base import Method
from qtmnet.scans.bids.dataset_files import DESCRIPTION
from qtmnet.scans.bids.derivatives import place_of
from qtmnet.scans.bids.finding import look_for_scans
from qtmnet.scans.bids.participants import of_participants
from simulators.errors import InputError, printable
from simulators.files.writing import check_can_write


def predict(cfg: DictConfig) -> list[Path]:
    """Map every scan of an input, with a report beside the maps of each; see `conf/predict.yaml`.

    The files of a scan appear together when it is done, or not at all; a scan that fails does not stop the others.

    Returns:
        The images written.

    Raises:
        InputError: if no scan could be mapped: all are unreadable, the method cannot read them, or files cannot be
            written.
        Incomplete: if some could not.
    """
    name, method = _method(cfg)
    mapper = Mapper(cfg, name, method, beside_methods(cfg, method))
    given, output = Path(cfg.input), Path(cfg.output_dir)
    found = look_for_scans(given)
    for line in found.left_out:
        print(printable(f"left out: {line}"), file=sys.stderr)
    places = [place_of(scan, given, output) for scan in found.scans]
    refused = refused_names(places)
    if cfg.participant_label is not None:
        labels = cfg.participant_label
        places = of_participants(places, [labels] if isinstance(labels, str) else list(labels))
    check_given(cfg, places)
    check_can_write(list(dict.fromkeys(place.dataset / DESCRIPTION for place in places)))
    try:
        images = map_each(places, refused, mapper.map)
    except Incomplete:
        _tell_group(output)
        raise
    _tell_group(output)
    return images


def _tell_group(output: Path) -> None:
    """Put the numbers of all scans side by side, if there are several."""
    if (page := write_group(output)) is not None:
        print(printable(f"all scans: {page}"))


def _method(cfg: DictConfig) -> tuple[str, Method]:
    """The one method that is asked for, and its name."""
    methods = build_methods(cfg)
    if len(methods) != 1:
        found = ", ".join(methods) or "none"
        raise InputError(f"method: found {found}; give one, whose maps are to be written")
    return next(iter(methods.items()))
