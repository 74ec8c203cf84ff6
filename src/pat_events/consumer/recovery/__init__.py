"""What happens after a handler failed: retries and dead letters."""
