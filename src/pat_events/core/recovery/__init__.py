"""What to do about a failure: pure decisions."""
