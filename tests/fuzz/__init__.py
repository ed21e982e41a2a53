"""Odd inputs of every kind to the four commands, and a judge of what comes of each.

python -m tests.fuzz --n 2000 --seed 1

- `inputs`: what an input is; `values`: what settings are given and how it is typed.
- `kinds`: the kinds of inputs, a file for each subject: settings, checkpoints, scans, files and so on.
- `scenery`: a scan, a checkpoint and cubes that all inputs have beside them.
- `processes`: runs each in a process of its own, forked from one that has imported everything.
- `judge`: what is a fault.
"""
