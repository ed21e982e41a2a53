"""An extension of griffe, for the API reference: entries of docstrings that describe several names at once."""

from typing import Any

import griffe

from qtmnet.configuration.docstrings import one_name_each


class OneNameEach(griffe.Extension):
    """An entry for each name of `low, high: ends of the axis.`"""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = one_name_each(obj.docstring.value)
