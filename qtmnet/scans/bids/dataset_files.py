"""What makes a folder of maps a BIDS derivative dataset: its description, and which of its files BIDS does not know.

See https://bids-specification.readthedocs.io, 1.10, "Dataset description".
"""

import os
from collections.abc import Mapping
from pathlib import Path

from qtmnet.quantities import DELAY, QUANTITIES
from qtmnet.scans.bids.derivatives import Place
from qtmnet.scans.bids.finding import nifti_stem
from simulators.errors import InputError
from simulators.files.json_files import json_text, read_json
from simulators.files.reading import TEXT_FILE, read_text
from simulators.files.writing import Drafts

BIDS_VERSION = "1.10.0"
TOOL = "qtmnet"
DESCRIPTION = "dataset_description.json"
IGNORE = ".bidsignore"
SOURCE = "raw"
"""Name of the dataset of the scans in BIDS URIs, `bids:raw:sub-01/perf/sub-01_asl.nii.gz`; a second one is `raw2`."""

UNKNOWN_TO_BIDS = (
    *dict.fromkeys(f"*_{quantity.suffix}.*" for quantity in QUANTITIES.values()),
    *("*qc.*", "*_regions.*", "*_timeseries.*", f"*_{DELAY.suffix}.*", "*.html"),
)
"""Names of files, as patterns of `.bidsignore`: BIDS has no maps, tables and reports of perfusion yet."""


class Dataset:
    """The derivative dataset that the maps of a scan are of, as it is and as it will be.

    Args:
        place: of the scan.
        made_by: what the maps are made by, fields of an entry of `GeneratedBy`.

    Raises:
        InputError: if the folder holds a dataset that other programs have made.
    """

    def __init__(self, place: Place, made_by: Mapping[str, object]) -> None:
        self.place, self.path = place, place.dataset / DESCRIPTION
        self.before = _description(self.path)
        makers = [entry for entry in _list(self.before.get("GeneratedBy")) if entry != dict(made_by)]
        links = _links(self.before)
        target = _target(place.source, place.dataset)
        number = 1
        while links.get(self._link_name(number), target) != target:
            number += 1
        self.source_name = self._link_name(number)
        links = {**links, self.source_name: target}
        before = {key: value for key, value in self.before.items() if key != "SourceDatasets"}
        # A source has a URI; a way up, which only a link may be, is none.
        sources = [{"URL": link} for link in dict.fromkeys(links.values()) if _is_uri(link)]
        self.fields = {
            **{"Name": "Maps of perfusion", "BIDSVersion": BIDS_VERSION, "DatasetType": "derivative"},
            **before,
            "GeneratedBy": [*makers, dict(made_by)],
            **({"SourceDatasets": sources} if sources else {}),
            "DatasetLinks": links,
        }

    @staticmethod
    def _link_name(number: int) -> str:
        return SOURCE if number == 1 else f"{SOURCE}{number}"

    def source_uri(self, path: Path) -> str:
        """BIDS URI of a file of the scan's dataset; the path itself, or as a URI, of one that lies elsewhere."""
        whole = path.absolute()
        if not self.place.is_bids:
            return path.name
        if not whole.is_relative_to(self.place.source):
            return whole.as_uri()
        return f"bids:{self.source_name}:{whole.relative_to(self.place.source).as_posix()}"

    def check_same_scan(self, image: Path) -> None:
        """Make sure that a map which is to be replaced, if it is there, was made of the same scan.

        Raises:
            InputError: if it was made of another, as of a subject of the same name in another dataset.
        """
        sidecar = image.with_name(f"{nifti_stem(image)}.json")
        if not (image.exists() and sidecar.exists()):
            return
        sources = _list(read_json(sidecar).get("Sources"))
        before = _whole(str(sources[0]), _links(self.before)) if sources else ""
        now = _whole(self.source_uri(self.place.scan), self.fields["DatasetLinks"])
        if before and before != now:
            raise InputError(
                f"{image}: output_dir: found the map of another scan, {before}; give another output_dir, or remove it"
            )

    def write(self, drafts: Drafts) -> None:
        """Write what is not there yet, together with other files."""
        if not self.place.is_bids:
            return
        if self.fields != self.before:
            drafts.write(self.path, json_text(self.fields, indent=2).encode())
        ignore = self.place.dataset / IGNORE
        there = read_text(ignore, TEXT_FILE).splitlines() if ignore.exists() else []
        if missing := [pattern for pattern in UNKNOWN_TO_BIDS if pattern not in there]:
            drafts.write(ignore, "".join(f"{pattern}\n" for pattern in [*there, *missing]).encode())


def _description(path: Path) -> dict[str, object]:
    """The fields of a description of ours; none if there is no file."""
    if not path.exists():
        return {}
    found = read_json(path)
    if not any(isinstance(entry, dict) and entry.get("Name") == TOOL for entry in _list(found.get("GeneratedBy"))):
        raise InputError(f"{path.parent}: output_dir: found a dataset that {TOOL} has not made; give another folder")
    return found


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _links(description: Mapping[str, object]) -> dict[str, object]:
    value = description.get("DatasetLinks")
    return dict(value) if isinstance(value, dict) else {}


def _is_uri(link: object) -> bool:
    return "://" in str(link)


def _whole(uri: str, links: object) -> str:
    """Where a source is: the place of its dataset in place of the name, without the ending of its format."""
    stem = uri.removesuffix(".gz").removesuffix(".nii")
    kind, _, rest = stem.partition(":")
    dataset, _, path = rest.partition(":")
    return f"{links.get(dataset, dataset)}/{path}" if kind == "bids" and isinstance(links, dict) else stem


def _target(source: Path, dataset: Path) -> str:
    """Where a dataset is, seen from one of its derivatives: within it a way up, which stays right if both are moved."""
    dataset = dataset.absolute()
    if dataset.is_relative_to(source):
        return Path(os.path.relpath(source, dataset)).as_posix()
    return source.as_uri()
