"""Configuration of the commands, as Hydra groups."""
