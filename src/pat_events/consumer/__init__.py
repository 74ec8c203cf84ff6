"""Consuming events: handlers, and what calls them."""
