"""The numbers a consumer of a queue works within."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pat_events.core.checks import require_at_least_1, require_number, require_seconds
from pat_events.errors import ConfigError

# Extending takes a call, and may have to be repeated: not more often than every few seconds.
_LEAST_VISIBILITY_S: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Numbers an engine works within; durations in seconds, sizes in bytes of payload."""

    max_in_flight: int
    max_in_flight_bytes: int
    visibility_s: int
    drain_timeout_s: float

    def __post_init__(self) -> None:
        """Refuse impossible values.

        Raises:
            ConfigError: names the limit, the value and what to use instead.
        """
        for name in ("max_in_flight", "max_in_flight_bytes", "visibility_s"):
            require_at_least_1(name, getattr(self, name))
        require_number("drain_timeout_s", self.drain_timeout_s)
        require_seconds("drain_timeout_s", self.drain_timeout_s)
        if self.visibility_s < _LEAST_VISIBILITY_S:
            raise ConfigError(
                f"visibility_s is {self.visibility_s}: use {_LEAST_VISIBILITY_S} seconds or more"
            )
