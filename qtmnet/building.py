"""From a composed configuration to the objects that it names."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from qtmnet.bids import find_scans
from qtmnet.brains import refuse_brain
from qtmnet.data import QTMDataModule
from qtmnet.estimator import Estimator, Recipe
from qtmnet.scan import read_scan
from qtmnet.spelling import offer
from simulators.acquisition import Acquisition
from simulators.errors import InputError


def build_acquisition(from_bids: str | None = None, **protocol: object) -> Acquisition:
    """A protocol as written in the configuration, or the one of a scan.

    Args:
        from_bids: a BIDS perf folder, dataset or scan whose protocol to take, in place of the rest.
        protocol: fields of `Acquisition`.

    Raises:
        InputError: for a field that there is not, or if the scans of the folder differ in protocol.
    """
    known = [f"acquisition.{field.name}" for field in fields(Acquisition)]
    for name in protocol:
        if f"acquisition.{name}" not in known:
            raise InputError(f"acquisition.{name}: no such setting; {offer(f'acquisition.{name}', known)}")
    if from_bids is None:
        plain = {name: tuple(value) if isinstance(value, list) else value for name, value in protocol.items()}
        return Acquisition(**plain)  # type: ignore[arg-type]
    scans = find_scans(Path(from_bids))
    protocols = {read_scan(scan).acquisition: scan for scan in scans}
    if len(protocols) > 1:
        one, other = list(protocols.values())[:2]
        raise InputError(
            f"acquisition.from_bids: {one.name} and {other.name} differ in protocol; give the path of one scan"
        )
    return next(iter(protocols))


def build_data(cfg: DictConfig) -> QTMDataModule:
    """The data module of a configuration.

    Raises:
        InputError: if its phantom is a brain.
    """
    refuse_brain(cfg)
    return instantiate(cfg.data, _convert_="all")


def build_estimator(cfg: DictConfig, data: QTMDataModule) -> Estimator:
    """An untrained estimator for the data's protocol."""
    network = OmegaConf.to_container(cfg.model, resolve=True)
    recipe = data.recipes["train"].settings()
    assert isinstance(network, Mapping)
    return Estimator(
        Recipe(
            network={str(name): value for name, value in network.items()},
            normalization=cfg.normalization,
            acquisition=data.acquisition,
            phantom=data.recipes["train"].phantom,
            simulator=recipe["simulator"],  # type: ignore[arg-type]
            seed=cfg.seed,
            snr=data.snr,  # type: ignore[arg-type]
            linear_start=cfg.linear_start,
        )
    )
