"""What pat_events costs beside bare confluent-kafka, on one broker in one run."""
