"""Methods on many protocols: how good each is with few and many delays, slices, voxels, noise."""
