"""Simulate vessel cubes: python simulate.py data.n_cubes=1000 data.dir=..."""

from qtmnet.commands import run

if __name__ == "__main__":
    run("simulate")
