"""What the QTMnet paper claims, each claim by one command: robustness, and its figures."""
