"""Phantoms: a cube to train on, and a whole brain by its stages."""
