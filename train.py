"""Train a network: python train.py experiment=quickstart"""

from qtmnet.commands import run

if __name__ == "__main__":
    run("train")
