"""A page of figures with captions and tables, in one file."""
