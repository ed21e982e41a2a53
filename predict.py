"""Map perfusion of a scan: python predict.py INPUT OUTPUT ckpt=..."""

from qtmnet.commands import run

if __name__ == "__main__":
    run("predict")
