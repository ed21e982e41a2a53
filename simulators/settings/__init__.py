"""What a setting may be: its type, its range, its unit, held against what was given before anything is made."""
