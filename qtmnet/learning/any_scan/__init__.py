"""Training samples for the network that reads any scan: a protocol, voxels and noise of its own for each."""
