"""What can go wrong while a real part is started, each with what to do about it."""

from __future__ import annotations


class StackError(Exception):
    """A part could not be started, reached or stopped; the message says what to do."""


class MissingToolError(StackError):
    """Something has to be installed first; the message says what, in one sentence."""


class NotReadyError(StackError):
    """A part was started or named, and does not answer."""
