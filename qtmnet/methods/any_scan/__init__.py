"""One network for any scan: it is given what the frames say of the step response, not the frames."""
