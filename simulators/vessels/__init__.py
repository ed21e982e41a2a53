"""Trees of vessels: grown, borrowed, read from files, and all of them together."""
