"""Files as they are read and written: whole or not at all, and refused in one line."""
