"""How a network learns: samples, loss, data modules, pace and precision."""
