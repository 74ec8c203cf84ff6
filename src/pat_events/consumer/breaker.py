"""A breaker: handlers that depend on something are not called while it is out of order."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pat_events.core.checks import require_text
from pat_events.core.recovery.breaker import Circuit, CircuitPolicy
from pat_events.errors import ConfigError

if TYPE_CHECKING:
    from pat_events.core.recovery.breaker import Outcome


class Breaker:
    """What some handlers depend on, such as a database or an API: is it in order?

    ::

        payments = Breaker("payments")

        @handlers.on(EmailReceived, breaker=payments)
        def process(event: EmailReceived, ctx: Context) -> None: ...

    It is closed at first. So many calls that failed open it, and while it is open no handler that
    has it is called: its events are held, which counts as no attempt, and none becomes a dead
    letter. Then one event is tried at a time. The first that succeeds closes it, and all go on.

    Of failures those count that are worth another attempt, a deadline that passed among them. What
    is a dead letter at once, what cannot be decoded, and what is held anyway tells nothing.

    It may be given to handlers of several consumers of a process, which then share what they know.

    Args:
        name: What it stands for, in logs and metrics; each of a consumer's has another.
        failures: It opens with so many failed calls among the last ``calls``. An event that alone
            is tried as often, by its ``RetryPolicy``, opens it alone.
        calls: So many calls are looked at.
        window_s: No call is looked at that is older, in seconds.
        slow_s: A call that takes as long counts as failed, though its event is handled; in seconds,
            and None where no call is too slow. Below 0.3 s calls that follow each other count as
            one.
        open_s: How long nothing is called before each probe, in seconds.

    Raises:
        ConfigError: an impossible value.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int = 10,
        calls: int = 20,
        window_s: float = 60.0,
        slow_s: float | None = None,
        open_s: float = 5.0,
    ) -> None:
        require_text("name of a Breaker", name)
        if not (name.strip() and name.isprintable()):
            raise ConfigError(f"name of a Breaker is {name!r}: say in a word what it stands for")
        self.name = name
        self.slow_s = slow_s
        #: What is known. Read by any thread, and changed under the lock alone.
        self.circuit = Circuit(
            CircuitPolicy(
                failures=failures, calls=calls, window_s=window_s, slow_s=slow_s, open_s=open_s
            )
        )
        # The threads of several consumers may share it. None of them publishes with it.
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Breaker {self.name}: {'open' if self.is_open else 'closed'}>"

    @property
    def is_open(self) -> bool:
        """Whether handlers that have it are not called; from any thread."""
        return self.circuit.is_open

    @property
    def why(self) -> str:
        """Why it is open, in words; empty while it is closed. From any thread."""
        return self.circuit.why

    @property
    def until(self) -> float:
        """When the next probe may be called, by the consumer's monotonic clock in seconds."""
        return self.circuit.until

    def may_probe(self, now: float) -> bool:
        """Tell whether an event may be called for as the probe."""
        return self.circuit.may_probe(now)

    def take_probe(self, now: float) -> bool:
        """Tell the same, and count the caller's event as the probe: one of all that ask."""
        with self._lock:
            self.circuit.probing |= (granted := self.circuit.may_probe(now))
            return granted

    def came(self, outcome: Outcome, now: float, *, is_probe: bool) -> bool:
        """Learn what came of calls; tells whether that opened or closed it."""
        with self._lock:
            if is_probe:
                return self.circuit.probed(outcome, now)
            return self.circuit.came(outcome, now)
