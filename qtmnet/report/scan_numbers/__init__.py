"""The numbers of a scan, and those of its regions, as its report shows them."""
