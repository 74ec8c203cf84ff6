"""What is the machine's and the process's own: the clock, and signals."""
