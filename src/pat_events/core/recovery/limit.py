"""Whether the dead letters of a handler are bad data, or a bad deploy."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pat_events.core.checks import (
    require_int,
    require_number,
    require_positive,
    require_seconds,
)
from pat_events.core.recovery.circuit import Circuit
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from pat_events.core.recovery.circuit import Outcome

# In so many parts events of the window are counted, and forgotten.
_PARTS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterLimit:
    """How many dead letters of a handler are bad data; more are a bad deploy, and are held.

    A single event that cannot be handled is a dead letter, and others go on. Where one after
    another cannot be, the fault is hardly theirs: a new version of the handler, or of who publishes
    them, has a bug, and it would empty a topic into its dead letters. So a consumer counts, for
    each of its handlers, the events that were given up, those that could not be decoded included.
    It is passed by ``consecutive`` of them within ``window_s``, if no other event of the handler
    succeeded in between, or if they are so large a ``share`` of its events since the first of them.

    From then on the handler's events are held, in their order, the one that passed it included:
    none becomes a dead letter, none counts an attempt, and the handler is not called but for one
    event every ``hold_s``, each time of another key. The first that succeeds ends it, as does the
    next start of the consumer; then it counts anew. Who finds that it is the data calls
    ``release_held`` of the consumer: then nothing counts for ``window_s``. Other handlers go on,
    until the partition is full of what is held. What ``lambda_handler`` makes cannot be told so:
    there it is the next version of the function, or ``dead_letter_limit=None``, that lets them go.

    Attributes:
        consecutive: So many dead letters at least, for ``share`` as well; 1 holds the first.
        share: So large a share of the handler's events, more than 0 and at most 1.
        window_s: What is older is forgotten, in seconds.
        hold_s: Time before each event that is tried, in seconds.
    """

    consecutive: int = 100
    share: float = 0.5
    window_s: float = 60.0
    hold_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse impossible values.

        Raises:
            ConfigError: names the field and the reason.
        """
        require_int("DeadLetterLimit.consecutive", self.consecutive)
        if self.consecutive < 1:
            raise ConfigError(
                f"DeadLetterLimit.consecutive is {self.consecutive}: use 1 or more; "
                "dead_letter_limit=None is none"
            )
        require_number("DeadLetterLimit.share", self.share)
        if not 0 < self.share <= 1:
            raise ConfigError(
                f"DeadLetterLimit.share is {self.share!r}: use more than 0, and at most 1"
            )
        for name in ("window_s", "hold_s"):
            value = getattr(self, name)
            require_number(f"DeadLetterLimit.{name}", value)
            require_positive(f"DeadLetterLimit.{name}", value)
            require_seconds(f"DeadLetterLimit.{name}", value)


class LetterCircuit(Circuit):
    """Opens when too many events of a handler in a row, or too large a share, were given up."""

    __slots__ = ("_in_a_row", "_limit", "_parts", "_released", "_uncounted_until")

    def __init__(self, limit: DeadLetterLimit) -> None:
        super().__init__(limit.hold_s)
        self._limit = limit
        # When each part of the window began, how many returned and how many were given up in it.
        # The first has one that was: what returned in jobs before is not counted.
        self._parts: deque[list[float]] = deque()
        self._in_a_row = 0
        self._released = False
        self._uncounted_until = float("-inf")

    def _learn(self, outcome: Outcome, now: float) -> str:
        parts, limit = self._parts, self._limit
        if self._released:
            # All that was held comes back together, and would pass it at once.
            self._released = False
            self._uncounted_until = now + limit.window_s
        if now < self._uncounted_until:
            return ""
        while parts and (parts[0][0] <= now - limit.window_s or not parts[0][2]):
            parts.popleft()
        if parts or outcome.failed:
            if not parts or now - parts[-1][0] >= limit.window_s / _PARTS:
                parts.append([now, 0, 0])
            parts[-1][1] += outcome.returned
            parts[-1][2] += outcome.failed
        if outcome.returned:
            # In which order the events of a batch were given up nobody knows.
            self._in_a_row = min(outcome.failed, 1)
        else:
            self._in_a_row += outcome.failed
        self.calm = not parts
        letters = int(sum(part[2] for part in parts))
        if not outcome.failed or letters < limit.consecutive:
            return ""
        events = letters + int(sum(part[1] for part in parts))
        if self._in_a_row < limit.consecutive and letters < limit.share * events:
            return ""
        self.close()
        return f"{letters} of the last {events} events were given up, the last with {outcome.error}"

    def release(self) -> None:
        """Go on, and count nothing for ``window_s`` from the next event on."""
        self.close()
        self._released = True

    def close(self) -> None:
        """Go on, whatever was learned."""
        super().close()
        self._parts.clear()
        self._in_a_row = 0
