"""Where the scores of an evaluation go, and those of cubes as they stand there."""

from pathlib import Path

from qtmnet.evaluation.cubes import QuantityScores
from qtmnet.evaluation.intervals import IntervalScores
from qtmnet.quantities import MAIN, QUANTITIES
from simulators.files.json_files import write_json


def metrics_path(run_dir: Path, quantity: str) -> Path:
    """`metrics.json` for the main quantity, `metrics_<quantity>.json` for each other."""
    return run_dir / ("metrics.json" if quantity == MAIN else f"metrics_{quantity}.json")


def write_cube_scores(run_dir: Path, scores: QuantityScores) -> None:
    """Scores of cubes, a file for each quantity.

    Raises:
        InputError: if one cannot be written.
    """
    for key, by_method in scores.items():
        plain = {method: value.as_dict(QUANTITIES[key]) for method, value in by_method.items()}
        write_json(metrics_path(run_dir, key), plain)


def write_interval_scores(run_dir: Path, scores: IntervalScores) -> Path | None:
    """Scores of intervals as `intervals.json`: by quantity, region and method; None where no method tells any.

    Raises:
        InputError: if it cannot be written.
    """
    if not scores:
        return None
    plain = {
        key: {region: {name: score.as_dict() for name, score in found.items()} for region, found in by_region.items()}
        for key, by_region in scores.items()
    }
    write_json(run_dir / "intervals.json", plain)
    return run_dir / "intervals.json"
