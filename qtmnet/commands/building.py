"""From a composed configuration to the objects that it names."""

from dataclasses import asdict
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from qtmnet.learning.any_scan.source import AnyScanCubes
from qtmnet.learning.losses import OutputsLoss
from qtmnet.learning.source import Source
from qtmnet.learning.stored import StoredCubes
from qtmnet.methods.network.accepts import Accepts
from qtmnet.methods.network.any_scan.description import AcceptsAny, AnyScanDescription
from qtmnet.methods.network.checked_weights import untrained
from qtmnet.methods.network.description import Description
from qtmnet.methods.network.estimator import Estimator
from qtmnet.scans.acquisitions import build_acquisition
from simulators.errors import InputError
from simulators.settings.requests import number

__all__ = ["build_acquisition", "build_estimator", "build_loss"]


def build_estimator(cfg: DictConfig, source: Source) -> Estimator:
    """An untrained estimator for the scans of the samples.

    What the configuration names may be built: whoever trains has named it.

    Raises:
        InputError: for a network that it cannot be.
    """
    network, inputs = _plain(cfg.model), _plain(cfg.inputs)
    common: dict[str, Any] = {
        "network": network,
        "inputs": inputs,
        "outputs": tuple(cfg.outputs),
        "normalization": cfg.normalization,
        "average_mirrored": cfg.average_mirrored,
        "trusted": frozenset(str(part["_target_"]) for part in (network, *inputs.values())),
    }
    try:
        if isinstance(source, AnyScanCubes):
            if cfg.compress_beyond is not None:
                raise InputError(
                    f"compress_beyond: found {number(cfg.compress_beyond)}, but a network for any scan is given "
                    "logarithms already; leave it out"
                )
            if cfg.linear_start:
                raise InputError(
                    "linear_start: found true, but a network for any scan is given linear estimates already; give "
                    "linear_start=false, as experiment=any_scan has it"
                )
            if cfg.normalization != "calibrated":
                raise InputError(
                    f"normalization: found {cfg.normalization}, but a network for any scan reads concentrations as "
                    "they are; leave it out"
                )
            trained = {**source.record(), "seed": cfg.seed}
            reads = AcceptsAny(source.n_functions, len(source.recipe.time), source.recipe.last)
            return untrained(AnyScanDescription(**common, accepts=reads, trained=trained))
        assert isinstance(source, StoredCubes)
        trained = {
            "phantom": asdict(source.recipe.phantom),
            "simulator": source.recipe.settings()["simulator"],
            "seed": cfg.seed,
            "snr": source.snr,
        }
        accepts = Accepts(source.acquisition)
        reading = {"linear_start": cfg.linear_start, "compress_beyond": cfg.compress_beyond}
        return untrained(Description(**common, accepts=accepts, **reading, trained=trained))
    except InputError as error:  # what a checkpoint calls network is `model` in the configuration
        name, _, rest = str(error).partition(".")
        raise InputError(f"model.{rest}" if name == "network" else str(error)) from None


def build_loss(cfg: DictConfig) -> OutputsLoss:
    """The loss of a configuration.

    Raises:
        InputError: for the weight of an output that there is not.
    """
    weights = {str(key): float(weight) for key, weight in (cfg.output_weights or {}).items()}
    parts = (instantiate(cfg.loss), instantiate(cfg.spread_loss), instantiate(cfg.quantile_loss))
    return OutputsLoss(tuple(cfg.outputs), *parts, weights)


def _plain(settings: DictConfig) -> dict[str, Any]:
    """Settings as containers and numbers."""
    plain = OmegaConf.to_container(settings, resolve=True)
    assert isinstance(plain, dict)
    return {str(name): value for name, value in plain.items()}
