"""The configuration: where it lies, what it may hold, and what to say of words that it does not."""
