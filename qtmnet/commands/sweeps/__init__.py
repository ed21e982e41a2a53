"""Many runs of a command: what came of each, in what order, and what is left to do after an interruption.

    outcomes.py   what came of a run; kept on disk, and shown as a table
    runner.py     one run after the other: those that are done are left alone, failures are noted
    grid.py       which runs a command line of choices and ranges asks for
    search.py     which run to try next, by Bayesian search
    pruning.py    ends runs that a search has no hope for

They reach Hydra through `hydra_plugins/qtmnet_sweepers`, as `hydra/sweeper=grid` and `hydra/sweeper=bayes`.
"""
