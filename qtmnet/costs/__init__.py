"""What a command will take in memory, on disk and in time, reckoned before anything is made.

Each file reckons one kind of work from its settings: `cubes`, `datasets`, `brains`, `devices`, `networks`, `training`,
`scans`. `afford` holds that against this machine (`machine`). Coefficients are measured by `benchmarks/costs.py`.
"""
