"""Held against what it may be: a composed configuration as a whole, before anything is imported, made or written.

- `commands`: settings of each command's own.
- `targets`: those of what a `_target_` builds, from the annotations of its parameters.
- `foreign`: annotations for the parameters of other packages.
- `check`: the whole of a configuration.
- `given`: settings that were given, and are of no effect beside others.
"""
