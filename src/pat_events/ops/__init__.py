"""What an operator does, as functions."""
