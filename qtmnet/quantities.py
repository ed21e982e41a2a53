"""What a map can be, and how its numbers are written."""

import numpy as np


def number_text(value: float, form: str) -> str:
    """A number as text, a dash where it is not defined."""
    return format(value, form) if np.isfinite(value) else "–"
