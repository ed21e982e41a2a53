"""How label passes between capillary blood and tissue: a file for each model, and what they have in common."""
