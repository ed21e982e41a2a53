"""Layers that networks are built of.

convolution.py     convolutions, and which of them run in float32, and why
normalization.py   of batches, and of groups of channels
"""
