"""What goes into the next call, and what its answer means: decisions, without threads or time.

An entry is *ready*, *in flight*, *asleep* until it is tried again, or behind another of its group.
Of a group, which is what a FIFO bus keeps in order, one entry is on its way at a time: of two in
one call the bus may refuse the first and take the second, and no later try mends that.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from pat_events.core.recovery.pause import Pause
from pat_events.core.recovery.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pat_events.errors import PatEventsError
    from pat_events.transports.sending import Outgoing

_MULTIPLIER: Final = 2.0


@dataclass(slots=True, eq=False)
class Entry:
    """A record as a bus takes it.

    Attributes:
        outgoing: The record.
        destination: Queue, topic or bus that it goes to, as calls name it.
        name: The same, as its handle tells it.
        fields: What the call says of it, besides an id within the call.
        size: Bytes that count towards the limits of the bus.
        group: What it keeps its order in; None where the bus keeps none.
        taken_at: When it was taken, in monotonic seconds.
        called_at: When the call was made that it was the first of, likewise.
        attempts: How often it was refused for a while.
        alone: It was part of a call that was refused as a whole, and may be why.
        over: Nobody waits for it any more: it was settled.
    """

    outgoing: Outgoing
    destination: str
    name: str
    fields: Mapping[str, Any]
    size: int
    group: str | None = None
    taken_at: float = 0.0
    called_at: float = 0.0
    attempts: int = 0
    alone: bool = False
    over: bool = False


class Taken(NamedTuple):
    """The bus has the entry, under this id."""

    place: str


class Refused(NamedTuple):
    """The bus does not have the entry, or a call has failed.

    Attributes:
        error: Why.
        again: Trying again may help. It is also so where no answer came: the bus may have it.
        may_be_one: Of a call: one of its entries may be the reason.
        throttled: There were too many.
    """

    error: PatEventsError
    again: bool = False
    may_be_one: bool = False
    throttled: bool = False


Answer: TypeAlias = Taken | Refused
Settlement: TypeAlias = tuple[Entry, Answer]


class Limits(NamedTuple):
    """How calls are made up.

    Attributes:
        entries: Most entries in one.
        size: Most bytes in one.
        calls: Most calls at a time.
        linger_s: How long an entry waits for company, in seconds.
        retry_first_s: First wait before another try, in seconds.
        retry_max_s: Longest wait.
    """

    entries: int
    size: int
    calls: int
    linger_s: float
    retry_first_s: float
    retry_max_s: float


@dataclass(slots=True)
class _Destination:
    ready: deque[Entry]
    size: int = 0
    # Of calls that failed as a whole.
    pause: Pause = field(default_factory=Pause)


class Batching:
    """What waits to be sent. One thread makes all calls; times are monotonic seconds."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._backoff = RetryPolicy(
            first_delay_s=limits.retry_first_s,
            max_delay_s=limits.retry_max_s,
            multiplier=_MULTIPLIER,
        )
        self._destinations: dict[str, _Destination] = {}
        # What is behind the entry of a group that is on its way.
        self._behind: dict[tuple[str, str], deque[Entry]] = {}
        self._asleep: list[tuple[float, int, Entry]] = []
        self._numbers = count()
        self._calls = 0

    @property
    def is_busy(self) -> bool:
        """Whether no other call may be made before one is answered."""
        return self._calls >= self._limits.calls

    def add(self, entry: Entry) -> None:
        """Take an entry."""
        if entry.group is not None:
            lane = (entry.destination, entry.group)
            behind = self._behind.get(lane)
            if behind is not None:
                behind.append(entry)
                return
            self._behind[lane] = deque()
        self._make_ready(entry)

    def next_call(self, now: float, *, expedite: bool = False) -> list[Entry]:
        """Return the entries of a call to be made now; empty where there is none.

        Args:
            now: What time it is.
            expedite: Somebody waits: company is not waited for.
        """
        while self._asleep and self._asleep[0][0] <= now:
            self._make_ready(heapq.heappop(self._asleep)[2])
        if self.is_busy:
            return []
        for name, destination in self._destinations.items():
            if self._is_due(destination, now, expedite=expedite):
                # To the end, so that each has its turn.
                self._destinations[name] = self._destinations.pop(name)
                self._calls += 1
                call = self._pack(destination)
                call[0].called_at = now
                return call
        return []

    def due(self) -> float | None:
        """Return when ``next_call`` may have one, unless something comes first; None for never."""
        times = [self._asleep[0][0]] if self._asleep else []
        if not self.is_busy:
            times += [
                max(it.pause.until, self._full_at(it))
                for it in self._destinations.values()
                if self._drop_over(it)
            ]
        return min(times, default=None)

    def done(
        self, call: Sequence[Entry], answers: Refused | Sequence[Answer], now: float, random: float
    ) -> list[Settlement]:
        """Take in the answer to a call; returns what it settles. The rest is tried again.

        Args:
            call: What ``next_call`` returned.
            answers: One for each entry, or one for the call that failed.
            now: What time it is.
            random: A random number in [0, 1).
        """
        self._calls -= 1
        destination = self._destinations[call[0].destination]
        if isinstance(answers, Refused):
            return self._failed(destination, call, answers, now, random)
        destination.pause.answered()
        settled: list[Settlement] = []
        for entry, answer in zip(call, answers, strict=True):
            if isinstance(answer, Refused) and answer.again and not entry.over:
                entry.attempts += 1
                # The same random number for all, so that they share a call again.
                wait_s = self._backoff.delay_s(entry.attempts, random)
                heapq.heappush(self._asleep, (now + wait_s, next(self._numbers), entry))
            else:
                settled.append((entry, answer))
                self._let_next(entry)
        return settled

    def forget(self, entries: Iterable[Entry]) -> None:
        """Let go of what nobody waits for any more, and of what else is over before it.

        ``next_call`` passes it over as well, but there may be none for long: every call may hang.
        """
        for entry in entries:
            behind = self._behind.get((entry.destination, entry.group or ""))
            while behind and behind[0].over:
                behind.popleft()
            destination = self._destinations.get(entry.destination)
            if destination is not None:
                self._drop_over(destination)

    def _failed(
        self,
        destination: _Destination,
        call: Sequence[Entry],
        refused: Refused,
        now: float,
        random: float,
    ) -> list[Settlement]:
        one_of_many = refused.may_be_one and len(call) > 1
        if refused.again:
            destination.pause.failed(
                call[0].called_at, now, lambda times: self._backoff.delay_s(times, random)
            )
        elif not one_of_many:
            for entry in call:
                self._let_next(entry)
            return [(entry, refused) for entry in call]
        for entry in reversed(call):
            entry.attempts += 1
            entry.alone = entry.alone or (one_of_many and not refused.again)
            destination.ready.appendleft(entry)
            destination.size += entry.size
        return []

    def _let_next(self, entry: Entry) -> None:
        """Make the next of its group ready: this one is settled."""
        if entry.group is None:
            return
        lane = (entry.destination, entry.group)
        behind = self._behind[lane]
        if behind:
            self._make_ready(behind.popleft())
        else:
            del self._behind[lane]

    def _make_ready(self, entry: Entry) -> None:
        destination = self._destinations.get(entry.destination)
        if destination is None:
            destination = self._destinations[entry.destination] = _Destination(deque())
        destination.ready.append(entry)
        destination.size += entry.size

    def _is_due(self, destination: _Destination, now: float, *, expedite: bool) -> bool:
        return (
            self._drop_over(destination)
            and destination.pause.until <= now
            and (expedite or self._full_at(destination) <= now)
        )

    def _full_at(self, destination: _Destination) -> float:
        """Return when what is ready makes a call, if nothing joins it."""
        first = destination.ready[0]
        limits = self._limits
        is_full = len(destination.ready) >= limits.entries or destination.size >= limits.size
        return 0.0 if is_full or first.attempts else first.taken_at + limits.linger_s

    def _drop_over(self, destination: _Destination) -> bool:
        """Forget the first ones that nobody waits for; tells whether any other is ready."""
        while destination.ready and destination.ready[0].over:
            self._let_next(self._pop(destination))
        return bool(destination.ready)

    def _pop(self, destination: _Destination) -> Entry:
        entry = destination.ready.popleft()
        destination.size -= entry.size
        return entry

    def _pack(self, destination: _Destination) -> list[Entry]:
        call = [self._pop(destination)]
        size = call[0].size
        while not call[0].alone and len(call) < self._limits.entries:
            if not self._drop_over(destination) or destination.ready[0].alone:
                break
            size += destination.ready[0].size
            if size > self._limits.size:
                break
            call.append(self._pop(destination))
        return call
