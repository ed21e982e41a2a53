"""How probable perfusion and arteries are, given when label arrives: in closed form, as the model is then linear.

Frames (K,), in units of their noise, are y = f t + aBV a + noise. f ≥ 0 is free. aBV ≥ 0 has a normal prior of unknown
width, which the frames tell themselves (automatic relevance determination, as in Chappell 2010, 10.1002/mrm.22320).
With z the least-squares aBV over its standard deviation, the most probable width gives (1 − 1/z²) of that aBV, or no
arteries at all for z ≤ 1, and multiplies the probability of the frames by e^((z² − 1 − ln z²)/2) (Tipping and Faul
2003). −2 ln of the posterior is then, but for a constant and the priors of arrival,

    −(t·y)² / t·t − (z² − 1 − ln z²).
"""

from dataclasses import dataclass

import numpy as np

_NOTHING = 1e-6  # of a direction that is left over by rounding


@dataclass(frozen=True, eq=False)
class Beside:
    """What of the arteries' frames is not along the tissue's.

    Attributes:
        direction: of length 1, of the shape of the tissue's frames; 0 where nothing is.
        length: of what is beside, without the axis of the frames.
        share: what lies along the tissue's frames over what lies beside, likewise; 0 where nothing is beside.
    """

    direction: np.ndarray
    length: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, tissue: np.ndarray, arteries: np.ndarray, axis: int) -> "Beside":
        """Of tissue's frames, of length 1 along `axis`, and arteries' frames, which broadcast to them."""
        overlap = (tissue * arteries).sum(axis=axis, keepdims=True)
        rest = arteries - overlap * tissue
        length = np.sqrt((rest**2).sum(axis=axis, keepdims=True))
        some = length > _NOTHING
        direction = np.divide(rest, length, out=np.zeros_like(rest), where=some)
        share = np.divide(overlap, length, out=np.zeros_like(overlap), where=some)
        return cls(direction, np.where(some, length, 0.0).squeeze(axis), share.squeeze(axis))


def unit(frames: np.ndarray, axis: int = -1) -> np.ndarray:
    """Frames of length 1 along an axis, 0 where they are 0."""
    length = np.sqrt((frames**2).sum(axis=axis, keepdims=True))
    return np.divide(frames, length, out=np.zeros_like(frames), where=length > 0)


def gain(z: np.ndarray) -> np.ndarray:
    """2 ln of what arteries multiply the probability of the frames by; 0 for z ≤ 1."""
    above = np.maximum(z, 1.0)
    return above**2 - 1 - 2 * np.log(above)


def shrunk(z: np.ndarray) -> np.ndarray:
    """The most probable aBV over its standard deviation; 0 for z ≤ 1."""
    above = np.maximum(z, 1.0)
    return above - 1 / above


def cost_with_artery(along: np.ndarray, z: np.ndarray, share: np.ndarray) -> np.ndarray:
    """−2 ln of the posterior with perfusion and arteries; ∞ where one of them is not above 0.

    Args:
        along: of the frames along the tissue's.
        z: of the frames along `Beside.direction`.
        share: see `Beside`.
    """
    both = (z > 1) & (along > share * shrunk(z))
    return np.where(both, -(along**2) - gain(z), np.inf)


def least_cost(signal: np.ndarray, tissue: np.ndarray, arteries: np.ndarray) -> np.ndarray:
    """−2 ln of the posterior (V,) of frames (K, V), with these arteries or none.

    Args:
        signal: frames over their noise, (K, V).
        tissue: what tissue shows, of length 1, (K, V).
        arteries: what arteries show, (K, V).
    """
    beside = Beside.of(tissue, arteries, axis=0)
    along, z = (tissue * signal).sum(axis=0), (beside.direction * signal).sum(axis=0)
    return np.minimum(cost_with_artery(along, z, beside.share), -(np.maximum(along, 0) ** 2))


def amounts(signal: np.ndarray, tissue: np.ndarray, arteries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The most probable f and aBV (V,) of frames (K, V).

    Args:
        signal: frames over their noise, (K, V).
        tissue: what tissue shows of an f of 1, (K, V).
        arteries: what arteries show of an aBV of 1, (K, V).
    """
    length = np.sqrt((tissue**2).sum(axis=0))
    direction = unit(tissue, axis=0)
    beside = Beside.of(direction, arteries, axis=0)
    volume = shrunk((beside.direction * signal).sum(axis=0))
    along = np.maximum((direction * signal).sum(axis=0) - beside.share * volume, 0)
    return (
        np.divide(along, length, out=np.zeros_like(along), where=length > 0),
        np.divide(volume, beside.length, out=np.zeros_like(along), where=beside.length > 0),
    )
