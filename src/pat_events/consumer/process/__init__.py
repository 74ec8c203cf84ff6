"""What the process does to its consumers: signals."""
