"""All scans of an output on one page: their numbers side by side, and which stand apart."""
