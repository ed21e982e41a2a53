"""From an angiogram to a tree of vessels: mask, skeleton, paths, radii."""
