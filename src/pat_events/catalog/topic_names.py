"""Names of topics: which of them Kafka accepts."""

from __future__ import annotations

import re
from typing import Final

from pat_events.errors import ConfigError

RETRY_SUFFIX: Final = ".retry"
TOPIC_NAME_RULE: Final = "1 to 249 letters, digits, '.', '_' or '-', and not '.' or '..'"
_TOPIC_NAME: Final = re.compile(r"(?!\.{1,2}\Z)[a-zA-Z0-9._-]{1,249}")
_SHOWN_MAX: Final = 60


def is_topic_name(name: str) -> bool:
    """Tell whether Kafka accepts this name for a topic."""
    return _TOPIC_NAME.fullmatch(name) is not None


def checked_name(name: str, kind: str) -> str:
    """Return the name of such a topic.

    Raises:
        ConfigError: Kafka would refuse it.
    """
    if not is_topic_name(name):
        raise ConfigError(
            f"{kind} {name[:_SHOWN_MAX]!r} ({len(name)} characters) is no topic name: rename the "
            f"group or the topic to make it {TOPIC_NAME_RULE}"
        )
    return name


def retry_topic_name(topic: str, group: str) -> str:
    """Return the topic in which a group meets its dead letters of another again, unchecked."""
    return f"{topic}.{group}{RETRY_SUFFIX}"
