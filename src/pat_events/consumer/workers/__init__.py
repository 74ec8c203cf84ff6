"""Where handlers run: threads, and tasks of an event loop."""
