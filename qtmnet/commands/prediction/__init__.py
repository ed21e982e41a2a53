"""What `predict` does, scan by scan: where files go, the maps of one scan, and how all of them went."""
