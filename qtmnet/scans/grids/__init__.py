"""Where voxels lie: images that belong to a scan, compared with its grid and brought onto it."""
