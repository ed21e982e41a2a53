"""Maps of one scan: read, mapped, checked, written and told."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from qtmnet import __version__
from qtmnet.commands.prediction.files import WRITTEN, check_outputs, left_over, report_path
from qtmnet.commands.prediction.numbers import Numbers, number_tables, numbers_of, write_numbers
from qtmnet.commands.prediction.surroundings import Surroundings, given_files, surroundings_of
from qtmnet.commands.prediction.warned import Warned, kept
from qtmnet.configuration.compared import AUTO
from qtmnet.costs.afford import afford
from qtmnet.costs.scans import mapping_costs, reading_costs
from qtmnet.evaluation.estimates import Estimates
from qtmnet.evaluation.map_checks import check_maps
from qtmnet.methods.base import Frames, Maps, Method, Methods
from qtmnet.methods.network.method import ANY_PROTOCOL, NetworkMethod, OtherProtocol
from qtmnet.process.invocation import command
from qtmnet.quantities import DELAY, QUANTITIES
from qtmnet.report.agreement import Beside
from qtmnet.report.page import Report, write_page
from qtmnet.report.scan import median_of, scan_report, with_numbers
from qtmnet.scans.bids.dataset_files import TOOL, Dataset
from qtmnet.scans.bids.derivatives import Place
from qtmnet.scans.labeling_fields import labeling_fields
from qtmnet.scans.motion.table import motion_path, write_motion
from qtmnet.scans.nifti import map_path, map_sidecar, write_map
from qtmnet.scans.scan import AslScan, read_scan
from qtmnet.scans.transforms.through import ToTemplate
from qtmnet.scans.volumes.quality import write_pairs
from simulators.errors import InputError, printable
from simulators.files.writing import Drafts, writing_together


@dataclass(frozen=True)
class Mapped:
    """A scan whose maps are written.

    Attributes:
        name: that the console calls it by.
        images: its maps.
        median: of the main quantity in the mask, with its unit.
        n_voxels: in the mask.
        n_warnings: of the quality checks.
    """

    name: str
    images: list[Path]
    median: str
    n_voxels: int
    n_warnings: int


@dataclass(frozen=True)
class Mapper:
    """How scans are mapped.

    Attributes:
        cfg: settings of the command.
        name: of the method.
        method: that makes the maps.
        others: methods that are shown beside it, by name.
    """

    cfg: DictConfig
    name: str
    method: Method
    others: Mapping[str, Method]

    def map(self, place: Place) -> Mapped:
        """Map a scan and write all of its files, or none.

        Raises:
            InputError: if it is unreadable, the method cannot read it, or a file cannot be written.
        """
        with kept() as warned:
            return self._map(place, warned)

    def _map(self, place: Place, warned: Warned) -> Mapped:
        cfg, method = self.cfg, self.method
        given = [Path(value) for value in (cfg.m0, cfg.mask, cfg.t1_tissue, cfg.ckpt) if isinstance(value, str)]
        check_outputs(place, [*given, *given_files(cfg)], self._quantities())
        dataset = Dataset(place, self._made_by())
        for key in self._quantities():
            dataset.check_same_scan(map_path(place.folder, place.prefix, WRITTEN[key]))
        afford(reading_costs([place.scan]))
        names = ("m0", "m0_scale", "mask", "motion_correction", "labeling_efficiency", "t1_blood")
        own = {name: cfg[name] for name in names}
        scan = read_scan(place.scan, **own, scale=instantiate(cfg.scan))
        _check(method, scan)
        around = surroundings_of(cfg, place, scan)
        scan = replace(scan, notes=(*scan.notes, *around.notes))
        network = method.estimator if isinstance(method, NetworkMethod) else None
        afford([*mapping_costs([scan], network), *(mapping_costs([scan], None) if self.others else ())])
        frames = Frames.of_scan(scan)
        maps = method.maps(frames)
        check_maps(Estimates({}, {self.name: maps}, {}), Methods.of({self.name: method}), scan.mask, f"{scan.path}: ")
        numbers = numbers_of(scan, maps, around)
        about = method.about(frames)
        doubts = warned.take()
        beside, not_beside = self._beside(frames, warned)
        written = self._written(place, maps, around, numbers)
        stale = left_over(place, [*written, *([motion_path(place)] if scan.motion is not None else [])])
        report = scan_report(
            scan,
            method,
            about,
            maps,
            self._asked(),
            beside=beside,
            outside=tuple(method.outside(frames)),
            doubts=doubts,
            notes=[*about.chosen, *not_beside, *_removed(stale)],
        )
        if numbers is not None:
            report = with_numbers(report, numbers.whole, numbers.atlas, numbers.regions)
        wrong = [f"{flag.name}: {flag.found}" for flag in report.flags if flag.level == "warning"]
        fields = {"Notes": list(report.notes), "Warnings": wrong, **method.sidecar(frames)}
        tables: list[Path] = []
        with writing_together() as drafts:
            images = self._write_maps(dataset, scan, maps, fields, around.template, drafts)
            if cfg.delay_image:
                images.append(_write_delays(dataset, scan, drafts))
            if scan.quality is not None:
                write_pairs(place, scan.quality, drafts)
            if scan.motion is not None:
                tables.append(write_motion(place, scan.motion, drafts))
            if numbers is not None:
                tables += write_numbers(place, self.name, maps, numbers, drafts)
            page = write_page(report_path(place), report, drafts)
            dataset.write(drafts)
        for path in stale:
            path.unlink()
        # Not before: who reads may have had enough.
        _tell(place, scan, report, maps)
        for path in (*images, *tables):
            print(printable(path))
        print(printable(f"report: {page}"))
        return Mapped(place.name, images, median_of(maps, scan.mask), int(scan.mask.sum()), len(wrong))

    def _quantities(self) -> tuple[str, ...]:
        """Keys of what images are written of."""
        return (*self.method.quantities, *([DELAY.key] if self.cfg.delay_image else []))

    def _written(self, place: Place, maps: Maps, around: Surroundings, numbers: Numbers | None) -> list[Path]:
        """Images and tables that there will be of a scan."""
        spaces = ["", *([f"_space-{around.template.template}"] if around.template is not None else [])]
        images = [map_path(place.folder, f"{place.prefix}{space}", QUANTITIES[key]) for key in maps for space in spaces]
        delays = [map_path(place.folder, place.prefix, DELAY)] if self.cfg.delay_image else []
        return [*images, *delays, *(number_tables(place, numbers) if numbers is not None else ())]

    def _made_by(self) -> dict[str, object]:
        """What a dataset says of the program."""
        made = {"Name": TOOL, "Version": __version__, "Description": f"Maps by {self.method.title}"}
        return {**made, **self.method.origin()}

    def _beside(self, frames: Frames, warned: Warned) -> tuple[dict[str, Beside], list[str]]:
        """Of the other methods those that read the frames, of those taken by themselves the first; and lines on those
        that were asked for and do not."""
        found, lines = {}, []
        for name, method in self.others.items():
            try:
                method.check(frames.acquisition)
                maps = method.maps(frames)
                check_maps(Estimates({}, {name: maps}, {}), Methods.of({name: method}), frames.mask)
            except InputError as error:
                warned.take()  # of maps that are not shown
                if self.cfg.get("compare") != AUTO:
                    lines.append(f"{name} is not shown beside: {error}")
                continue
            outside, doubts = tuple(method.outside(frames)), tuple(warned.take())
            found[name] = Beside(method, method.about(frames), maps, outside, doubts)
            if self.cfg.get("compare") == AUTO:
                break
        return found, lines

    def _asked(self) -> tuple[tuple[str, str], ...]:
        """The settings that a report states, those that were left to the scan aside."""
        cfg = self.cfg
        given = {
            "Method": self.name,
            "Weights": self.method.origin().get("Weights"),
            "M0, as given": cfg.m0,
            "Mask, as given": cfg.mask,
            "Labeling efficiency, as given": cfg.labeling_efficiency,
            "Factor of M0, as given": cfg.m0_scale,
            "NEX, as given": cfg.scan.nex,
            "Gain, as given": cfg.scan.gain,
        }
        return tuple((name, str(value)) for name, value in given.items() if value is not None)

    def _write_maps(
        self,
        dataset: Dataset,
        scan: AslScan,
        maps: Maps,
        fields: Mapping[str, object],
        template: ToTemplate | None,
        drafts: Drafts,
    ) -> list[Path]:
        """Maps with their sidecars, on the scan's grid and on that of a template if there is a way there."""
        written, place = [], dataset.place
        read = (scan.path, scan.m0_path, scan.mask_path)
        sources = [dataset.source_uri(path) for path in read if path is not None]
        for key, values in maps.items():
            quantity = QUANTITIES[key]
            sidecar = map_sidecar(quantity, sources=sources, algorithm=self.name, **fields)
            data = values.astype(bool) if quantity.is_mask else values
            written.append(write_map(map_path(place.folder, place.prefix, quantity), data, scan, sidecar, drafts))
            if template is not None:
                there = template.map(data, scan.mask, scan.affine)
                used = [*sources, *(dataset.source_uri(path) for path in template.transforms)]
                path = map_path(place.folder, f"{place.prefix}_space-{template.template}", quantity)
                written.append(write_map(path, there, template.image, {**sidecar, "Sources": used}, drafts))
        return written


def _write_delays(dataset: Dataset, scan: AslScan, drafts: Drafts) -> Path:
    """The delay of each frame in each voxel, (X, Y, Z, K)."""
    sidecar = map_sidecar(DELAY, sources=[dataset.source_uri(scan.path)], algorithm="SliceTiming")
    delays = scan.acquisition.delay_image(scan.mask.shape)
    path = map_path(dataset.place.folder, dataset.place.prefix, DELAY)
    return write_map(path, delays, scan, sidecar | labeling_fields(scan.acquisition), drafts)


def _check(method: Method, scan: AslScan) -> None:
    try:
        method.check(scan.acquisition)
    except OtherProtocol as error:
        raise InputError(
            f"{scan.path}: {error.network} was trained for another protocol ({error.found}); {ANY_PROTOCOL}, or train "
            f"a network for this scan: {command('train')} {shlex.quote(f'acquisition.from_bids={scan.path}')}"
        ) from None
    except InputError as error:
        raise InputError(f"{scan.path}: {error}") from None


def _removed(stale: Sequence[Path]) -> list[str]:
    """A line on files of an earlier run that this one does not make, if there are any."""
    return [f"removed, as an earlier run made them: {', '.join(path.name for path in stale)}"] if stale else []


def _tell(place: Place, scan: AslScan, report: Report, maps: Maps) -> None:
    """Print what was chosen or assumed, what came of it, and what looks wrong about that; the report has all of it."""
    came = f"{median_of(maps, scan.mask)} in {int(scan.mask.sum())} voxels of the mask"
    wrong = [f"warning: {flag.name}: {flag.found}; see the report" for flag in report.flags if flag.level == "warning"]
    for line in (*report.notes, came, *wrong):
        print(printable(f"{place.name}: {line}"))
