"""From a composed configuration to the methods that it names."""

from copy import deepcopy

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from qtmnet.configuration.compared import compared_names, method_option
from qtmnet.configuration.spelling import offer, options_of
from qtmnet.methods.any_scan.method import AnyScan
from qtmnet.methods.base import Method, Methods
from qtmnet.methods.network.any_scan.estimator import AnyScanEstimator
from qtmnet.methods.network.checkpoint import load_estimator
from qtmnet.methods.network.estimator import Estimator
from qtmnet.methods.network.method import NAME, NetworkMethod
from qtmnet.methods.shipped.files import weights_file
from qtmnet.quantities import QUANTITIES
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.settings.checking import shown

ANY_SCAN = "any_scan"
"""Option of the network that needs no checkpoint."""


def build_methods(cfg: DictConfig) -> dict[str, Method]:
    """All methods of the configuration's group `method`, by name.

    Raises:
        InputError: for one that cannot be made, or that makes maps of nothing that there is.
    """
    made = {str(name): _build(str(name), part) for name, part in (cfg.get("method") or {}).items()}
    return {_called(name, method): method for name, method in made.items()}


def _called(name: str, method: Method) -> str:
    """Name of a method: weights of a network for one protocol are no network for any scan."""
    return NAME if name == ANY_SCAN and type(method) is NetworkMethod else name


def beside_methods(cfg: DictConfig, method: Method) -> dict[str, Method]:
    """The methods that the setting `compare` says are shown beside another, by name.

    Raises:
        InputError: for one that there is not, or that cannot be made.
    """
    settings = _of_others(cfg) if type(method) is NetworkMethod else cfg
    return {name: _named(settings, name) for name in compared_names(cfg.get("compare"), method.learned)}


def _of_others(cfg: DictConfig) -> DictConfig:
    """Settings of what a network for one protocol is compared with: `weights` that name it are of it alone."""
    others = deepcopy(cfg)
    others.weights = ANY_SCAN
    return others


def _named(cfg: DictConfig, name: str) -> Method:
    """A method by the name of its option, though the configuration has not chosen it."""
    option = method_option(name)
    if option is None or name not in option:
        raise InputError(f"compare: found {shown(name)}, no method; {offer(name, options_of('method'))}")
    whole = OmegaConf.create({key: value for key, value in cfg.items_ex(resolve=False) if key != "method"})
    whole.method = option  # with what its settings refer to
    return _build(name, whole.method[name])


def _build(name: str, part: DictConfig) -> Method:
    try:
        method = instantiate(part, _convert_="all")
    except InstantiationException as error:
        if isinstance(error.__cause__, InputError):
            raise error.__cause__ from None
        raise
    needed = ("title", "quantities", "learned", "check", "maps", "outside", "about", "sidecar", "origin")
    if missing := [attribute for attribute in needed if not hasattr(method, attribute)]:
        raise InputError(
            f"method.{name}._target_: found {part._target_}, which has no {missing[0]}; give a "
            "qtmnet.methods.base.Method"
        )
    for key in method.quantities or ("none",):
        if key not in QUANTITIES:
            raise InputError(
                f"method.{name}: found maps of {key!r}; a method makes maps of {', '.join(QUANTITIES)}, at least one"
            )
    return _network(method)


def _network(method: Method) -> Method:
    """A checkpoint's network as the method that it is: one for any scan is read by `AnyScan`, whoever was given it."""
    if type(method) is NetworkMethod and isinstance(method.estimator, AnyScanEstimator):
        return AnyScan.of(method.estimator, str(method.ckpt))
    return method


def given_network(cfg: DictConfig) -> tuple[Estimator | None, str]:
    """The network for one protocol that the configuration gives by `ckpt` or `weights`, and what it is called there.

    Returns:
        None and no name, if there is none or the weights are of the network for any scan.

    Raises:
        InputError: if it cannot be read.
    """
    if cfg.ckpt is not None:
        return load_estimator(cfg.ckpt, trusted=cfg.trust), str(cfg.ckpt)
    if cfg.get("weights") is not None:
        estimator = load_estimator(weights_file(cfg.weights), "weights", cfg.trust)
        if not isinstance(estimator, AnyScanEstimator):
            return estimator, str(cfg.weights)
    return None, ""


def compared_methods(cfg: DictConfig, estimator: Estimator | None, ckpt: str = "") -> Methods:
    """A network and what the configuration says that it is compared with, other networks included.

    Without that of a checkpoint it is the network for any scan, unless its setting `weights` is null.

    Raises:
        InputError: if there is neither, or a method is called as the network is.
    """
    given_by_weights = estimator is not None and cfg.get("weights") is not None and cfg.ckpt is None
    found = Methods.of(build_methods(_of_others(cfg) if given_by_weights else cfg))
    if NAME in found.all:
        raise InputError(f"method: found {NAME}, as the network of ckpt or weights is called; leave it out")
    if estimator is not None:
        return Methods({NAME: _network(NetworkMethod.of(estimator, ckpt)), **found.learned}, found.compared)
    if cfg.get("weights") is not None and ANY_SCAN not in found.all:
        found = Methods({ANY_SCAN: _named(cfg, ANY_SCAN), **found.learned}, found.compared)
    if not found.all:
        raise InputError("method: not given, nor is ckpt; give method=[single_delay,multi_delay], or a checkpoint")
    return found


def readable(methods: Methods, acquisition: Acquisition) -> Methods:
    """The methods without those that cannot read a protocol, which are told with the reason.

    The network of a checkpoint is kept: it is what was asked for, and is refused by those who evaluate it.

    Raises:
        InputError: if none is left, with the reason of the first.
    """
    kept, reasons = {}, {}
    for name, method in methods.all.items():
        try:
            if name != NAME:
                method.check(acquisition)
        except InputError as error:
            reasons[name] = str(error)
        else:
            kept[name] = method
    if reasons and not kept:
        name, reason = next(iter(reasons.items()))
        raise InputError(f"method={name}: {reason}")
    for name, reason in reasons.items():
        print(f"{name} is left out of the comparison: {reason}")
    return Methods.of(kept)
