"""The sending side of every bus of AWS: one thread decides, a few wait for answers."""

from __future__ import annotations

import logging
import random as random_numbers
import sys
import threading
from collections import deque
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Final

from pat_events.errors import ClosedError, TransportError
from pat_events.system.clock import CLOCK
from pat_events.telemetry.observer import Origin
from pat_events.transports import buffer_errors
from pat_events.transports.aws.batching import Batching, Limits
from pat_events.transports.aws.callers import Callers
from pat_events.transports.aws.expiry import Expiry
from pat_events.transports.aws.ledger import Ledger
from pat_events.transports.aws.outcomes import Outcomes
from pat_events.transports.aws.settling import Settling
from pat_events.transports.aws.signal_safe_condition import SignalSafeCondition
from pat_events.transports.process_end import FORKED, watch
from pat_events.transports.sender_levels import LOOK_S, SenderLevels

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from pat_events.config import Config
    from pat_events.core.clock import Clock
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.telemetry.spans import SenderSpans
    from pat_events.transports.aws.batching import Entry
    from pat_events.transports.aws.bus import Bus
    from pat_events.transports.aws.callers import Answers
    from pat_events.transports.aws.config import AwsConfig
    from pat_events.transports.sending import Outgoing

_log = logging.getLogger("pat_events.aws")

# Longest that closing waits for threads that have nothing more to do, in seconds.
_JOIN_S: Final = 1.0
_IDLE_S: Final = 60.0
_CLOSED: Final = "the producer was closed: make a new one"


class BusSender:
    """Keeps every record until it is acknowledged, refused or its time is over.

    ``send`` wraps the record and leaves it in the inbox. The *owner*, a thread, does the rest: it
    decides what goes when, and settles. It hands calls to a few threads, which hand the answers
    back. So no lock is held where a record is settled, and publishers share one that a signal's
    handler may take again.

    Args:
        bus: Where to send.
        config: How much is taken, and when it is given up.
        aws: How calls are made up.
        observers: Are told what becomes of records.
        spans: Those that are made of what it sends: boto3's calls make none beside them.
        clock: What time it is.
        random: Returns a number in [0, 1).
    """

    def __init__(
        self,
        bus: Bus,
        config: Config,
        aws: AwsConfig,
        *,
        observers: Iterable[GivenObserver] = (),
        spans: SenderSpans | None = None,
        clock: Clock = CLOCK,
        random: Callable[[], float] = random_numbers.random,
    ) -> None:
        self._bus, self._config = bus, config
        self._linger_s, self._batch_events = aws.linger_s, aws.batch_events
        self._monotonic, self._random = clock.monotonic, random
        self._outcomes = Outcomes(observers, Origin(bus.system))
        self._batching = Batching(_limits(bus, aws))
        self._ledger = Ledger(config.buffer_events, config.buffer_bytes)
        self._expiry = Expiry(self._ledger, config.delivery_timeout_s)
        self._levels = SenderLevels(self._outcomes.observers, config, self._ledger.level)
        self._changed = SignalSafeCondition()
        self._settling = Settling(self._ledger, self._outcomes, self._changed)
        # Why nothing is taken any more.
        self._refusal: str | None = None
        self._ended = False
        self._lock = threading.RLock()
        self._inbox: deque[Entry] = deque()
        self._answers: deque[tuple[list[Entry], Answers]] = deque()
        # Another object with each call: a flag that is taken down just then would be lost.
        self._expedite = self._expedited = object()
        self._is_late = False
        # How many in the inbox make it worthwhile to wake the owner.
        self._wake_at = sys.maxsize
        # A bare lock and not an Event: to release it is one step, so that the handler of a signal
        # may wake while its thread is waking. Free: somebody did since the last wait.
        self._asleep = threading.Lock()
        self._asleep.acquire()
        # Threads in which callbacks run: the owner, and who closes.
        self._callback_threads: set[int] = set()
        around = nullcontext if spans is None else spans.alone
        self._callers = Callers(bus, aws.calls_in_flight, self._answered, around)
        self._owner = threading.Thread(target=self._run, name="pat-events-aws", daemon=True)
        self._callers.start()
        self._owner.start()
        watch(self, _log)

    def send(self, outgoing: Outgoing) -> None:
        """Take one record; see ``Sender.send``."""
        # Before it is wrapped, which costs more than all the rest and may be in vain.
        self._require_room(len(outgoing.value or b""), outgoing.topic)
        entry = self._bus.wrap(outgoing)
        with self._lock:
            self._require_room(entry.size, outgoing.topic)
            entry.taken_at = self._monotonic()
            outgoing.topic = entry.name
            try:
                self._ledger.add(entry)
                self._inbox.append(entry)
            except BaseException:  # The handler of a signal has raised it: who published is told.
                self._ledger.remove(outgoing)
                raise
        if len(self._inbox) >= self._wake_at:
            self._wake()

    def _require_room(self, size: int, topic: str) -> None:
        if self._refusal is not None:
            raise ClosedError(self._refusal)
        config = self._config
        if self._ledger.has_room(size):
            return
        if size > config.buffer_bytes:
            raise buffer_errors.larger_than_the_buffer(size, topic, config.buffer_bytes)
        state = f"{self._bus.address}; {self._outcomes.why()}"
        raise buffer_errors.full(config.buffer_events, config.buffer_bytes, state)

    def wait_for_room(self, timeout_s: float) -> None:
        """Wait until a record is settled; see ``Sender.wait_for_room``."""
        seen = self._changed.round
        # A buffer may be full of less than a call.
        self.expedite()
        if self.may_wait() and self._ledger.outstanding:
            self._changed.wait(seen, timeout_s)

    def may_wait(self) -> bool:
        """Tell whether this thread is outside of callbacks; see ``Sender.may_wait``."""
        return threading.get_ident() not in self._callback_threads

    def expedite(self) -> None:
        """Send what was taken until now without waiting for company."""
        self._refuse_after_fork()
        self._expedite = object()
        self._wake()

    def flush(self, timeout_s: float) -> list[Outgoing]:
        """Wait until every record is settled; see ``Sender.flush``."""
        self._refuse_after_fork()
        deadline = self._monotonic() + timeout_s
        outstanding = self._ledger.outstanding
        # What others publish meanwhile is not waited for, or the wait might never end.
        waiting = list(outstanding)
        while waiting and self.may_wait() and (left := deadline - self._monotonic()) > 0:
            seen = self._changed.round
            # The last alone: to look at all of 100,000 with each call would cost seconds.
            while waiting and waiting[-1] not in outstanding:
                waiting.pop()
            if waiting:
                self.expedite()
                self._changed.wait(seen, left)
        return [outgoing for outgoing in waiting if outgoing in outstanding]

    def close(self, timeout_s: float) -> list[Outgoing]:
        """Refuse further records, flush, then stop; see ``Sender.close``."""
        if self._refusal is FORKED:
            return []  # It is the parent's to close, and a lock may be held by no thread of here.
        # Looked at and not the refusal: what a signal has interrupted is taken up again.
        if self._ended and not self._ledger.outstanding:
            return []
        # First, so that what was taken is among what is waited for.
        with self._lock:
            self._refusal = self._refusal or _CLOSED
        self.flush(timeout_s)
        self._ended = True
        error = TransportError(f"not acknowledged before close; {self._outcomes.why()}")
        is_outside = self.may_wait()
        self._callback_threads.add(threading.get_ident())
        try:
            given_up = self._settling.give_up(
                [(it, error) for it in list(self._ledger.outstanding)]
            )
        finally:
            if is_outside:
                self._callback_threads.discard(threading.get_ident())
        self._levels.end()
        self._wake()
        join_s = _JOIN_S if is_outside and not given_up else 0.0
        self._callers.end(join_s)
        if is_outside:
            self._owner.join(join_s)
        self._bus.close()
        return given_up

    @property
    def outstanding(self) -> Collection[Outgoing]:
        """The records that are not settled: always the same container, false while it is empty."""
        return self._ledger.outstanding

    @property
    def ended(self) -> bool:
        """Whether nothing is sent any more."""
        return self._ended

    def abandon_after_fork(self) -> None:
        """Refuse further use in a child process, which has none of the threads."""
        self._refusal = FORKED
        self._ended = True

    def _refuse_after_fork(self) -> None:
        if self._refusal is FORKED:
            raise ClosedError(FORKED)

    def _answered(self, call: list[Entry], answers: Answers) -> None:
        self._answers.append((call, answers))
        self._wake()

    def _wake(self) -> None:
        # RuntimeError: somebody did already.
        with suppress(RuntimeError):
            self._asleep.release()

    def _run(self) -> None:
        self._callback_threads.add(threading.get_ident())
        while not self._ended:
            try:
                self._turn()
            except BaseException as error:  # noqa: BLE001 - whatever it is
                # Without this thread nothing would be sent any more.
                self._outcomes.failed(error, self._monotonic())

    def _turn(self) -> None:
        """Take in what came, settle, make calls; then wait for more."""
        now = self._monotonic()
        asked = self._expedite
        expedite = self._is_late or asked is not self._expedited
        self._expedited = asked
        while self._inbox:
            self._batching.add(self._inbox.popleft())
        while self._answers:
            self._take_answers(*self._answers.popleft(), now)
        self._give_up_overdue(now)
        self._levels.tell(now)
        while call := self._batching.next_call(now, expedite=expedite):
            self._callers.make(call)
        # What found no free call goes in the next, without waiting for company.
        self._is_late = expedite and self._batching.is_busy
        self._sleep(self._monotonic())

    def _sleep(self, now: float) -> None:
        due = self._batching.due()
        if self._batching.is_busy:
            self._wake_at = sys.maxsize
        elif due is not None and due - now <= self._linger_s:
            self._wake_at = self._batch_events
        else:
            self._wake_at = 1
        until = now + (LOOK_S if self._levels.wanted else _IDLE_S) if due is None else due
        overdue_at = self._expiry.due()
        if overdue_at is not None:
            until = min(until, overdue_at)
        # Looked at after it was said what is worth waking for.
        if len(self._inbox) < self._wake_at and not self._ended:
            self._asleep.acquire(timeout=max(0.0, until - now))
        self._wake_at = sys.maxsize

    def _take_answers(self, call: list[Entry], answers: Answers, now: float) -> None:
        self._outcomes.answered(call, answers, now)
        settlements = self._batching.done(call, answers, now, self._random())
        self._settling.settle(settlements)
        self._outcomes.ended(settlements, now)

    def _give_up_overdue(self, now: float) -> None:
        overdue = self._expiry.overdue(now)
        if overdue:
            self._settling.give_up(self._expiry.failures(overdue, self._outcomes.why()))
            self._batching.forget(overdue)


def _limits(bus: Bus, aws: AwsConfig) -> Limits:
    return Limits(
        entries=aws.batch_events,
        size=bus.max_bytes,
        calls=aws.calls_in_flight,
        linger_s=aws.linger_s,
        retry_first_s=aws.retry_first_s,
        retry_max_s=aws.retry_max_s,
    )
