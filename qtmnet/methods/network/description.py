"""What a network is and which scans it reads, as plain data: what checkpoints and weights keep beside the numbers."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from torch import nn

from qtmnet.limits import Normalization, StrongestFrames
from qtmnet.methods.network.accepts import Accepts
from qtmnet.methods.network.inputs import Input
from qtmnet.methods.network.trusted_classes import INPUTS, NETWORKS, arguments_of, check_arguments, class_of
from qtmnet.quantities import ATT, QUANTITIES
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.settings.checking import check_fields, from_plain, shown
from simulators.vessels.vasculature import LAMINAR, half_arrival

SET_HERE = {
    "in_channels": "the inputs say how many there are",
    "out_channels": "the outputs say how many there are",
}
"""Arguments of a network that no setting gives."""


@dataclass(frozen=True)
class Description:
    """A network with all that it takes to read a scan, but for its weights.

    Attributes:
        network: arguments of the network, `_target_` naming its class.
        inputs: arguments of each input by name, `_target_` naming its class; in the order of their channels.
        outputs: keys of the quantities that it estimates, in the order of their channels.
        normalization: `calibrated` keeps the absolute scale of the concentration, `global_max` divides each image by
            its maximum, as the paper does.
        accepts: scans that it reads.
        linear_start: whether training starts from the best linear estimate; see `Estimator.start_from`.
        compress_beyond: what of the frames, scaled and decorrelated, is larger than this counts as its logarithm; None
            for nothing. Great vessels have hundreds of times what is typical, and no training has seen enough of them.
        average_mirrored: whether maps are means over those of an image's eight mirror images, which training draws from
            alike: what a network makes of one more than of another is its own, not the tissue's.
        trained: how it was trained, for the record: any plain data.
        plug_flow_att: whether it was trained to tell the plug-flow time in laminar flow as `att`, as in version 0.3;
            its maps are turned into arterial transit times.
        trusted: dotted names of classes that it may build though no list has them; see `allowed`. Not kept in files.

    Raises:
        InputError: with the dotted name of the field that is wrong.
    """

    network: Mapping[str, Any]
    inputs: Mapping[str, Mapping[str, Any]]
    outputs: tuple[str, ...]
    normalization: Normalization
    accepts: Accepts
    linear_start: bool = False
    compress_beyond: StrongestFrames | None = None
    average_mirrored: bool = False
    trained: Mapping[str, Any] = field(default_factory=dict)
    plug_flow_att: bool = False
    trusted: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def __post_init__(self) -> None:
        check_fields(self)
        _check_outputs(self.outputs)
        kind = class_of(self.network, "network", NETWORKS, self.trusted)
        if not issubclass(kind, nn.Module):
            raise InputError(f"network._target_: found {shown(self.network['_target_'])}, no network of torch's")
        check_arguments(self.network, "network", kind, SET_HERE)
        for name, settings in self.inputs.items():
            check_arguments(settings, f"inputs.{name}", class_of(settings, f"inputs.{name}", INPUTS, self.trusted), {})
        if self.in_channels < 1:
            raise InputError("inputs: found none that has a channel; give frames, and others besides")

    @property
    def acquisition(self) -> Acquisition:
        """Protocol of the scans that it reads."""
        return self.accepts.acquisition

    @property
    def truths(self) -> tuple[str, ...]:
        """Keys of the outputs that there is a truth to train on for: all but spreads and bounds."""
        return tuple(key for key in self.outputs if QUANTITIES[key].is_own)

    @property
    def maps(self) -> tuple[str, ...]:
        """Keys of all maps that the network makes."""
        return self.outputs

    def scale(self, key: str) -> float:
        """What an output is multiplied by to be in the unit of its quantity."""
        was_plug_flow = self.plug_flow_att and QUANTITIES[key].truth_key == ATT.key
        return QUANTITIES[key].scale * (half_arrival(LAMINAR) if was_plug_flow else 1.0)

    @cached_property
    def built_inputs(self) -> dict[str, Input]:
        """The inputs by name."""
        return {
            name: class_of(settings, f"inputs.{name}", INPUTS, self.trusted)(**arguments_of(settings))
            for name, settings in self.inputs.items()
        }

    @property
    def in_channels(self) -> int:
        """Channels of the network's input."""
        return sum(made.n_channels(self.acquisition) for made in self.built_inputs.values())

    def build_network(self) -> nn.Module:
        """The network, with weights drawn at random."""
        kind = class_of(self.network, "network", NETWORKS, self.trusted)
        arguments = arguments_of(self.network)
        return kind(in_channels=self.in_channels, out_channels=len(self.outputs), **arguments)

    def with_record(self, **more: object) -> "Description":
        """The same with more said of its training."""
        return replace(self, trained={**self.trained, **more})

    def plain(self) -> dict[str, object]:
        """Containers and numbers only."""
        plain = {name: value for name, value in asdict(self).items() if name != "trusted"}
        return plain | {"accepts": self.accepts.plain()}

    @classmethod
    def from_plain(cls, plain: object, trusted: Collection[str] = ()) -> "Description":
        """The description that `plain` was made from; fields that are not there take their defaults.

        Raises:
            InputError: for what is no description, with the dotted name of the field.
        """
        if isinstance(plain, Mapping):
            if "trusted" in plain:
                raise InputError("trusted: a file cannot say what is to be trusted; leave it out")
            plain = {**plain, "trusted": frozenset(trusted)}
        return from_plain(cls, plain)


def _check_outputs(outputs: tuple[str, ...]) -> None:
    """Whether a network can have these outputs.

    Raises:
        InputError: for an output that is no quantity or a mask, is there twice, or is the spread or a bound of none.
    """
    for key in outputs:
        if key not in QUANTITIES:
            raise InputError(f"outputs: found {shown(key)}; give keys of quantities: {', '.join(QUANTITIES)}")
        of = QUANTITIES[key].truth_key
        if QUANTITIES[key].is_mask:
            raise InputError(f"outputs: found {key}, a mask, which nothing trains; leave it out")
        if of not in outputs:
            what = "the spread" if QUANTITIES[key].spread_of else "a bound"
            raise InputError(f"outputs: found {key}, {what} of {of}, without that; give [{of}, {key}]")
    if not outputs or len(set(outputs)) < len(outputs) or not QUANTITIES[outputs[0]].is_own:
        raise InputError(f"outputs: found {shown(list(outputs))}; give each once, the map to compare by first")
