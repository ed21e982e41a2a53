"""Tables of scores for the console."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from qtmnet.evaluation.metrics import Scores, undefined
from qtmnet.quantities import CBF, Quantity, number_text


def titles(quantity: Quantity) -> dict[str, str]:
    """Of the columns, by score."""
    return {"nrmse": "NRMSE", "bias": f"bias ({quantity.unit})", "ssim": "SSIM", "slope": "slope"}


def print_table(scores: Mapping[str, Scores], caption: str, quantity: Quantity = CBF) -> None:
    """Print the scores, a row for each method; below, why scores are not defined, if any are not."""
    headings = titles(quantity)
    table = Table("method", *headings.values(), title=caption)
    for method, value in scores.items():
        table.add_row(
            method,
            number_text(value.nrmse, ".3f"),
            number_text(value.bias, f"+.{quantity.digits + 1}f"),
            number_text(value.ssim, ".3f"),
            number_text(value.slope, ".3f"),
        )
    console = Console(width=100)
    console.print(table)
    for name, reason in undefined(scores.values(), quantity).items():
        console.print(f"– {headings[name]} is not defined: {reason}", markup=False, highlight=False)


def print_regions(
    scores: Mapping[str, Mapping[str, Mapping[str, Scores]]],
    n_voxels: Mapping[str, Mapping[str, int]],
    caption: str,
    quantity: Quantity = CBF,
) -> None:
    """Print NRMSE and bias, a row for each region and a column for each method.

    Args:
        scores: kind of region → region → method → scores.
        n_voxels: kind of region → region → voxels in it.
        caption: what stands above.
        quantity: that is scored.
    """
    methods = [*dict.fromkeys(method for kind in scores.values() for region in kind.values() for method in region)]
    headings = titles(quantity)
    table = Table("region", "voxels", *methods, title=f"{caption}: NRMSE, {headings['bias']}")
    reasons: dict[str, str] = {}
    for kind, regions in scores.items():
        table.add_section()
        for region, by_method in regions.items():
            cells = [
                f"{number_text(s.nrmse, '.3f')} {number_text(s.bias, f'+6.{quantity.digits + 1}f')}"
                for s in (by_method[method] for method in methods)
            ]
            table.add_row(f"{region}", f"{n_voxels[kind][region]}", *cells)
            reasons |= {
                f"{headings[name]} of {region}": reason
                for name, reason in undefined(by_method.values(), quantity).items()
                if name in ("nrmse", "bias")
            }
    console = Console(width=100)
    console.print(table)
    for what, reason in reasons.items():
        console.print(f"– {what} is not defined: {reason}", markup=False, highlight=False)
