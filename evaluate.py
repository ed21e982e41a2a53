"""Compare a network with the kinetic models: python evaluate.py ckpt=..."""

from qtmnet.commands import run

if __name__ == "__main__":
    run("evaluate")
