"""This machine: cores, memory, and code that is compiled for it."""
