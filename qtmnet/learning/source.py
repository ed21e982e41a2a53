"""What training takes its samples from."""

from abc import ABC, abstractmethod

from qtmnet.learning.samples import TRUTHS, Samples


class Source(ABC):
    """Samples to train on and to validate with, and what has to be made before there are any.

    Attributes:
        seed: of the cubes, the split and the noise.
        batch_size: samples a step, of all processes that train together.
        loader_workers: processes that make samples beside the one that trains.
        truths: keys of the quantities that samples hold the truth of.
        samples_to_start_from: for a linear estimate; 0 where none is fitted to them.
    """

    seed: int
    batch_size: int
    loader_workers: int
    truths: tuple[str, ...] = TRUTHS
    samples_to_start_from: int = 0

    @property
    @abstractmethod
    def n_validation(self) -> int:
        """Samples to validate with."""

    @property
    @abstractmethod
    def n_fit(self) -> int:
        """Samples of an epoch of training."""

    @property
    @abstractmethod
    def sample_shape(self) -> tuple[int, int, int]:
        """Acquired voxels of a sample, of the largest one if they differ."""

    @abstractmethod
    def prepare(self) -> None:
        """Make all that training needs and is not there."""

    @abstractmethod
    def is_complete(self) -> bool:
        """Whether all that training needs is there."""

    @abstractmethod
    def fitting(self) -> Samples:
        """Samples to train on."""

    @abstractmethod
    def validation(self) -> Samples:
        """Samples to validate with; epoch 0 is all there is."""
