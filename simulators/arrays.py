"""Words for arrays in annotations: what their numbers are and their shape, as `Float[np.ndarray, "X Y Z"]`.

They are jaxtyping's, which explains the names of axes: those of one name in a call are of one length. Tests hold every
call against them (tests/shapes.py). Elsewhere jaxtyping is neither needed nor imported, for it would add 70 ms to the
start of a command: an annotation is then the class alone.
"""

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Array = np.ndarray
else:
    ArrayLike = Any  # what NumPy makes an array of; its own word for it leaves tuples out when a call is checked
    Array = np.ndarray | np.generic  # NumPy makes a number of an array that has no axes

if TYPE_CHECKING or "jaxtyping" in sys.modules:
    from jaxtyping import Bool, Float, Float32, Int, Shaped
else:

    class _AnyShape:
        def __class_getitem__(cls, of: tuple[Any, str]) -> Any:
            return of[0]

    Bool = Float = Float32 = Int = Shaped = _AnyShape

__all__ = ["Array", "ArrayLike", "Bool", "Float", "Float32", "Int", "Shaped"]
