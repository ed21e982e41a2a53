"""Tables of scores for the console."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from qtmnet.evaluation.circulation import Circulation
from qtmnet.evaluation.intervals import IntervalScores
from qtmnet.evaluation.metrics import Scores, undefined
from qtmnet.quantities import CBF, INTERVAL_LEVEL, QUANTITIES, Quantity, number_text


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


def print_intervals(scores: IntervalScores, caption: str) -> None:
    """Print how often the truth lies in the intervals and how wide these are, a row for each region and method."""
    for key, by_region in scores.items():
        quantity = QUANTITIES[key]
        about = f"{INTERVAL_LEVEL:.0%} interval of {quantity.name}, {caption}"
        table = Table("region", "method", "truths inside", f"mean width ({quantity.unit})", title=about)
        for region, by_method in by_region.items():
            for method, score in by_method.items():
                width = number_text(score.width, f".{quantity.digits}f")
                table.add_row(region, method, number_text(score.coverage, ".1%"), width)
        Console(width=100).print(table)


def print_circulation(found: Circulation) -> None:
    """Print flow by circulation and how even grey matter is by territory, a column for the truth and each method."""
    for title, by_place, form, factor in (
        ("flow through the circulations (mL/min)", found.flow_ml_min, ".0f", 1),
        ("variation of grey perfusion within territories (SD over mean, %)", found.grey_variation, ".1f", 100),
    ):
        names = [*dict.fromkeys(name for values in by_place.values() for name in values)]
        table = Table("", "voxels", *names, title=title)
        for place, values in by_place.items():
            cells = (number_text(factor * values[name], form) for name in names)
            table.add_row(place, f"{found.n_voxels[place]}", *cells)
        if by_place:
            Console(width=100).print(table)
