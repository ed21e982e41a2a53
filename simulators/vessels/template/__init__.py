"""A template of the great vessels of the brain: waypoints, the trees made from them, and the script that makes them."""
