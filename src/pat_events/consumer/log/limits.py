"""The numbers a group works within."""

from __future__ import annotations

from dataclasses import dataclass

from pat_events.core.checks import require_at_least_1, require_bounded, require_number
from pat_events.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Numbers an engine works within; durations in seconds, sizes in bytes of payload."""

    max_in_flight: int
    max_in_flight_bytes: int
    max_uncommitted: int = 10_000
    drain_timeout_s: float
    commit_interval_s: float

    def __post_init__(self) -> None:
        """Refuse impossible values.

        Raises:
            ConfigError: names the limit, the value and what to use instead.
        """
        for name in ("max_in_flight", "max_in_flight_bytes", "max_uncommitted"):
            require_at_least_1(name, getattr(self, name))
        for name in ("drain_timeout_s", "commit_interval_s"):
            require_number(name, getattr(self, name))
            require_bounded(name, getattr(self, name))
        if not self.drain_timeout_s >= 0:
            raise ConfigError(f"drain_timeout_s is {self.drain_timeout_s}: use 0 or more seconds")
        if not self.commit_interval_s > 0:
            raise ConfigError(
                f"commit_interval_s is {self.commit_interval_s}: use more than 0 seconds"
            )
