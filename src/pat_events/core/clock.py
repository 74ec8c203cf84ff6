"""What a simulation replaces, so that a run of it is the same each time: the time, and new ids."""

from __future__ import annotations

from typing import Protocol


class Waitable(Protocol):
    """A condition that tells of changes, such as ``threading.Condition``."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait to be told; returns False when the time was over before."""


class Clock(Protocol):
    """What time it is. Every method may be called from any thread."""

    def monotonic(self) -> float:
        """Return seconds that only ever go on."""

    def time_ns(self) -> int:
        """Return nanoseconds since 1970."""

    def wait(self, changed: Waitable, timeout_s: float) -> None:
        """Wait for a change, so long at most; called with the lock of the condition held."""


class Uuid(Protocol):
    """A new id; as text it is that of RFC 9562."""

    @property
    def hex(self) -> str:
        """Its 32 hexadecimal digits."""


class Ids(Protocol):
    """Makes new ids, such as the module ``uuid_utils``; from any thread."""

    def uuid4(self) -> Uuid:
        """Return a random id."""

    def uuid7(self) -> Uuid:
        """Return an id that begins with the time."""
