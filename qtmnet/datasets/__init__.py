"""Datasets of simulated cubes: shards in a folder or an object store, written once and read for any protocol.

`recipe` says what cubes are made from, `record` what is kept of one, `shard` how a file of them looks, `records` which
shards there are, `storage` where files lie. A `dataset` makes what is missing: `cube_store` simulates cubes, `view`
looks at them on a protocol's voxels, `vessel_pool` grows trees for streamed cubes to borrow. Nothing here imports
torch: simulating workers need none of it.
"""
