"""What is told of a process at work, and to whom."""
