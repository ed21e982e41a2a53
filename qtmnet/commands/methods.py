"""From a composed configuration to the methods that it names."""

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig

from qtmnet.methods.base import Method, Methods
from qtmnet.methods.network.estimator import Estimator
from qtmnet.methods.network.method import NAME, NetworkMethod
from qtmnet.quantities import QUANTITIES
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition


def build_methods(cfg: DictConfig) -> dict[str, Method]:
    """All methods of the configuration's group `method`, by name.

    Raises:
        InputError: for one that cannot be made, or that makes maps of nothing that there is.
    """
    return {str(name): _build(str(name), part) for name, part in (cfg.get("method") or {}).items()}


def _build(name: str, part: DictConfig) -> Method:
    try:
        method = instantiate(part, _convert_="all")
    except InstantiationException as error:
        if isinstance(error.__cause__, InputError):
            raise error.__cause__ from None
        raise
    needed = ("title", "quantities", "learned", "check", "maps", "about", "sidecar")
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
    return method


def compared_methods(cfg: DictConfig, estimator: Estimator | None, ckpt: str = "") -> Methods:
    """A network, if there is one, and what the configuration says that it is compared with.

    Raises:
        InputError: if there is neither, or a method is called as the network is.
    """
    compared = build_methods(cfg)
    if NAME in compared:
        raise InputError(f"method: found {NAME}, as the network of ckpt is called; leave it out")
    if estimator is not None:
        return Methods({NAME: NetworkMethod.of(estimator, ckpt)}, compared)
    if not compared:
        raise InputError("method: not given, nor is ckpt; give method=[single_delay,multi_delay], or a checkpoint")
    return Methods(compared=compared)


def readable(methods: Methods, acquisition: Acquisition) -> Methods:
    """The methods without those of the compared ones that cannot read a protocol, which are told with the reason.

    Raises:
        InputError: if none is left, with the reason of the first.
    """
    kept, reasons = {}, {}
    for name, method in methods.compared.items():
        try:
            method.check(acquisition)
        except InputError as error:
            reasons[name] = str(error)
        else:
            kept[name] = method
    if reasons and not (kept or methods.learned):
        name, reason = next(iter(reasons.items()))
        raise InputError(f"method={name}: {reason}")
    for name, reason in reasons.items():
        print(f"{name} is left out of the comparison: {reason}")
    return Methods(methods.learned, kept)
