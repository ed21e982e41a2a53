"""Tables of scores for the console."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from qtmnet.evaluation.metrics import Scores, undefined
from qtmnet.quantities import number_text

TITLES = {"nrmse": "NRMSE", "bias_ml_100g_min": "bias (mL/100g/min)", "ssim": "SSIM", "slope": "slope"}
"""Of the columns, by score."""


def print_table(scores: Mapping[str, Scores], caption: str) -> None:
    """Print the scores, a row for each method; below, why scores are not defined, if any are not."""
    table = Table("method", *TITLES.values(), title=caption)
    for method, value in scores.items():
        table.add_row(
            method,
            number_text(value.nrmse, ".3f"),
            number_text(value.bias_ml_100g_min, "+.2f"),
            number_text(value.ssim, ".3f"),
            number_text(value.slope, ".3f"),
        )
    console = Console(width=100)
    console.print(table)
    for name, reason in undefined(scores.values()).items():
        console.print(f"– {TITLES[name]} is not defined: {reason}", markup=False, highlight=False)


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
    reasons: dict[str, str] = {}
    for kind, regions in scores.items():
        table.add_section()
        for region, by_method in regions.items():
            cells = [
                f"{number_text(s.nrmse, '.3f')} {number_text(s.bias_ml_100g_min, '+6.2f')}"
                for s in (by_method[method] for method in methods)
            ]
            table.add_row(f"{region}", f"{n_voxels[kind][region]}", *cells)
            reasons |= {
                f"{TITLES[name]} of {region}": reason
                for name, reason in undefined(by_method.values()).items()
                if name in ("nrmse", "bias_ml_100g_min")
            }
    console = Console(width=100)
    console.print(table)
    for what, reason in reasons.items():
        console.print(f"– {what} is not defined: {reason}", markup=False, highlight=False)
