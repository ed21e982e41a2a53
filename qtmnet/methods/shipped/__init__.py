"""Networks that come with the package, trained: their weights, by name."""
