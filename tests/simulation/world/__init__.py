"""One schedule: members on a broker, events with fates, and a seed that decides everything."""

from __future__ import annotations

import random
from contextlib import suppress

from pat_events.consumer.log.limits import Limits
from pat_events.core import headers as h
from pat_events.errors import OffsetOutOfRangeError
from pat_events.testing.simulation import Member, VirtualClock
from pat_events.transports.sending import Outgoing

from . import handlers
from .calls import Calls
from .cluster import BUFFER_EVENTS, Broker, Slot, limit_letters
from .handlers import CATALOG, KINDS, OUTPUT, ROUTES
from .ledger import Ledger
from .overseer import Overseer
from .place import Place

GROUP = "group"
DEAD = [CATALOG.dead_letter_topic(topic, GROUP) for topic in KINDS]
TYPE = f"{CATALOG.package}."
SESSION_S = 10.0
MEMBERS = 3
LIMITS = Limits(
    max_in_flight=12,
    max_in_flight_bytes=600,
    max_uncommitted=8,
    drain_timeout_s=3.0,
    commit_interval_s=0.3,
)
FATES = {
    "fine": 6,
    "publishes": 3,
    "fails": 3,
    "asks": 1,
    "hopeless": 2,
    "held": 1,
    "broken": 1,
    "strange": 1,
}


_slots = [Slot() for _ in range(MEMBERS)]


class Crash(Exception):  # noqa: N818 - the end of a process, not an error of one
    """The member is gone in the middle of what it did."""


class World(Calls):
    """Runs one schedule and checks the rules at every step of it."""

    def __init__(self, seed: int) -> None:
        handlers.world = self
        chances = random.Random(seed)  # noqa: S311 - a schedule, not a secret
        clock = VirtualClock()
        self.broker = Broker(clock=clock, session_timeout_s=SESSION_S, buffer_events=BUFFER_EVENTS)
        for topic in KINDS:
            self.broker.create_topic(topic, chances.randint(1, 3))
        for topic in (OUTPUT, *DEAD):
            self.broker.create_topic(topic, 1)
        self.order = chances.choice(["key", "key", "partition", "partition", "none"])
        super().__init__(Ledger(self.broker, GROUP, self.order, DEAD), clock, chances)
        self.loses_commits = chances.random() < 0.3
        self.forgets = chances.random() < 0.25
        self.members: dict[int, Member] = {}
        self.frozen: dict[int, float] = {}
        self.events = chances.randint(10, 36)
        self.published = 0
        self.healing = False
        # Works whose handler does not return before it is given up.
        self.hanging = set()
        # Whose engine is in the middle of a step, or leaves.
        self.stepping: set[int] = set()

    def meanwhile(self):
        """Other things happen while a function is at work."""
        slot = self.at_work[-1][0]
        if len(self.at_work) > 1 or self.healing or self.random.random() > 0.15:
            return
        for _ in range(self.random.randint(1, 3)):
            self.clock.advance(self.random.choice([0.1, 0.5, 3.0]))
            if slot not in self.stepping and self.random.random() < 0.6:
                self.seen["step within a call"] += 1
                self.step(slot)
            else:
                self.act(spared=slot)
            self.ledger.check_commits()

    def publish(self):
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
        headers = [
            (h.CE_TYPE, (TYPE + name).encode()),
            (h.CE_ID, b"%d" % self.published),
            (h.CE_CORRELATION_ID, b"c%d" % self.published),
            (h.TRACEPARENT, b"00-%032x-%016x-01" % (self.published, self.published)),
        ]
        if fate == "broken":
            value = b"\xff"
        outgoing = Outgoing(topic, key.encode(), value, headers, 1)
        position = (topic, *self.broker.append(outgoing))
        self.ledger.published(position, key.encode(), fate, self.published, len(value))

    def join(self):
        free = [slot for slot in range(MEMBERS) if slot not in self.members]
        if not free:
            return
        self.reset_positions()
        slot = free[0]
        place = Place(self.broker, GROUP, self.ledger, LIMITS, self.drops_commit)
        place.loses_commits = self.loses_commits
        member = Member(
            self.broker,
            GROUP,
            ROUTES,
            self.clock,
            random=self.random.random,
            producer=_slots[slot].producer,
            order=self.order,
            limits=LIMITS,
            receiver=place,
            while_waiting=lambda seconds: self.wait(slot, seconds),
        )
        limit_letters(member.sender)
        _slots[slot].wire.connect(member.sender)
        self.members[slot] = member
        self.places[slot] = place
        self.overseers[slot] = Overseer(member, place, self.clock, LIMITS)

    def reset_positions(self):
        """An operator sets positions that left the log to its beginning, where nobody reads."""
        group = self.broker.group(GROUP)
        for partition, committed in group.committed.items():
            first = self.broker._topics[partition[0]][partition[1]].first
            if committed < first and partition not in group.owners:
                group.committed[partition] = first

    def drops_commit(self):
        drops = self.loses_commits and not self.healing and self.random.random() < 0.3
        self.seen["dropped commit"] += drops
        return drops

    def wait(self, slot, seconds):
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
            _slots[slot].wire.arrive()
        self.job(slot)
        self.places[slot].overtime_s += max(0.0, self.clock.now - began - seconds)

    def job(self, slot):
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

    def start(self, slot, job):
        self.members[slot].workers.start(job)
        if self.random.random() < 0.03:
            self.hanging.add(job)
        self.overseers[slot].started(job)

    def call(self, slot, job, what):
        self.at_work.append((slot, job))
        try:
            what(job)
        finally:
            self.at_work.pop()

    def step(self, slot):
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

    def crash(self, slot):
        """Gone without a word: what it had not sent is lost, its session expires later."""
        self.members.pop(slot).sender._waiting.clear()
        _slots[slot].wire.connect(None)

    def leave(self, slot):
        self.seen["left"] += 1
        self.places[slot].leaving = True
        self.stepping.add(slot)
        with suppress(Crash):
            self.members[slot].engine.close()
        self.stepping.discard(slot)
        self.crash(slot)

    def forget(self):
        """Retention deletes what a partition begins with."""
        topic = self.random.choice(list(KINDS))
        number = self.random.randrange(len(self.broker._topics[topic]))
        log = self.broker._topics[topic][number]
        before = self.random.randint(log.first, log.end)
        for offset in range(log.first, before):
            self.ledger.forget((topic, number, offset))
        self.broker.delete_records(topic, number, before)

    def act(self, spared=None):
        """Let one thing happen, but nothing to a member in the middle of a call."""
        awake = [
            s
            for s in self.members
            if self.frozen.get(s, 0) <= self.clock.now
            and s != spared
            and s not in self.stepping
            and not any(s == at_work for at_work, _ in self.at_work)
        ]
        chance = self.random.random()
        if chance < 0.11 and self.published < self.events:
            self.publish()
        elif chance < 0.22:
            self.clock.advance(self.random.choice([0.05, 0.3, 1.0, 2.5]))
        elif chance < 0.24:
            self.join()
        elif chance < 0.255:
            self.broker.set_down(down=not self.broker.down)
        elif chance < 0.275:
            self.broker.unwritable ^= {self.random.choice([*DEAD, OUTPUT])}
        elif chance < 0.285 and self.forgets:
            self.forget()
        elif chance < 0.31 and awake:
            self.slow_down_or_arrive(self.random.choice(awake))
        elif awake:
            self.act_on(self.random.choice(awake))

    def slow_down_or_arrive(self, slot):
        wire = _slots[slot].wire
        if wire.slow:
            wire.arrive()
        else:
            wire.slow = True

    def act_on(self, slot):
        chance = self.random.random()
        if chance < 0.01:
            self.crash(slot)
        elif chance < 0.02:
            self.leave(slot)
        elif chance < 0.027:
            self.frozen[slot] = self.clock.now + self.random.choice([1, 2]) * SESSION_S
        elif chance < 0.44:
            self.step(slot)
        else:
            self.job(slot)

    def run(self, actions: int = 220) -> None:
        """Run the schedule, let everything heal, and check what is left."""
        self.join()
        for _ in range(actions):
            self.act()
            self.ledger.check_commits()
        self.healing = True
        self.broker.set_down(down=False)
        self.broker.unwritable.clear()
        self.frozen.clear()
        while self.published < self.events:
            self.publish()
        self.join()
        turns_left = 200
        while turns_left > 0:
            # When all is done, time goes on until whoever lost a partition has seen it.
            turns_left = min(turns_left - 1, 12) if self.ledger.calm() else turns_left - 1
            self.clock.advance(1.0)
            for slot in list(self.members):
                _slots[slot].wire.arrive()
                self.step(slot)
                if slot in self.members:
                    self.run_all(slot)
                self.ledger.check_commits()
            self.join()
        self.ledger.check_end()
        for member in self.members.values():
            if member.stats.in_flight:
                self.trouble.append(f"left in flight: {member.stats}")

    def run_all(self, slot):
        workers = self.members[slot].workers
        for job in list(workers.ready):
            self.start(slot, job)
            self.call(slot, job, workers.finish)


def _is_function_of_batch(job):
    """Tell whether this is never called late: a thread calls a batch as soon as it has it."""
    registration = job.registration
    return registration.batch_size and not registration.is_async
