"""How samples reach what trains: in an order of the seed and the epoch, as tensors, alone or in batches."""

import numpy as np
import torch

from qtmnet.learning.loading import EpochSampler, TensorSamples
from qtmnet.learning.samples import Key, Sample, Samples


class Numbered(Samples):
    """Samples that tell their key."""

    def __getitem__(self, key: Key) -> Sample:
        return {"key": np.array(key, np.float32)}


def test_the_sampler_gives_each_cube_once_an_epoch_in_an_order_of_its_own() -> None:
    sampler = EpochSampler(9, seed=0, shuffle=True)
    orders = []
    for epoch in (0, 1, 0):
        sampler.set_epoch(epoch)
        keys = list(sampler)
        assert {key[0] for key in keys} == {epoch}
        assert sorted(key[1] for key in keys) == list(range(9))
        orders.append(keys)
    assert orders[0] == orders[2]
    assert [k[1] for k in orders[0]] != [k[1] for k in orders[1]]
    fixed = EpochSampler(3, seed=0, shuffle=False)
    fixed.set_epoch(4)
    assert list(fixed) == [(0, 0), (0, 1), (0, 2)]


def test_samples_are_the_same_tensors_alone_and_in_a_batch() -> None:
    keys = [(1, 4), (0, 2)]
    for key, sample in zip(keys, TensorSamples(Numbered()).__getitems__(keys), strict=True):
        assert torch.equal(sample["key"], torch.tensor(key, dtype=torch.float32))
        assert torch.equal(TensorSamples(Numbered())[key]["key"], sample["key"])
