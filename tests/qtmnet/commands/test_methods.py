"""Methods of a configuration: who of them can read a protocol."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from qtmnet.commands.methods import beside_methods, build_methods, compared_methods, given_network, readable
from qtmnet.configuration.conf_folder import CONF
from qtmnet.methods.any_scan.method import AnyScan
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


def composed(name: str, *overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(name, overrides=list(overrides))


def test_weights_for_one_protocol_are_compared_with_the_network_for_any_scan() -> None:
    """`weights` names the one network; the other is that of the package, whatever `weights` says."""
    cfg = composed("evaluate", "weights=paper4", "method=[any_scan,single_delay]")
    methods = compared_methods(cfg, *given_network(cfg))
    assert set(methods.learned) == {"qtmnet", "any_scan"}
    origins = {name: origin.get("Weights") for name, origin in methods.origins.items()}
    assert origins == {"qtmnet": "paper4", "any_scan": "any_scan", "single_delay": None}

    cfg = composed("predict", "input=in", "output_dir=out", "weights=paper4", "compare=[any_scan]")
    (network,) = build_methods(cfg).values()
    assert network.sidecar(None) == network.origin()
    (beside,) = beside_methods(cfg, network).values()
    assert isinstance(beside, AnyScan)
    assert beside.ckpt == "any_scan"


def test_a_method_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    cfg = composed("predict", "input=in", "output_dir=out", "compare=[paper4]")
    (network,) = build_methods(cfg).values()
    with pytest.raises(InputError, match=r"found 'paper4', no method; there are any_scan, .*, single_delay"):
        beside_methods(cfg, network)
