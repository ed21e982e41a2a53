"""The page that a sweep over settings and seeds ends with."""
