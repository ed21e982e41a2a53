"""A training goes on with the settings that it began with: what its state says cannot be changed by asking."""

from dataclasses import replace
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from qtmnet.configuration.conf_folder import CONF
from qtmnet.learning.resuming import check_same
from simulators import InputError
from tests.qtmnet.networks import described

NETWORK = described(snr=(2.0, 20.0))


def configured(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", overrides=["run_dir=here", *overrides])


def kept() -> Any:
    return OmegaConf.to_container(configured(), resolve=True)


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("optimizer.lr=1e-3", "(optimizer.lr: 0.002, now 0.001)"),
        ("final_learning_rate=0", "(final_learning_rate: 1e-06, now 0)"),
        ("trainer.max_epochs=60", "(trainer.max_epochs: 40, now 60)"),
        ("data.batch_size=8", "(data.batch_size: 4, now 8)"),
        ("data.n_cubes=12", "(data.n_cubes: 6400, now 12)"),
        ("loss.gradient_weight=0", "(loss.gradient_weight: 0.01, now 0)"),
        ("optimizer=sgd", "(optimizer._target_: 'torch.optim.AdamW', now 'torch.optim.SGD')"),
    ],
)
def test_another_setting_is_refused(word: str, line: str) -> None:
    with pytest.raises(InputError) as caught:
        check_same(configured(word), NETWORK, NETWORK, kept())
    assert str(caught.value) == f"resume: trained with other settings {line}; repeat those of its run"


@pytest.mark.parametrize(
    "word",
    ["data.dir=elsewhere", "data.loader_workers=1", "cluster.n_workers=1", "simulator.n_threads=1", "name=other"],
)
def test_what_nothing_trained_depends_on_may_differ(word: str) -> None:
    check_same(configured(word), NETWORK, NETWORK, kept())


def test_what_version_0_2_0_was_configured_with_is_the_same_today() -> None:
    settings = kept()
    settings["data"]["_target_"] = "qtmnet.data.QTMDataModule"
    settings["loss"]["_target_"] = "qtmnet.losses.L1GradientLoss"
    check_same(configured(), NETWORK, NETWORK, settings)
    with pytest.raises(InputError, match=r"data\._target_: 'qtmnet.data.QTMDataModule', now '.*StreamedCubes'"):
        check_same(configured("data=cco_stream"), NETWORK, NETWORK, settings)


def test_another_record_is_refused() -> None:
    with pytest.raises(InputError, match=r"resume: trained with other settings \(seed: 0, now 1\)"):
        check_same(configured(), NETWORK.with_record(seed=1), NETWORK, kept())


def test_a_checkpoint_without_its_configuration_is_gone_on_with() -> None:
    check_same(configured(), NETWORK, NETWORK, None)


def test_a_phantom_without_what_came_later_is_the_same() -> None:
    """Version 0.3.0 knew of no bluntness, which is 0 in what it made."""
    phantom = {name: value for name, value in NETWORK.trained["phantom"].items() if name != "bluntness"}
    assert len(phantom) == len(NETWORK.trained["phantom"]) - 1
    older = NETWORK.with_record(phantom=phantom)
    check_same(configured(), NETWORK, older, kept())
    blunt = NETWORK.with_record(phantom={**phantom, "bluntness": 0.5})
    with pytest.raises(InputError, match=r"resume: trained with other settings \(phantom: "):
        check_same(configured(), blunt, older, kept())


def test_a_network_without_what_came_later_is_the_same() -> None:
    """Version 0.4.0 knew of no other attention, and of no normalisation."""
    check_same(configured(), described(network={"attention": "both", "norm": "none"}), described(), kept())
    check_same(configured(), described(), described(network={"attention": "both", "norm": "none"}), kept())
    with pytest.raises(InputError, match=r"resume: trained with other settings \(network: "):
        check_same(configured(), described(network={"attention": "none"}), described(), kept())


def test_transit_times_of_another_meaning_are_not_trained_further() -> None:
    older = replace(described(outputs=("cbf", "att")), plug_flow_att=True)
    with pytest.raises(InputError, match="resume: trained to tell the plug-flow time as att"):
        check_same(configured(), described(outputs=("cbf", "att")), older, kept())
    check_same(configured(), NETWORK, replace(NETWORK, plug_flow_att=True), kept())  # perfusion alone
