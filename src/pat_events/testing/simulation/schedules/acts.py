"""What can happen in a schedule, to the cluster and to each member."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Final

from pat_events.core import headers as h
from pat_events.errors import OffsetOutOfRangeError
from pat_events.testing.simulation.clock import START_S, SeededIds, VirtualClock
from pat_events.testing.simulation.cluster import Broker, LetterSender, Slot
from pat_events.testing.simulation.events import (
    CATALOG,
    DEAD,
    FATES,
    GROUP,
    KINDS,
    LIMITS,
    OUTPUT,
)
from pat_events.testing.simulation.member import Member
from pat_events.testing.simulation.rules.ledger import Ledger
from pat_events.testing.simulation.rules.overseer import Overseer
from pat_events.testing.simulation.rules.place import Place
from pat_events.testing.simulation.schedules.calls import Calls
from pat_events.testing.simulation.schedules.handlers import ROUTES
from pat_events.transports.sending import Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable

    from pat_events.consumer.job import Job
    from pat_events.core.lanes import Order

MEMBERS: Final = 3
_ORDERS: Final[tuple[Order, ...]] = ("key", "key", "partition", "partition", "none")

# Costly to make, so every schedule resets and reuses them: one at a time runs.
_CLOCK: Final = VirtualClock()
_ID_CHANCES: Final = Random()  # noqa: S311 - a schedule, not a secret
_SLOTS: Final = [Slot(_CLOCK, SeededIds(_CLOCK, _ID_CHANCES)) for _ in range(MEMBERS)]


class Crash(Exception):  # noqa: N818 - the end of a process, not an error of one
    """The member is gone in the middle of what it did."""


class Acts(Calls):
    """A cluster, its members, and what can happen to them; a schedule is one."""

    def __init__(self, seed: int) -> None:
        chances = Random(seed)  # noqa: S311 - a schedule, not a secret
        _CLOCK.now = START_S
        _ID_CHANCES.seed(seed)
        self.broker = Broker(_CLOCK)
        for topic in KINDS:
            self.broker.create_topic(topic, chances.randint(1, 3))
        for topic in (OUTPUT, *DEAD):
            self.broker.create_topic(topic, 1)
        self.order = chances.choice(_ORDERS)
        super().__init__(Ledger(self.broker, self.order), _CLOCK, chances)
        self.loses_commits = chances.random() < 0.3
        self.forgets = chances.random() < 0.25
        self.members: dict[int, Member] = {}
        self.frozen: dict[int, float] = {}
        self.events = chances.randint(10, 36)
        self.published = 0
        self.healing = False
        # Jobs whose handler does not return before it is given up.
        self.hanging: set[Job] = set()
        # Whose engine is in the middle of a step, or leaves.
        self.stepping: set[int] = set()

    def act(self, spared: int | None = None) -> None:
        """Let one thing happen, but nothing to a member in the middle of a call."""
        raise NotImplementedError

    def publish(self) -> None:
        """An event with a fate is published."""
        self.published += 1
        topic = self.random.choice(list(KINDS))
        key = f"k{self.random.randrange(5)}"
        fate = self.random.choices(list(FATES), list(FATES.values()))[0]
        kind = self.random.choice(KINDS[topic])
        name = "Unheard" if fate == "broken" and self.random.random() < 0.5 else kind.__name__
        if fate == "strange":
            name = "EmailDeleted"  # known, but nobody here handles it
        field = CATALOG.event(kind.__name__).key
        value = kind(**{field: key + "x" * self.random.choice([0, 0, 100])}).SerializeToString()
        headers: list[tuple[str, bytes | None]] = [
            (h.CE_TYPE, f"{CATALOG.package}.{name}".encode()),
            (h.CE_ID, b"%d" % self.published),
            (h.CE_CORRELATION_ID, b"c%d" % self.published),
            (h.TRACEPARENT, b"00-%032x-%016x-01" % (self.published, self.published)),
        ]
        if fate == "broken":
            value = b"\xff"
        outgoing = Outgoing(topic, key.encode(), value, headers, 1)
        position = (topic, *self.broker.append(outgoing))
        self.ledger.published(position, key.encode(), fate, self.published, len(value))

    def join(self) -> None:
        """A member joins, if there is room."""
        free = [slot for slot in range(MEMBERS) if slot not in self.members]
        if not free:
            return
        self.reset_positions()
        slot = free[0]
        place = Place(
            self.broker,
            self.ledger,
            loses_commits=self.loses_commits,
            loses_commit=self.drops_commit,
        )
        sender = LetterSender(self.broker)
        member = Member(
            self.broker,
            GROUP,
            ROUTES,
            self.clock,
            random=self.random.random,
            producer=_SLOTS[slot].producer,
            order=self.order,
            limits=LIMITS,
            receiver=place,
            sender=sender,
            while_waiting=lambda seconds: self.wait(slot, seconds),
        )
        _SLOTS[slot].wire.connect(sender)
        self.members[slot] = member
        self.places[slot] = place
        self.overseers[slot] = Overseer(member, place, self.clock)

    def reset_positions(self) -> None:
        """An operator sets positions that left the log to its beginning, where nobody reads."""
        group = self.broker.group(GROUP)
        for partition, committed in group.committed.items():
            first = self.broker.first(partition)
            if committed < first and partition not in group.owners:
                group.committed[partition] = first

    def drops_commit(self) -> bool:
        """Tell whether a commit is lost on its way."""
        drops = self.loses_commits and not self.healing and self.random.random() < 0.3
        self.seen["dropped commit"] += drops
        return drops

    def wait(self, slot: int, seconds: float) -> None:
        """A member waits for results: its workers go on, or it ends here."""
        chance = self.random.random()
        began = self.clock.now
        if self.places[slot].moving:
            self.overseers[slot].while_draining()
        if not any(slot == at_work for at_work, _ in self.at_work):
            if chance < 0.02:
                raise Crash
            if chance < 0.06 and not self.healing:
                self.act(spared=slot)
        self.clock.advance(self.random.random() * seconds)
        if chance > 0.7:
            _SLOTS[slot].wire.arrive()
        self.job(slot)
        self.places[slot].overtime_s += max(0.0, self.clock.now - began - seconds)

    def job(self, slot: int) -> None:
        """A worker of a member goes on with one of its jobs."""
        workers = self.members[slot].workers
        late = self.random.random() < 0.02
        running = [
            job
            for job in workers.running
            if (not job.abandoned or (late and not _is_function_of_batch(job)))
            and (slot, job) not in self.at_work
            and (job.abandoned or job not in self.hanging)
        ]
        if workers.ready and (not running or self.random.random() < 0.5):
            self.start(slot, self.random.choice(workers.ready))
        elif running:
            job = self.random.choice(running)
            if job in workers.paused and self.random.random() < 0.02:
                self.call(slot, job, workers.cancel)
                return
            abandoned = job.abandoned
            self.call(slot, job, workers.advance)
            if abandoned and job not in workers.running:
                # It ended just as it was given up: its result comes all the same.
                self.members[slot].inbox.put(job)

    def start(self, slot: int, job: Job) -> None:
        """A worker begins a job, and may never end it."""
        self.members[slot].workers.start(job)
        if self.random.random() < 0.03:
            self.hanging.add(job)
        self.overseers[slot].started(job)

    def call(self, slot: int, job: Job, what: Callable[[Job], None]) -> None:
        """Have handlers called, and know by whom."""
        self.at_work.append((slot, job))
        try:
            what(job)
        finally:
            self.at_work.pop()

    def step(self, slot: int) -> None:
        """A member steps, and the rules are checked."""
        began = self.clock.now
        self.stepping.add(slot)
        try:
            self.members[slot].step()
        except Crash:
            self.crash(slot)
        except OffsetOutOfRangeError:
            self.seen["out of range"] += 1
            if not self.at_work:
                self.leave(slot)
        else:
            self.overseers[slot].after_step(began)
            self.seen["too far ahead"] += bool(self.places[slot].far)
        finally:
            self.stepping.discard(slot)

    def crash(self, slot: int) -> None:
        """Gone without a word: what it had not sent is lost, its session expires later."""
        self.members.pop(slot).sender._waiting.clear()
        _SLOTS[slot].wire.connect(None)

    def leave(self, slot: int) -> None:
        """A member stops, and leaves the group."""
        self.seen["left"] += 1
        self.places[slot].leaving = True
        self.stepping.add(slot)
        with suppress(Crash):
            self.members[slot].engine.close()
        self.stepping.discard(slot)
        self.crash(slot)

    def forget(self) -> None:
        """Retention deletes what a partition begins with."""
        topic = self.random.choice(list(KINDS))
        number = self.random.randrange(self.broker.partition_counts()[topic])
        first = self.broker.first((topic, number))
        before = self.random.randint(first, self.broker.end((topic, number)))
        for offset in range(first, before):
            self.ledger.forget((topic, number, offset))
        self.broker.delete_records(topic, number, before)


def _is_function_of_batch(job: Job) -> bool:
    """Tell whether this is never called late: a thread calls a batch as soon as it has it."""
    registration = job.registration
    return bool(registration.batch_size) and not registration.is_async


def let_all_arrive(slot: int) -> None:
    """What is on its way from a member arrives."""
    _SLOTS[slot].wire.arrive()


def slow_down_or_arrive(slot: int) -> None:
    """What a member publishes is on its way for a while, or arrives."""
    wire = _SLOTS[slot].wire
    if wire.slow:
        wire.arrive()
    else:
        wire.slow = True
