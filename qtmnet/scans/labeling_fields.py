"""Labeling in BIDS terms, for the sidecars of maps."""

from simulators.imaging.acquisition import Acquisition
from simulators.imaging.labeling.continuous import CASL, PCASL
from simulators.imaging.labeling.hadamard import HadamardPCASL
from simulators.imaging.labeling.pulsed import PASL, QUIPSS, PASLUnknownBolus


def labeling_fields(acquisition: Acquisition) -> dict[str, object]:
    """Labeling and delays of a protocol; what BIDS has no field for is said in words."""
    labeling, delays = acquisition.labeling, acquisition.post_labeling_delays
    words: dict[str, object] = {
        "LabelingDescription": "; ".join(f"{name}: {value}" for name, value in labeling.words(delays))
    }
    match labeling:
        case PCASL():
            kind = "CASL" if isinstance(labeling, CASL) else "PCASL"
            return {
                "ArterialSpinLabelingType": kind,
                "LabelingDuration": labeling.duration,
                "PostLabelingDelay": delays,
            }
        case PASL():
            return {
                "ArterialSpinLabelingType": "PASL",
                "BolusCutOffFlag": True,
                "BolusCutOffDelayTime": labeling.bolus_duration,
                "PostLabelingDelay": delays,
            }
        case QUIPSS():
            return {
                "ArterialSpinLabelingType": "PASL",
                "BolusCutOffFlag": True,
                "BolusCutOffTechnique": "QUIPSS",
                "BolusCutOffDelayTime": labeling.cut_off,
                "PostLabelingDelay": delays,
            }
        case PASLUnknownBolus():
            no_cut_off = {"ArterialSpinLabelingType": "PASL", "BolusCutOffFlag": False, "PostLabelingDelay": delays}
            return no_cut_off | {"LabelingSlabThickness": labeling.slab_length_mm} | words
        case HadamardPCASL() if labeling.decoded:
            boluses = [frame[0] for frame in acquisition.frames]
            return {
                "ArterialSpinLabelingType": "PCASL",
                "LabelingDuration": tuple(bolus.duration for bolus in boluses),
                "PostLabelingDelay": tuple(bolus.delay for bolus in boluses),
                **words,
            }
    return {"PostLabelingDelay": delays, **words}
