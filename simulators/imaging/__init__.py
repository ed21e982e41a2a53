"""What the scanner does: how it labels blood, when it reads, and on which voxels."""
