"""When a failed event is tried again: numbers as values, delays as a pure function."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from pat_events.core.checks import require_at_least_1, require_number
from pat_events.errors import ConfigError, PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

OnExhausted: TypeAlias = Literal["dead_letter", "hold"]

# With the exponent's cap of 64 a power stays within what a float can hold.
_MAX_MULTIPLIER: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, how long apart, and after which errors an event is tried again.

    Attributes:
        attempts: Attempts in all, the first included; at least 1, always finite.
        first_delay_s: Wait before the second attempt, in seconds.
        multiplier: Each further wait is this many times the one before.
        max_delay_s: No wait is longer, in seconds.
        jitter: Share of the wait that is random, 0 to 1: with 0.5 a wait of
            8 s becomes 4 s to 8 s, so that a crowd of failures spreads out.
        retry_on: Errors worth another attempt. Everything else goes to the dead
            letter at once. Of an exception group all leaves have to be.
        give_up_on: Exceptions to ``retry_on``: hopeless errors, dead-lettered at once. One leaf
            of an exception group is enough.
        on_exhausted: What becomes of an event whose attempts have all failed: a
            ``"dead_letter"``, or ``"hold"``, which keeps it, and its key behind it, where it is
            and tries it again without end, 30 s apart or ``max_delay_s`` if that is longer.

    What ``core.recovery.verdict`` holds, such as an outage of publishing, is no attempt and never
    asked about here.
    """

    attempts: int = 5
    first_delay_s: float = 0.2
    multiplier: float = 4.0
    max_delay_s: float = 30.0
    jitter: float = 0.5
    retry_on: tuple[type[BaseException], ...] = (BaseException,)
    give_up_on: tuple[type[BaseException], ...] = (PermanentError,)
    on_exhausted: OnExhausted = "dead_letter"

    def __post_init__(self) -> None:
        """Refuse impossible values.

        Raises:
            ConfigError: names the field and the reason.
        """
        require_at_least_1("RetryPolicy.attempts", self.attempts)
        for name in ("first_delay_s", "multiplier", "max_delay_s", "jitter"):
            require_number(f"RetryPolicy.{name}", getattr(self, name))
        for name in ("first_delay_s", "max_delay_s"):
            value = getattr(self, name)
            if not 0 <= value <= sys.float_info.max:
                raise ConfigError(f"RetryPolicy.{name} is {value!r}: use 0 or more seconds")
        if not 1 <= self.multiplier <= _MAX_MULTIPLIER:
            raise ConfigError(
                f"RetryPolicy.multiplier is {self.multiplier!r}: use 1 to {_MAX_MULTIPLIER}, waits "
                "never shrink"
            )
        for name in ("retry_on", "give_up_on"):
            kinds = getattr(self, name)
            if not isinstance(kinds, tuple) or not all(
                isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds
            ):
                raise ConfigError(
                    f"RetryPolicy.{name} is {kinds!r}: use a tuple of exception classes"
                )
        if self.on_exhausted not in get_args(OnExhausted):
            raise ConfigError(
                f"RetryPolicy.on_exhausted is {self.on_exhausted!r}: use 'dead_letter' or 'hold'"
            )
        if not 0 <= self.jitter <= 1:
            raise ConfigError(f"RetryPolicy.jitter is {self.jitter!r}: it is a share, use 0 to 1")

    def retries(self, error: BaseException) -> bool:
        """Tell whether this error is worth another attempt."""
        return not isinstance(error, self.give_up_on) and all(
            isinstance(leaf, self.retry_on) and not isinstance(leaf, self.give_up_on)
            for leaf in leaves(error)
        )

    def delay_s(self, attempt: int, random: float, error: BaseException | None = None) -> float:
        """Return the wait after the given failed attempt, in seconds.

        Args:
            attempt: The attempt that failed, 1 for the first.
            random: A random number in [0, 1).
            error: Its ``retry_after_s``, where it has one, is the shortest wait.
        """
        # The exponent is capped because a float overflows long before max_delay_s matters.
        full = min(self.first_delay_s * self.multiplier ** min(attempt - 1, 64), self.max_delay_s)
        wait = full * (1 - self.jitter * random)
        return wait if error is None else max(wait, wished_s(error))


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield what an exception group holds at any depth; another error is its own only leaf."""
    todo = [error]
    while todo:
        each = todo.pop()
        if isinstance(each, BaseExceptionGroup):
            todo.extend(reversed(each.exceptions))
        else:
            yield each


def wished_s(error: BaseException) -> float:
    """Return the longest ``retry_after_s`` of an error's leaves, in seconds; 0 without one."""
    return max(map(_leaf_wished_s, leaves(error)), default=0.0)


def _leaf_wished_s(error: BaseException) -> float:
    if not isinstance(error, TransientError):
        return 0.0
    # Set by whoever raised it: what is no number of seconds is no wish.
    try:
        wished = error.retry_after_s
        require_number("retry_after_s", wished)
        return wished if wished is not None and math.isfinite(wished) else 0.0
    except Exception:  # noqa: BLE001 - a property of its own, or a number no float can hold
        return 0.0
