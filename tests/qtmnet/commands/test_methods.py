"""Methods of a configuration: who of them can read a protocol."""

import pytest

from qtmnet.commands.methods import readable
from qtmnet.methods.base import Methods
from qtmnet.methods.multi_delay import MultiDelay
from qtmnet.methods.single_delay import SingleDelay
from simulators import Acquisition, InputError

KINETIC = Methods(compared={"single_delay": SingleDelay(), "multi_delay": MultiDelay()})


def test_a_method_that_cannot_read_a_protocol_is_left_out_and_told(capsys) -> None:
    one = Acquisition(post_labeling_delays=(1.8,))
    left = readable(KINETIC, one)
    assert set(left.compared) == {"single_delay"}
    told = capsys.readouterr().out
    assert told.startswith("multi_delay is left out of the comparison: ")
    assert "found one delay, which does not tell ATT" in told
    assert readable(KINETIC, Acquisition()) == KINETIC
    with pytest.raises(InputError, match=r"^method=multi_delay: .*found one delay"):
        readable(Methods(compared={"multi_delay": MultiDelay()}), one)


class Network(SingleDelay):
    """A kinetic model that passes for a network, of two delays at least."""

    learned = True

    def check(self, acquisition: Acquisition) -> None:
        if acquisition.n_frames < 2:
            raise InputError("found one delay")


def test_networks_are_told_apart_and_left_out_as_others_are(capsys) -> None:
    methods = Methods({"mine": Network()}, KINETIC.compared)
    assert set(readable(methods, Acquisition()).learned) == {"mine"}
    left = readable(methods, Acquisition(post_labeling_delays=(1.8,)))
    assert not left.learned
    assert set(left.compared) == {"single_delay"}
    assert "mine is left out of the comparison: found one delay" in capsys.readouterr().out
