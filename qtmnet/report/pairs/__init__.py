"""The pairs of a scan in its report: what each shows, and what it counts for."""
