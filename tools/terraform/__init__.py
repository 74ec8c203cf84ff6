"""The proof of ``terraform/``: ``python -m tools.terraform``."""
