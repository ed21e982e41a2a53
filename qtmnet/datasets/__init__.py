"""Datasets of simulated cubes: shards in a folder or an object store, written once and read for any protocol.

`cubes` says which cubes there are and where, `cube_recipe` what they are made from, `record` what is kept of one,
`shard` how a file of them looks, `records` which shards there are, `storage` where files lie. A `sharded_dataset` makes
what is missing: `cube_store` simulates cubes, `acquired_cubes` averages them over a protocol's voxels, `vessel_pool`
grows trees for streamed cubes to borrow. Nothing here imports torch: simulating workers need none of it.
"""
