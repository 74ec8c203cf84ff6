"""Buses of EventBridge by name or ARN."""

from __future__ import annotations

import re
from typing import Final

from pat_events.errors import ConfigError

_BUS: Final = re.compile(
    r"(?:arn:[a-z-]+:events:[a-z0-9-]+:[0-9]{12}:event-bus/)?[\w.-]{1,256}", re.ASCII
)


def short_bus(bus: str) -> str:
    """Return the name of a bus."""
    return bus.rpartition(":event-bus/")[2]


def check_bus(bus: str) -> None:
    """Refuse what is no bus.

    Raises:
        ConfigError: says what to give instead.
    """
    if not _BUS.fullmatch(bus):
        raise ConfigError(f"{bus!r} is no bus of EventBridge: give its name or its ARN")
