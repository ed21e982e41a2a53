"""Scans spoilt in their sidecars, tables, headers and voxels."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import nibabel as nib
import numpy as np

from tests.fuzz.inputs import Input

PREFIX = "scan/sub-01_asl"
FIELDS = (
    *("ArterialSpinLabelingType", "PostLabelingDelay", "LabelingDuration", "LabelingEfficiency"),
    *("BackgroundSuppression",),
    *("M0Type", "MRAcquisitionType", "RepetitionTimePreparation", "VascularCrushing", "M0Estimate", "SliceTiming"),
    *("SliceEncodingDirection", "VascularCrushingVENC", "LookLocker", "BackgroundSuppressionNumberPulses", "FlipAngle"),
    *("MagneticFieldStrength", "BolusCutOffFlag", "TotalAcquiredPairs", "", "é", "x" * 2000),
)
VALUES = (
    *("null", "true", "false", "0", "-1", "1e-9", "1e300", "-1e300", "1" + "0" * 400, "1" + "0" * 5000, "NaN"),
    *("Infinity",),
    *("-Infinity", "1e999", "2.5", "20", "1800", '""', '"a"', '"1.8"', '"PCASL"', '"PASL"', '"2D"', '"Separate"'),
    *('"Estimate"', '"Absent"', '"Included"', '"\\ud800"', '"\\u0000"', "[]", "[1]", "[[1]]", "{}", '{"a": 1}', "01"),
    *("+1",),
    *("[1,2,3,4,5,6,7]", "[null,1,1,1,1,1,1]", "[0,0.5,0.5,1,1,2,2]", "[0,1e-9,1e-9,1,1,2,2]", "[0,NaN,NaN,1,1,2,2]"),
    *("[" * 2000 + "]" * 2000, '{"a":' * 3000 + "1" + "}" * 3000, f"[{','.join(['1'] * 100_000)}]", "'a'", "1,", ""),
    *("nul",),
)


def sidecar(rng: Random) -> Input:
    """One to three fields of the sidecar, doubled keys, or other text."""
    pairs = [(rng.choice(FIELDS), rng.choice(VALUES)) for _ in range(rng.choice((1, 1, 2, 3)))]
    doubled, spoilt = rng.random() < 0.15, rng.random() < 0.15

    def change(folder: Path) -> None:
        path = folder / f"{PREFIX}.json"
        fields = json.loads(path.read_text(encoding="utf-8"))
        kept = {name: json.dumps(value) for name, value in fields.items() if doubled or name not in dict(pairs)}
        rows = [*kept.items(), *pairs]
        text = "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in rows) + "}"
        content = text.encode("utf-8", "surrogatepass")
        path.write_bytes(_other_bytes(rng, content) if spoilt else content)

    return _scan(rng, change, f"sidecar: {str(pairs)[:200]}{', bytes spoilt' if spoilt else ''}")


def table(rng: Random) -> Input:
    """The table of volume types."""
    word = rng.choice(
        ("control", "label", "m0scan", "cbf", "deltam", "noRF", "n/a", "", "é", "x" * 5000, "1", "\0", "a\tb")
    )
    how = rng.randrange(5)

    def change(folder: Path) -> None:
        path = folder / "scan/sub-01_aslcontext.tsv"
        lines = path.read_text(encoding="utf-8").splitlines()
        row = rng.randrange(len(lines))
        lines = (
            lines[:row]
            + {0: [], 1: [word], 2: [word, lines[row]], 3: lines[row : row + 1] * 2}.get(how, [])
            + lines[row + 1 :]
        )
        content = (
            rng.choice(("\n", "\r\n", "\r", "\n\n"))
            .join([*lines, ""])
            .encode(rng.choice(("utf-8", "utf-16", "utf-32")))
        )
        path.write_bytes(_other_bytes(rng, content) if how == 4 else content)

    return _scan(rng, change, f"table: {how}, {word[:20]!r}")


def header(rng: Random) -> Input:
    """Bytes of the NIfTI header, or single fields of it."""
    name, value = rng.choice(
        (
            *(
                ("dim", v)
                for v in ([4, 30000, 30000, 30000, 7, 1, 1, 1], [3, 6, 7, 5, 1, 1, 1, 1], [4, 0, 7, 5, 7, 1, 1, 1])
            ),
            *(("dim", v) for v in ([4, -1, 7, 5, 7, 1, 1, 1], [7, 6, 7, 5, 7, 2, 2, 2], [4, 6, 7, 5, 32767, 1, 1, 1])),
            *(
                ("pixdim", v)
                for v in ([1, 0, 1, 1, 1, 1, 1, 1], [1, -1, 1, 1, 1, 1, 1, 1], [1, np.nan, 1, 1, 1, 1, 1, 1])
            ),
            *(("pixdim", v) for v in ([1, 1e30, 1, 1, 1, 1, 1, 1], [1, 1e-9, 1, 1, 1, 1, 1, 1])),
            *(
                (row, v)
                for row in ("srow_x", "srow_y", "srow_z")
                for v in ([0] * 4, [np.nan] * 4, [1e30] * 4, [np.inf] * 4)
            ),
            *(("quatern_b", v) for v in (np.nan, 5.0, 1e30)),
            *(("datatype", v) for v in (0, 2, 8, 32, 64, 128, 1280, 1536, 1792, 2048, 2304, 9999)),
            *(("scl_slope", v) for v in (np.nan, np.inf, 1e-38, 1e38, -1.0)),
            *(("scl_inter", v) for v in (np.nan, np.inf, 1e38)),
            *(("vox_offset", v) for v in (0.0, 1e9, np.nan, -352.0, 353.0)),
            *(("sizeof_hdr", v) for v in (0, 540, 1, 2**30)),
            *(("magic", v) for v in (b"", b"ni1", b"xxxx")),
            *(("xyzt_units", v) for v in (0, 1, 3, 255)),
            *(("bitpix", v) for v in (0, 7, 8, 255)),
            *(("qform_code", v) for v in (-1, 999)),
            *(("sform_code", v) for v in (-1, 999)),
        )
    )

    def change(folder: Path) -> None:
        path = folder / f"{PREFIX}.nii.gz"
        content = bytearray(gzip.decompress(path.read_bytes()))
        if rng.random() < 0.7:
            raw = nib.Nifti1Header(bytes(content[:348]), check=False)
            raw.structarr[name] = value
            content[:348] = raw.structarr.tobytes()
        else:
            content[:352] = _other_bytes(rng, bytes(content[:352]))
        path.write_bytes(gzip.compress(bytes(content), 1))

    return _scan(rng, change, f"header: {name} = {value} or bytes")


def voxels(rng: Random) -> Input:
    """Signals that no scanner gives, or a file that is cut or spoilt."""
    how = rng.choice(
        ("nan", "inf", "zero", "negative", "huge", "tiny", "constant", "cut", "bytes", "bomb", "plain", "twice")
    )

    def change(folder: Path) -> None:
        path = folder / f"{PREFIX}.nii.gz"
        image, packed = nib.load(path), path.read_bytes()
        data = image.get_fdata()
        numbers = {
            "nan": np.where(data > 900, np.nan, data),
            "inf": np.where(data > 900, np.inf, data),
            "zero": 0 * data,
            "negative": -data,
            "huge": data * 1e35,
            "tiny": data * 1e-40,
            "constant": 0 * data + 5,
        }
        if how in numbers:
            nib.Nifti1Image(numbers[how].astype(np.float32), image.affine, image.header).to_filename(path)
        elif how == "cut":
            path.write_bytes(packed[: rng.randrange(len(packed))])
        elif how == "bytes":
            path.write_bytes(_other_bytes(rng, packed))
        elif how == "bomb":
            path.write_bytes(gzip.compress(gzip.decompress(packed)[:352] + bytes(2 * 10**9), 1))
        elif how == "plain":
            path.write_bytes(gzip.decompress(packed))
        else:
            path.write_bytes(packed + packed)

    return _scan(rng, change, f"voxels: {how}")


def _scan(rng: Random, change: Callable[[Path], Any], about: str) -> Input:
    method = rng.choice(("method=single_delay", "method=multi_delay", "ckpt=best.ckpt"))
    names = ("sub-01_asl", "sub-01_aslcontext", "scan")
    return Input("predict", ("scan", "out", method), change, about, names)


def _other_bytes(rng: Random, content: bytes) -> bytes:
    spoilt = bytearray(content)
    for _ in range(rng.choice((1, 2, 4, 20))):
        spoilt[rng.randrange(len(spoilt))] = rng.choice((0, 1, 9, 10, 34, 127, 128, 255, rng.randrange(256)))
    return bytes(spoilt[: rng.randrange(len(spoilt))] if rng.random() < 0.2 else spoilt)
