"""Whether what a handler depends on works, by the calls that failed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pat_events.core.checks import (
    require_at_least_1,
    require_number,
    require_positive,
    require_seconds,
)
from pat_events.core.recovery.circuit import Circuit
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from pat_events.core.recovery.circuit import Outcome


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


class CallCircuit(Circuit):
    """Opens when too many of the last calls failed."""

    __slots__ = ("_calls", "_policy")

    def __init__(self, policy: CircuitPolicy) -> None:
        super().__init__(policy.open_s)
        self._policy = policy
        # When each ended, and whether it failed. The first one failed: what returned before tells
        # nothing that those after it do not.
        self._calls: deque[tuple[float, bool]] = deque(maxlen=policy.calls)

    def _learn(self, outcome: Outcome, now: float) -> str:
        if self._calls or outcome.failed:
            self._add(outcome.returned, now, failed=False)
            self._add(outcome.failed, now, failed=True)
        failed = sum(failed for _, failed in self._calls)
        self.calm = not self._calls
        if not outcome.failed or failed < self._policy.failures:
            return ""
        count = len(self._calls)
        self._calls.clear()
        return f"{failed} of the last {count} calls failed, the last with {outcome.error}"

    def _add(self, count: int, now: float, *, failed: bool) -> None:
        calls = self._calls
        calls.extend([(now, failed)] * min(count, self._policy.calls))
        while calls and (calls[0][0] <= now - self._policy.window_s or not calls[0][1]):
            calls.popleft()
