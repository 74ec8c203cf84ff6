"""Consuming a queue: messages with receipts, deleted once they are handled."""
