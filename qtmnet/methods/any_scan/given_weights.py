"""A network by its weights: the method that they are of."""

from qtmnet.limits import TrustedNames, WeightsText
from qtmnet.methods.any_scan.method import AnyScan, T1Blood
from qtmnet.methods.network.any_scan.estimator import AnyScanEstimator
from qtmnet.methods.network.checkpoint import load_estimator
from qtmnet.methods.network.method import NetworkMethod
from qtmnet.methods.shipped.files import weights_file
from simulators.settings.checking import checks_arguments


@checks_arguments
def network(
    weights: WeightsText = "any_scan", t1_blood: T1Blood | None = None, trust: TrustedNames = ()
) -> NetworkMethod:
    """The method that weights are of: of the network for any scan, or of one for a single protocol.

    Args:
        weights: name of those that come with the package, or a checkpoint or weights file of a training.
        t1_blood: s, of label in blood, for the network for any scan; see `AnyScan`.
        trust: dotted names of classes of your own that the weights may build.

    Raises:
        InputError: for weights that are not there, or damaged.
    """
    estimator = load_estimator(weights_file(weights), "weights", trust)
    if isinstance(estimator, AnyScanEstimator):
        return AnyScan.of(estimator, str(weights), t1_blood)
    return NetworkMethod.of(estimator, str(weights))
