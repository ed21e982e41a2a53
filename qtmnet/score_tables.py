"""Tables of scores for the console."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from qtmnet.metrics import Scores


def print_table(scores: Mapping[str, Scores], caption: str) -> None:
    """Print the scores, a row for each method."""
    table = Table("method", "NRMSE", "bias (mL/100g/min)", "SSIM", "slope", title=caption)
    for method, value in scores.items():
        table.add_row(
            method, f"{value.nrmse:.3f}", f"{value.bias_ml_100g_min:+.2f}", f"{value.ssim:.3f}", f"{value.slope:.3f}"
        )
    Console(width=100).print(table)


def print_regions(
    scores: Mapping[str, Mapping[str, Mapping[str, Scores]]], n_voxels: Mapping[str, Mapping[str, int]], caption: str
) -> None:
    """Print NRMSE and bias (mL/100g/min), a row for each region and a column for each method.

    Args:
        scores: kind of region → region → method → scores.
        n_voxels: kind of region → region → voxels in it.
        caption: what stands above.
    """
    methods = [*dict.fromkeys(method for kind in scores.values() for region in kind.values() for method in region)]
    table = Table("region", "voxels", *methods, title=f"{caption}: NRMSE, bias (mL/100g/min)")
    for kind, regions in scores.items():
        table.add_section()
        for region, by_method in regions.items():
            cells = [f"{s.nrmse:.3f} {s.bias_ml_100g_min:+6.2f}" for s in (by_method[method] for method in methods)]
            table.add_row(f"{region}", f"{n_voxels[kind][region]}", *cells)
    Console(width=100).print(table)
