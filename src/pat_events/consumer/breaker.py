"""A breaker: handlers that depend on something are not called while it is out of order."""

from __future__ import annotations

from pat_events.consumer.gate import Gate
from pat_events.core.checks import require_text
from pat_events.core.recovery.breaker import CallCircuit, CircuitPolicy
from pat_events.errors import ConfigError


class Breaker(Gate):
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
        policy = CircuitPolicy(
            failures=failures, calls=calls, window_s=window_s, slow_s=slow_s, open_s=open_s
        )
        super().__init__(name, CallCircuit(policy))
        self.slow_s = slow_s

    @property
    def told(self) -> str:
        """That it is open, in words, and why."""
        return f"breaker {self.name} is open: {self.why}"

    def __repr__(self) -> str:
        return f"<Breaker {self.name}: {'open' if self.is_open else 'closed'}>"
