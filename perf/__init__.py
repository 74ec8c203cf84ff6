"""What pat_events costs beside bare clients, in one run."""
