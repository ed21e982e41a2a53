"""Perfusion beside label in arteries: model, posterior, search, fit."""
