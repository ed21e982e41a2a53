"""Perfusion maps from arterial spin labeling: learning, kinetic models and images."""
