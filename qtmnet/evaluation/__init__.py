"""How far maps are from the truth."""
