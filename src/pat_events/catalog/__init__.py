"""The catalogue of events: what it says, how its file is read, what binds it to classes."""
