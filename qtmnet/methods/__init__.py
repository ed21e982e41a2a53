"""What makes maps of a scan: kinetic models and the network."""
