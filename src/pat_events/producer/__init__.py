"""Publishing events."""
