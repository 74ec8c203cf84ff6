"""Events from one transport to another, as they are."""
