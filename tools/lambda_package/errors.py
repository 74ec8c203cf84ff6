"""What keeps a zip from being made."""

from __future__ import annotations


class PackageError(Exception):
    """No zip was made; the message says what to do."""
