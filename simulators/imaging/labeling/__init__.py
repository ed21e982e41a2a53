"""How blood is labeled: each labeling says which boluses a frame shows, and the rest follows from these."""
