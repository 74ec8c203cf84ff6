"""Why a send buffer does not take a record: the words of every sender."""

from __future__ import annotations

from pat_events.errors import BufferFullError, RecordTooLargeError


def full(events: int, size_bytes: int, state: str) -> BufferFullError:
    """Return the error for a buffer without room now.

    Args:
        events: ``buffer_events``.
        size_bytes: ``buffer_bytes``.
        state: What it waits for, and why, as far as that is known.
    """
    return BufferFullError(
        f"the send buffer is full ({events} events or {size_bytes} bytes wait for {state})"
    )


def larger_than_the_buffer(size_bytes: int, topic: str, limit_bytes: int) -> RecordTooLargeError:
    """Return the error for a record over ``buffer_bytes``, for which there is never room."""
    return RecordTooLargeError(
        f"a record of {size_bytes} bytes for {topic} is larger than the whole send buffer "
        f"({limit_bytes} bytes, buffer_bytes): it can never be sent"
    )
