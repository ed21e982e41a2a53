"""The BIDS border: what a dataset holds; see https://bids-specification.readthedocs.io (1.10, arterial spin labeling).

BIDS field names stay on this side of `qtmnet.scans.scan`.
"""
