"""Queues of SQS by name or URL."""

from __future__ import annotations

import re
from typing import Final

from pat_events.errors import ConfigError

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo")


def is_url(queue: str) -> bool:
    """Tell whether this is a URL, and not a name."""
    return "://" in queue


def short_name(queue: str) -> str:
    """Return the name of a queue."""
    return queue.rpartition("/")[2]


def check_queue(queue: object) -> None:
    """Refuse what is no queue.

    Raises:
        ConfigError: says what to give instead.
    """
    if not isinstance(queue, str) or not _NAME.fullmatch(short_name(queue)):
        raise ConfigError(
            f"{queue!r} is no SQS queue: give its name (letters, digits, '-', '_', at most 80 with "
            "'.fifo') or its URL"
        )
