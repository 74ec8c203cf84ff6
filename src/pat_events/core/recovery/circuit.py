"""Whether something goes on: closed, or open until a probe succeeds; a pure decision.

What opens it is another's to say: see ``breaker`` and ``limit``.
"""

from __future__ import annotations

from typing import NamedTuple


class Outcome(NamedTuple):
    """What came of the calls of a job, in their order: what failed failed last.

    Attributes:
        returned: For so many events a handler returned in time.
        failed: So many calls, or events, failed in the way that counts.
        error: What is said of the last of those.
    """

    returned: int
    failed: int
    error: str = ""


class Circuit:
    """Closed, or open until a probe succeeds; times by the monotonic clock, in seconds.

    Attributes:
        is_open: Whether it is open; a probe does not change that before it returns.
        calm: It is closed, and no failure is remembered: calls that return tell it nothing.
        why: Why it is open; empty while it is closed.
        until: While it is open: when a probe may be called.
        probing: A probe is under way.
    """

    __slots__ = ("_open_s", "calm", "is_open", "probing", "until", "why")

    def __init__(self, open_s: float) -> None:
        self._open_s = open_s
        self.is_open = False
        self.calm = True
        self.why = ""
        self.until = 0.0
        self.probing = False

    def may_probe(self, now: float) -> bool:
        """Tell whether a probe may be called now."""
        return self.is_open and not self.probing and now >= self.until

    def came(self, outcome: Outcome, now: float) -> bool:
        """Learn what came of calls; tells whether that opened it.

        While it is open nothing is learned of calls that began before: the probe decides.
        """
        if self.is_open:
            return False
        self.why = self._learn(outcome, now)
        if not self.why:
            return False
        self.until = now + self._open_s
        self.is_open = True
        return True

    def _learn(self, outcome: Outcome, now: float) -> str:
        """Remember this, and whether it is calm; returns why it opens, and then remembers none."""
        raise NotImplementedError

    def probed(self, outcome: Outcome, now: float) -> bool:
        """Learn what came of the probe; tells whether that closed it.

        A probe that neither failed nor returned says nothing: there may be another at once.
        """
        self.probing = False
        if not self.is_open:
            return False  # It was closed meanwhile.
        if outcome.failed:
            self.until = now + self._open_s
        elif outcome.returned:
            self.close()
            return True
        return False

    def close(self) -> None:
        """Go on, whatever was learned."""
        self.why = ""
        self.is_open = self.probing = False
        self.calm = True
