"""`predict`: perfusion maps of real scans."""

import shlex
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from omegaconf import DictConfig

from qtmnet.commands.prediction_files import check_outputs, report_path
from qtmnet.costs.afford import afford
from qtmnet.costs.scans import mapping_costs, reading_costs
from qtmnet.evaluation.map_checks import check_maps
from qtmnet.methods import kinetic
from qtmnet.methods.base import Frames
from qtmnet.methods.network.checkpoint import load_estimator
from qtmnet.methods.network.estimator import Estimator
from qtmnet.methods.network.record import is_noiseless
from qtmnet.process.invocation import command
from qtmnet.report.methods import Method, kinetic_method, network_method
from qtmnet.report.page import Report, write_report
from qtmnet.report.scan import scan_report
from qtmnet.scans.bids import dataset_path, find_scans
from qtmnet.scans.nifti import check_same_grid, map_path, map_sidecar, read_image, write_map
from qtmnet.scans.scan import AslScan, read_scan
from simulators.constants import T1_BLOOD, T1_GREY_MATTER
from simulators.errors import InputError, printable
from simulators.files.writing import Drafts, writing_together

METHODS = ("qtmnet", "multi_delay", "single_delay")

Mapper = Callable[[AslScan], tuple[np.ndarray, np.ndarray | None, Method]]
"""From a scan to CBF (mL/100g/min) and ATT (s) or None, both (X, Y, Z), and what there is to say of how."""


def predict(cfg: DictConfig) -> list[Path]:
    """Map every scan of an input, with a report beside the maps of each; see `conf/predict.yaml`.

    The files of all scans appear together, when the last is whole, or not at all.

    Returns:
        The images written.

    Raises:
        InputError: before anything is written, if a scan is unreadable, the network is for another protocol or a file
            cannot be written.
    """
    mapper, network = _mapper(cfg)
    paths = find_scans(Path(cfg.input))
    afford(reading_costs(paths))
    scans = [read_scan(path, m0=cfg.m0, mask=cfg.mask, labeling_efficiency=cfg.labeling_efficiency) for path in paths]
    given = [Path(value) for value in (cfg.m0, cfg.mask, cfg.t1_tissue, cfg.ckpt) if isinstance(value, str)]
    check_outputs(cfg.output_dir, scans, given)
    afford(mapping_costs(scans, network))
    maps = [mapper(scan) for scan in scans]
    for scan, (cbf, att, _computed) in zip(scans, maps, strict=True):
        found = {_method(cfg): cbf} | ({} if att is None else {"att": att})
        check_maps(found, scan.mask, f"{scan.path}: ")
    written, pages, reports = [], [], []
    with writing_together() as drafts:
        for scan, (cbf, att, computed) in zip(scans, maps, strict=True):
            report = scan_report(scan, _method(cfg), computed, cbf, att, _asked(cfg))
            written += _write(cfg, scan, cbf, att, _warnings(report), drafts)
            pages.append(write_report(report_path(cfg.output_dir, scan.prefix), report, drafts))
            reports.append(report)
    for scan, (cbf, _, _), report in zip(
        scans, maps, reports, strict=True
    ):  # not before: who reads may have had enough
        _tell(scan, cbf, _method(cfg), _warnings(report))
    for path in written:
        print(printable(path))
    for path in pages:
        print(printable(f"report: {path}"))
    return written


def _warnings(report: Report) -> list[str]:
    """What the checks of a report found wrong, in a line each."""
    return [f"{flag.name}: {flag.found}" for flag in report.flags if flag.level == "warning"]


def _tell(scan: AslScan, cbf: np.ndarray, method: str, wrong: Sequence[str]) -> None:
    """Print what was chosen or assumed, what came of it, and what looks wrong about that."""
    delay = kinetic.single_delay_of(scan.acquisition)
    used = (f"single delay: frames of {delay:g} s, of {scan.acquisition.n_frames}",) if method == "single_delay" else ()
    inside = cbf[scan.mask]
    median = f"median CBF {np.median(inside):.1f} mL/100g/min in {inside.size} voxels of the mask"
    for line in (*scan.notes, *used, median, *(f"warning: {found}; see the report" for found in wrong)):
        print(printable(f"{scan.prefix}: {line}"))


def _method(cfg: DictConfig) -> str:
    """The method asked for; empty for none."""
    if cfg.method is not None:
        return cfg.method
    return "" if cfg.ckpt is None else "qtmnet"


def _asked(cfg: DictConfig) -> tuple[tuple[str, str], ...]:
    """The settings that a report states, those that were left to the scan aside."""
    given = {
        "Method": _method(cfg),
        "Checkpoint": cfg.ckpt if _method(cfg) == "qtmnet" else None,
        "M0, as given": cfg.m0,
        "Mask, as given": cfg.mask,
        "Labeling efficiency, as given": cfg.labeling_efficiency,
    }
    return tuple((name, str(value)) for name, value in given.items() if value is not None)


def _mapper(cfg: DictConfig) -> tuple[Mapper, Estimator | None]:
    """What maps a scan, and the network if that does."""
    method = _method(cfg)
    if not method:
        raise InputError("ckpt: not given; give a checkpoint, or method=multi_delay or method=single_delay")
    if method not in METHODS:
        raise InputError(f"method: found {method!r}; give one of {', '.join(METHODS)}")
    if method == "qtmnet":
        if cfg.ckpt is None:
            raise InputError("ckpt: not given; method=qtmnet needs a checkpoint of a training")
        estimator = load_estimator(cfg.ckpt, trusted=cfg.trust)
        return lambda scan: (map_with_network(estimator, scan), None, network_method(estimator.description)), estimator

    constants = _constants(cfg)

    def fit(scan: AslScan) -> tuple[np.ndarray, np.ndarray | None, Method]:
        maps = kinetic.fit(
            scan.concentration(),
            scan.acquisition,
            method=method,
            mask=scan.mask,
            t1_blood=constants["t1_blood"],
            t1_tissue=_tissue_t1(constants["t1_tissue"], scan),
        )
        return maps.cbf, maps.att, kinetic_method(method, scan.acquisition, constants)

    return fit, None


def _constants(cfg: DictConfig) -> dict[str, float | str]:
    """T1 of blood and tissue, s, for the kinetic models: as given, else the models' own."""
    by_default = {"t1_blood": T1_BLOOD, "t1_tissue": T1_GREY_MATTER}
    return {name: value if cfg[name] is None else cfg[name] for name, value in by_default.items()}


def _tissue_t1(given: float | str, scan: AslScan) -> float | np.ndarray:
    """T1 of tissue in s: a number, or a map (X, Y, Z) on the scan's grid from an image."""
    if not isinstance(given, str):
        return given
    image, data = read_image(given, n_dimensions=(3,))
    check_same_grid(given, image, scan.path, nib.Nifti1Image(scan.m0, scan.affine))
    return data[..., 0]


def map_with_network(estimator: Estimator, scan: AslScan) -> np.ndarray:
    """CBF of a scan in mL/100g/min, 0 outside the mask, (X, Y, Z).

    Raises:
        InputError: if the network was trained for another protocol, with the command that trains one for this scan.
    """
    differences = estimator.accepts(scan.acquisition)
    if differences:
        raise InputError(
            f"{scan.path}: the checkpoint was trained for another protocol ({'; '.join(differences)}); train one for "
            f"this scan: {command('train')} {shlex.quote(f'acquisition.from_bids={scan.path}')}"
        )
    if is_noiseless(estimator.description):
        warnings.warn(
            "the network was trained without noise and blows up that of a real scan; train it with data.snr=[2,20]",
            stacklevel=2,
        )
    return estimator.maps(Frames(scan.concentration(), scan.acquisition, scan.mask))["cbf"]


def _write(
    cfg: DictConfig, scan: AslScan, cbf: np.ndarray, att: np.ndarray | None, wrong: Sequence[str], drafts: Drafts
) -> list[Path]:
    method, constants = _method(cfg), _constants(cfg)
    of_method: dict[str, dict[str, object]] = {
        "qtmnet": {"Checkpoint": str(cfg.ckpt)},
        "multi_delay": {"T1Blood": constants["t1_blood"], "T1Tissue": constants["t1_tissue"]},
        "single_delay": {
            "T1Blood": constants["t1_blood"],
            "PostLabelingDelayUsed": kinetic.single_delay_of(scan.acquisition),
        },
    }
    written = []
    for suffix, data in (("cbf", cbf), ("att", att)):
        if data is not None:
            sidecar = map_sidecar(
                suffix,
                sources=[dataset_path(scan.path)],
                algorithm=method,
                Notes=list(scan.notes),
                Warnings=list(wrong),
                **of_method[method],
            )
            written.append(write_map(map_path(cfg.output_dir, scan.prefix, suffix), data, scan, sidecar, drafts))
    return written
