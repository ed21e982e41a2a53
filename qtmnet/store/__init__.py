"""Datasets of simulated cubes: shards in a folder or an object store, written once and read for any protocol.

`recipe` says what cubes are made from, `record` what is kept of one, `shard` how a file of them looks, `cube_store`
which shards there are and which are missing, `view` how they look on a protocol's voxels, `storage` where files lie.
Nothing here imports torch: simulating workers need none of it.
"""
