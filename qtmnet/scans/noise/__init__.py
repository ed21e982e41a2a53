"""Noise of a scan, from its repeats or from its roughness."""
