"""Real scans: from BIDS files to calibrated frames and a protocol."""
