"""Pictures of maps and vessels."""
