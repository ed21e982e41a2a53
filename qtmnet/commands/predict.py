"""`predict`: maps of real scans."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from omegaconf import DictConfig

from qtmnet.commands.methods import build_methods
from qtmnet.commands.prediction_files import check_outputs, report_path
from qtmnet.costs.afford import afford
from qtmnet.costs.scans import mapping_costs, reading_costs
from qtmnet.evaluation.estimates import Estimates
from qtmnet.evaluation.map_checks import check_maps
from qtmnet.methods.base import About, Frames, Maps, Method, Methods
from qtmnet.methods.network.method import NetworkMethod, OtherProtocol
from qtmnet.process.invocation import command
from qtmnet.quantities import QUANTITIES
from qtmnet.report.page import Report, write_page
from qtmnet.report.scan import median_of, scan_report
from qtmnet.scans.bids import dataset_path, find_scans
from qtmnet.scans.nifti import map_path, map_sidecar, write_map
from qtmnet.scans.scan import AslScan, read_scan
from simulators.errors import InputError, printable
from simulators.files.writing import Drafts, writing_together


def predict(cfg: DictConfig) -> list[Path]:
    """Map every scan of an input, with a report beside the maps of each; see `conf/predict.yaml`.

    The files of all scans appear together, when the last is whole, or not at all.

    Returns:
        The images written.

    Raises:
        InputError: before anything is written, if a scan is unreadable, the method cannot read it or a file cannot be
            written.
    """
    name, method = _method(cfg)
    paths = find_scans(Path(cfg.input))
    afford(reading_costs(paths))
    scans = [read_scan(path, m0=cfg.m0, mask=cfg.mask, labeling_efficiency=cfg.labeling_efficiency) for path in paths]
    given = [Path(value) for value in (cfg.m0, cfg.mask, cfg.t1_tissue, cfg.ckpt) if isinstance(value, str)]
    check_outputs(cfg.output_dir, scans, given, method.quantities)
    for scan in scans:
        _check(method, scan)
    afford(mapping_costs(scans, method.estimator if isinstance(method, NetworkMethod) else None))
    frames = [_frames(scan) for scan in scans]
    maps = [method.maps(each) for each in frames]
    for scan, found in zip(scans, maps, strict=True):
        check_maps(Estimates({}, {name: found}, {}), Methods.of({name: method}), scan.mask, f"{scan.path}: ")
    abouts = [method.about(each) for each in frames]
    written, pages, reports = [], [], []
    with writing_together() as drafts:
        for scan, each, found, about in zip(scans, frames, maps, abouts, strict=True):
            report = scan_report(scan, method, about, found, _asked(cfg, name, method))
            fields = {"Notes": list(scan.notes), "Warnings": _warnings(report), **method.sidecar(each)}
            written += _write(Path(cfg.output_dir), scan, found, name, fields, drafts)
            pages.append(write_page(report_path(cfg.output_dir, scan.prefix), report, drafts))
            reports.append(report)
    # Not before: who reads may have had enough.
    for scan, found, about, report in zip(scans, maps, abouts, reports, strict=True):
        _tell(scan, found, about, _warnings(report))
    for path in written:
        print(printable(path))
    for path in pages:
        print(printable(f"report: {path}"))
    return written


def _method(cfg: DictConfig) -> tuple[str, Method]:
    """The one method that is asked for, and its name."""
    methods = build_methods(cfg)
    if len(methods) != 1:
        found = ", ".join(methods) or "none"
        raise InputError(f"method: found {found}; give one, whose maps are to be written")
    return next(iter(methods.items()))


def _check(method: Method, scan: AslScan) -> None:
    try:
        method.check(scan.acquisition)
    except OtherProtocol as error:
        raise InputError(
            f"{scan.path}: the checkpoint was trained for another protocol ({error.found}); train one for this scan: "
            f"{command('train')} {shlex.quote(f'acquisition.from_bids={scan.path}')}"
        ) from None
    except InputError as error:
        raise InputError(f"{scan.path}: {error}") from None


def _frames(scan: AslScan) -> Frames:
    return Frames(scan.concentration(), scan.acquisition, scan.mask, affine=scan.affine, path=scan.path)


def _warnings(report: Report) -> list[str]:
    """What the checks of a report found wrong, in a line each."""
    return [f"{flag.name}: {flag.found}" for flag in report.flags if flag.level == "warning"]


def _tell(scan: AslScan, maps: Maps, about: About, wrong: Sequence[str]) -> None:
    """Print what was chosen or assumed, what came of it, and what looks wrong about that."""
    came = f"{median_of(maps, scan.mask)} in {int(scan.mask.sum())} voxels of the mask"
    for line in (*scan.notes, *about.chosen, came, *(f"warning: {found}; see the report" for found in wrong)):
        print(printable(f"{scan.prefix}: {line}"))


def _asked(cfg: DictConfig, name: str, method: Method) -> tuple[tuple[str, str], ...]:
    """The settings that a report states, those that were left to the scan aside."""
    given = {
        "Method": name,
        "Checkpoint": cfg.ckpt if method.learned else None,
        "M0, as given": cfg.m0,
        "Mask, as given": cfg.mask,
        "Labeling efficiency, as given": cfg.labeling_efficiency,
    }
    return tuple((name, str(value)) for name, value in given.items() if value is not None)


def _write(
    folder: Path, scan: AslScan, maps: Maps, algorithm: str, fields: Mapping[str, object], drafts: Drafts
) -> list[Path]:
    """Maps with their sidecars."""
    written = []
    for key, values in maps.items():
        quantity, sources = QUANTITIES[key], [dataset_path(scan.path)]
        sidecar = map_sidecar(quantity, sources=sources, algorithm=algorithm, **fields)
        written.append(write_map(map_path(folder, scan.prefix, quantity), values, scan, sidecar, drafts))
    return written
