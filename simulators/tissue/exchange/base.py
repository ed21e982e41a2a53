"""What all models of exchange are: two rates, and what follows from them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from simulators.errors import InputError
from simulators.settings.checking import check_fields, from_plain, shown
from simulators.settings.drawing import drawn_fields

Self = TypeVar("Self", bound="Exchange")


@dataclass(frozen=True)
class Exchange(ABC):
    """How label passes between the blood of a capillary and the tissue about it.

    A model is a frozen dataclass that says `rates` and `water_volume`; its fields are held against their annotations.
    A field that is `Drawn` may be a range, from which each cube draws a number.

    Attributes:
        model: name of the class, which tells models apart in files.

    Raises:
        InputError: for values that no tissue has.
    """

    model: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", type(self).__name__)
        check_fields(self)

    @abstractmethod
    def rates(self, capillary_volume_fraction: float) -> tuple[float, float]:
        """Rates (1/s) at which label leaves capillary blood for tissue, and tissue for blood.

        Args:
            capillary_volume_fraction: mL of capillary blood per mL of tissue.
        """

    @property
    @abstractmethod
    def water_volume(self) -> float:
        """mL of water per mL of tissue that label fills beside the blood, if it never decays; may be infinite."""

    @property
    def keeps_label_in_blood(self) -> bool:
        """Whether label never crosses the capillary wall."""
        return self.water_volume == 0

    @property
    def ranges(self) -> dict[str, float | tuple[float, float]]:
        """What may be a range, by name."""
        return {name: getattr(self, name) for name in drawn_fields(type(self))}

    def with_numbers(self: Self, numbers: Mapping[str, float]) -> Self:
        """The same with a number in place of each of its `ranges`; other names are left aside."""
        values: dict[str, Any] = {name: numbers[name] for name in self.ranges}
        return replace(self, **values)

    def typical(self: Self) -> Self:
        """The same with the middle of each of its `ranges`."""
        return self.with_numbers({name: float(np.mean(value)) for name, value in self.ranges.items()})

    @classmethod
    def from_plain(cls, content: Any, name: str = "exchange") -> "Exchange":
        """The exchange that `dataclasses.asdict` made `content` from.

        Only models that are imported already are made: content may come out of a file of unknown origin.

        Args:
            content: `model` and the fields of the model.
            name: of the content, as refusals are to begin.

        Raises:
            InputError: for a model that is not known, or values that it does not take.
        """
        known = {kind.__name__: kind for kind in sorted(_models(cls), key=lambda kind: kind.__name__)}
        model = content.get("model") if isinstance(content, Mapping) else content
        if not isinstance(model, str) or model not in known:
            raise InputError(
                f"{name}.model: found {shown(model)}; give one of {', '.join(known)}, or import the module that has it"
            )
        return from_plain(known[model], {key: value for key, value in content.items() if key != "model"}, name)


def _models(kind: type[Exchange]) -> Iterator[type[Exchange]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from _models(inner)
