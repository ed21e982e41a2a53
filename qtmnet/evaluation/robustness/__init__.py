"""Methods where a scan, or the world that it is of, is not as they assume: one parameter after the other."""
