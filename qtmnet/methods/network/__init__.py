"""The network: what it sees, what it is, what it says, and the files that keep it."""
