"""M0 that another readout, preparation or scale made unlike the scan gives the true concentration, or a warning."""

import json
import warnings

import nibabel as nib
import numpy as np
import pytest

from qtmnet.scans.calibration.saturation import inversion_recovery, saturation_correction
from qtmnet.scans.scan import read_scan
from simulators.errors import InputError

PAIRS = [(kind, delay) for delay in (0.5, 1.0, 2.0) for kind in ("control", "label")]
RTOL = 3e-4  # volumes hold about 1000 in single precision, to 6e-5, and differ by 0.5 at least
T1, T2, T2_STAR = 1.3, 0.11, 0.047


def sine(degrees: float) -> float:
    return float(np.sin(np.radians(degrees)))


def ernst(time: float, degrees: float) -> float:
    """Spoiled steady state, by running the excitations until it is there."""
    magnetisation = 1.0
    for _ in range(200):
        magnetisation = 1 + (magnetisation * np.cos(np.radians(degrees)) - 1) * np.exp(-time / T1)
    return magnetisation * sine(degrees)


def philips(scale_slope: float, *, floating: bool = False, rescale_slope: float = 2.0) -> dict[str, object]:
    return {
        "UsePhilipsFloatNotDisplayScaling": int(floating),
        "PhilipsRescaleSlope": rescale_slope,
        "PhilipsRescaleIntercept": 0,
        "PhilipsScaleSlope": scale_slope,
    }


M0_SCANS = {
    "flip angle 30": ({"FlipAngle": 90}, {"FlipAngle": 30}, 6.0, sine(30)),
    "flip angle of both below 90": ({"FlipAngle": 70}, {"FlipAngle": 35}, 6.0, sine(35) / sine(70)),
    "larger flip angle": ({"FlipAngle": 40}, {"FlipAngle": 90}, 6.0, 1 / sine(40)),
    "flip angles of each volume": ({"FlipAngle": [40] * 6}, {"FlipAngle": [90]}, 6.0, 1 / sine(40)),
    "flip angle and short TR": ({"FlipAngle": 90}, {"FlipAngle": 30}, 1.5, ernst(1.5, 30)),
    "short TR of the scan's angle": ({"FlipAngle": 60}, {"FlipAngle": 60}, 2.0, ernst(2.0, 60) / sine(60)),
    "refocusing angles of both": ({"FlipAngle": 120}, {"FlipAngle": 120}, 2.0, ernst(2.0, 90)),
    "inversion": (
        {},
        {"InversionTime": 2.5, "ScanningSequence": "EP\\IR"},
        4.0,
        1 - 2 * np.exp(-2.5 / T1) + np.exp(-4 / T1),
    ),
    "short inversion time, in magnitude": (
        {},
        {"InversionTime": 0.3, "ScanningSequence": ["EP", "IR"]},
        8.0,
        -(1 - 2 * np.exp(-0.3 / T1) + np.exp(-8 / T1)),
    ),
    "Philips, both displayed": (philips(0.01), philips(0.001), 6.0, 0.001 / 0.01),
    "Philips, M0 displayed": (philips(0.01, floating=True), philips(0.02, rescale_slope=3.0), 6.0, 0.06),
    "Philips, scan displayed": (philips(0.02, rescale_slope=3.0), philips(0.01, floating=True), 6.0, 1 / 0.06),
    "Philips, both floating": (philips(0.02, floating=True), philips(0.5, floating=True), 6.0, 1.0),
}


@pytest.mark.parametrize("case", M0_SCANS)
@pytest.mark.parametrize("way", ["separate", "given"])
def test_what_both_sidecars_tell_is_put_right(new_scan, case, way):
    of_scan, of_m0, repetition_time, seen = M0_SCANS[case]
    separate = {"M0Type": "Separate"} if way == "separate" else {"M0Type": "Absent"}
    example = new_scan().write(PAIRS, **separate, **of_scan)
    name = "sub-01" if way == "separate" else "other"
    path = example.write_m0_scan(
        seen * example.relaxed_m0, name=name, RepetitionTimePreparation=repetition_time, **of_m0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scan = read_scan(example.path, m0=None if way == "separate" else path)
    np.testing.assert_allclose(scan.concentration(), example.truth(), rtol=RTOL)


ECHOES = {
    "3D": ({"MRAcquisitionType": "3D"}, T2),
    "2D": ({"MRAcquisitionType": "2D", "SliceTiming": [0, 0.05, 0.1, 0.15, 0.2]}, T2_STAR),
}


@pytest.mark.parametrize("kind", ECHOES)
@pytest.mark.parametrize("echo_time", [0.005, 0.012, 0.024])
def test_another_echo_time_is_put_right_and_said(new_scan, kind, echo_time):
    fields, decay = ECHOES[kind]
    example = new_scan().write(PAIRS, M0Type="Separate", EchoTime=0.012, **fields)
    seen = np.exp(-(echo_time - 0.012) / decay)
    example.write_m0_scan(seen * example.relaxed_m0, RepetitionTimePreparation=6.0, EchoTime=echo_time)
    if echo_time == 0.012:
        scan = read_scan(example.path)
    else:
        with pytest.warns(UserWarning, match=r"sub-01_m0scan\.json: EchoTime: found 0\.\d+ s, but the scan has 0\.012"):
            scan = read_scan(example.path)
    np.testing.assert_allclose(scan.concentration(), example.truth(), rtol=RTOL)


DOUBTS = {
    "refocusing angle": ({"FlipAngle": 90}, {"FlipAngle": 130}, "FlipAngle: found 130, but the scan has 90"),
    "inversion time of who knows what": ({}, {"InversionTime": 2.0}, "InversionTime: found 2, and no ScanningSequence"),
    "Philips, M0 not told": (philips(0.01), {}, "UsePhilipsFloatNotDisplayScaling: M0 and sub-01_asl.json"),
    "Philips, no slope": ({}, {"UsePhilipsFloatNotDisplayScaling": 0}, "UsePhilipsFloatNotDisplayScaling"),
}


@pytest.mark.parametrize("case", DOUBTS)
def test_what_cannot_be_put_right_is_warned_of(new_scan, case):
    of_scan, of_m0, doubt = DOUBTS[case]
    if case == "Philips, no slope":
        of_scan = philips(0.01, floating=True)
    example = new_scan().write(PAIRS, M0Type="Separate", **of_scan)
    example.write_m0_scan(example.relaxed_m0, RepetitionTimePreparation=6.0, **of_m0)
    with pytest.warns(UserWarning, match=doubt) as caught:
        scan = read_scan(example.path)
    np.testing.assert_allclose(scan.concentration(), example.truth(), rtol=RTOL)
    assert str(caught[0].message) in scan.notes


REFUSED = {
    "echo times far apart": ({"EchoTime": 0.012}, {"EchoTime": 0.1}, "m0scan.json: EchoTime: found 0.1; the scan has"),
    "echo time in ms": ({"EchoTime": 12}, {"EchoTime": 0.012}, "asl.json: EchoTime: found 12; give seconds"),
    "no flip angle": ({"FlipAngle": 90}, {"FlipAngle": 0}, "m0scan.json: FlipAngle: found 0; give degrees"),
    "angles that vary": ({"FlipAngle": [90, 90, 90, 90, 30, 30]}, {}, "asl.json: FlipAngle: found .*; signals of"),
    "too few angles": ({"FlipAngle": [90, 30]}, {}, "2 values for 6 volumes"),
    "too few echo times": ({"EchoTime": [0.01, 0.02]}, {}, "2 values for 6 volumes"),
    "inverted to nothing": (
        {},
        {"InversionTime": 0.87, "ScanningSequence": "IR"},
        "m0scan.json: InversionTime: found 0.87; inverted tissue has next to no signal",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_line(new_scan, case):
    of_scan, of_m0, complaint = REFUSED[case]
    example = new_scan().write(PAIRS, M0Type="Separate", **of_scan)
    example.write_m0_scan(example.relaxed_m0, RepetitionTimePreparation=6.0, **of_m0)
    with pytest.raises(InputError, match=complaint) as error:
        read_scan(example.path)
    assert "\n" not in str(error.value)


def decayed(example, types, times):
    """The example's volumes, each decayed by its echo time from the first, and stored with them."""
    example.write(types, EchoTime=list(times))
    example.spoil(lambda data: data * np.exp(-(np.asarray(times) - min(times)) / T2_STAR))


ECHO_SERIES = {
    "echo by echo": ([("m0scan", 0.0), *PAIRS, *PAIRS, *PAIRS], [0.014] * 7 + [0.056] * 6 + [0.098] * 6),
    "M0 at each echo": (
        [("m0scan", 0.0)] * 3 + [volume for volume in PAIRS for _ in range(3)],
        [0.014, 0.056, 0.098] * 7,
    ),
    "longest first": ([("m0scan", 0.0), *PAIRS, *PAIRS], [0.014] + [0.056] * 6 + [0.014] * 6),
    "one echo, as a list": ([("m0scan", 0.0), *PAIRS, *PAIRS], [0.014] * 13),
}


@pytest.mark.parametrize("case", ECHO_SERIES)
def test_of_several_echoes_the_first_is_taken(new_scan, case):
    types, times = ECHO_SERIES[case]
    example = new_scan()
    decayed(example, types, times)
    first = [k for k, time in enumerate(times) if time == 0.014]
    kinds = [types[k] for k in first]
    alone = new_scan("sub-02").write(types)
    alone.write_image(alone.path, np.stack([_loaded(alone, k) for k in first], axis=-1))
    alone.write_context([kind for kind, _ in kinds])
    alone.set(PostLabelingDelay=[delay for _, delay in kinds])
    found = read_scan(example.path)
    np.testing.assert_allclose(found.concentration(), read_scan(alone.path).concentration(), rtol=RTOL)
    assert any(note.startswith("echoes: ") for note in found.notes) == (len(set(times)) > 1)


def _loaded(example, k):
    return nib.load(example.path).get_fdata()[..., k]


def test_an_m0_scan_of_several_echoes_gives_its_first(new_scan):
    example = new_scan().write(PAIRS, M0Type="Separate", EchoTime=0.014)
    times = np.array([0.014, 0.03, 0.05])
    images = np.stack([example.relaxed_m0 * np.exp(-(time - 0.014) / T2_STAR) for time in times], axis=-1)
    example.write_m0_scan(images, RepetitionTimePreparation=6.0, EchoTime=times.tolist())
    np.testing.assert_allclose(read_scan(example.path).concentration(), example.truth(), rtol=RTOL)


def test_a_type_without_the_first_echo_is_refused(new_scan):
    example = new_scan().write(PAIRS, M0Type="Absent", EchoTime=[0.01, 0.03] * 3)
    with pytest.raises(InputError, match=r"EchoTime: found .*; no label has the first echo of the scan, 0\.01 s"):
        read_scan(example.path)


def test_factors_are_those_of_the_steady_state():
    for time in (0.5, 1.3, 4.0):
        for angle in (10.0, 45.0, 90.0):
            left = ernst(time, angle) / sine(angle)
            np.testing.assert_allclose(saturation_correction(time, angle), 1 / left, rtol=1e-9)
    assert inversion_recovery(1.3 * np.log(2), 100.0) == pytest.approx(0, abs=1e-12)  # where it crosses 0


def test_an_m0_scan_inherits_fields_as_any_image_does(new_scan):
    example = new_scan().write(PAIRS, M0Type="Separate", FlipAngle=90)
    example.write_m0_scan(sine(30) * example.relaxed_m0, RepetitionTimePreparation=6.0)
    (example.folder.parents[1] / "m0scan.json").write_text(json.dumps({"FlipAngle": 30}), encoding="utf-8")
    np.testing.assert_allclose(read_scan(example.path).concentration(), example.truth(), rtol=RTOL)


def test_a_head_in_another_place_is_warned_of(new_scan):
    """Their affines say the same, and one of the heads lies two and three voxels away of its four by five."""
    example = new_scan().write(PAIRS, M0Type="Separate")
    example.write_m0_scan(np.roll(example.relaxed_m0, (2, 3), axis=(0, 1)), RepetitionTimePreparation=6.0)
    with pytest.warns(UserWarning, match=r"sub-01_m0scan\.nii\.gz: M0: found the head in another place"):
        read_scan(example.path)
