"""Whether what a handler depends on works: a circuit, closed or open, as a pure decision."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from pat_events.core.checks import (
    require_at_least_1,
    require_number,
    require_positive,
    require_seconds,
)
from pat_events.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitPolicy:
    """When a circuit opens, and for how long.

    Attributes:
        failures: It opens with so many failed calls among the last ``calls``.
        calls: So many calls are looked at.
        window_s: No call is looked at that is older, in seconds.
        slow_s: A call that takes as long counts as failed, whatever came of it; in seconds, and
            None where no call is too slow.
        open_s: So long nothing is called, then one event is the probe; in seconds.
    """

    failures: int
    calls: int
    window_s: float
    slow_s: float | None
    open_s: float

    def __post_init__(self) -> None:
        """Refuse impossible values.

        Raises:
            ConfigError: names the field and the reason.
        """
        require_at_least_1("failures of a Breaker", self.failures)
        require_at_least_1("calls of a Breaker", self.calls)
        if self.calls < self.failures:
            raise ConfigError(
                f"calls of a Breaker is {self.calls}: use at least {self.failures}, as many as "
                "failures, or it never opens"
            )
        for name in ("window_s", "open_s", "slow_s"):
            value = getattr(self, name)
            if value is None and name == "slow_s":
                continue
            require_number(f"{name} of a Breaker", value)
            require_positive(f"{name} of a Breaker", value)
            require_seconds(f"{name} of a Breaker", value)


class Outcome(NamedTuple):
    """What came of the calls of a job, in their order: what failed failed last.

    Attributes:
        returned: For so many events a handler returned in time.
        failed: So many calls failed in a way that may be over soon, or were too slow.
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

    __slots__ = ("_calls", "_policy", "calm", "is_open", "probing", "until", "why")

    def __init__(self, policy: CircuitPolicy) -> None:
        self._policy = policy
        # When each ended, and whether it failed. The first one failed: what returned before tells
        # nothing that those after it do not.
        self._calls: deque[tuple[float, bool]] = deque(maxlen=policy.calls)
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
        if self._calls or outcome.failed:
            self._add(outcome.returned, now, failed=False)
            self._add(outcome.failed, now, failed=True)
        failed = sum(failed for _, failed in self._calls)
        self.calm = not self._calls
        if not outcome.failed or failed < self._policy.failures:
            return False
        self.why = (
            f"{failed} of the last {len(self._calls)} calls failed, the last with {outcome.error}"
        )
        self.until = now + self._policy.open_s
        self.is_open = True
        self._calls.clear()
        return True

    def _add(self, count: int, now: float, *, failed: bool) -> None:
        calls = self._calls
        calls.extend([(now, failed)] * min(count, self._policy.calls))
        while calls and (calls[0][0] <= now - self._policy.window_s or not calls[0][1]):
            calls.popleft()

    def probed(self, outcome: Outcome, now: float) -> bool:
        """Learn what came of the probe; tells whether that closed it.

        A probe that neither failed nor returned says nothing: there may be another at once.
        """
        self.probing = False
        if outcome.failed:
            self.until = now + self._policy.open_s
        elif outcome.returned:
            self.why = ""
            self.is_open = False
            self.calm = True
            return True
        return False
