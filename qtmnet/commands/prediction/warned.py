"""Warnings of a piece of work, kept so that its report can have them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


class Warned:
    """Warnings as they come.

    Args:
        caught: what was warned of so far; grows.
    """

    def __init__(self, caught: list[warnings.WarningMessage]) -> None:
        self._caught, self._taken = caught, set[int]()

    def take(self) -> list[str]:
        """A line for each warning since the last time; whoever takes them tells them."""
        lines = []
        for number, each in enumerate(self._caught):
            if each.category is UserWarning and number not in self._taken:
                self._taken.add(number)
                lines.append(" ".join(str(each.message).split()))
        return lines

    def give_back(self) -> None:
        """Nothing was told of what was taken."""
        self._taken.clear()

    @property
    def left(self) -> list[warnings.WarningMessage]:
        """Those that nobody took."""
        return [each for number, each in enumerate(self._caught) if number not in self._taken]


@contextmanager
def kept() -> Iterator[Warned]:
    """What is warned of meanwhile. What nobody took, or all of it if the work ends with an error, is given as ever.

    Warnings of libraries about their own use, such as deprecations, pass by.
    """
    warned = Warned([])
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            warned = Warned(caught)
            yield warned
    except BaseException:
        warned.give_back()
        raise
    finally:
        for each in warned.left:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
