"""Seeded schedules of groups that dedupe: events that come twice, a store that goes away, crashes.

``PAT_EVENTS_SIMULATION_SCHEDULES`` sets how many, ``PAT_EVENTS_SIMULATION_SEED`` where they begin.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from pat_events import Config, Dedupe, Handlers, MemoryDedupe, PermanentError, RetryPolicy
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.consumer.dedupe import claims
from pat_events.consumer.dedupe.keys import Keys
from pat_events.consumer.log.limits import Limits
from pat_events.consumer.routes import Routes
from pat_events.events import EmailReceived
from pat_events.testing.simulation import Member, VirtualClock, pause
from pat_events.transports.memory import MemoryBroker, MemorySender
from pat_events.transports.sending import Outgoing
from tests.support.seeds import in_chunks, run_each, wanted

SCHEDULES = wanted(300)
GROUP = "email-processor"
TOPIC = "pat-emails"
CATALOG = load_catalog()
TYPES = EventTypes(CATALOG)
DEAD = CATALOG.dead_letter_topic(TOPIC, GROUP)
EVENTS = 30
CLAIM_S = 20.0
POLICY = RetryPolicy(attempts=2, first_delay_s=0.3, max_delay_s=1)
LIMITS = Limits(
    max_in_flight=12,
    max_in_flight_bytes=100_000,
    max_uncommitted=30,
    drain_timeout_s=3,
    commit_interval_s=0.3,
)
KEY_OF = Keys(GROUP).of


class Store(MemoryDedupe):
    """What goes away now and then, and may do what it is asked without saying so."""

    def __init__(self, clock, random):
        super().__init__(clock=clock.monotonic)
        self.is_down = False
        self._random = random

    def _fail(self):
        if self.is_down:
            raise ConnectionError("down")

    def claim_many(self, *asked):
        if not self.is_down or self._random.random() < 0.3:
            answers = super().claim_many(*asked)
        self._fail()
        return answers

    def complete_many(self, *asked):
        if not self.is_down or self._random.random() < 0.3:
            super().complete_many(*asked)
        self._fail()

    def release_many(self, *asked):
        if not self.is_down or self._random.random() < 0.3:
            super().release_many(*asked)
        self._fail()


class Schedule:
    """A group, its store of claims, and what happens to them; a seed decides."""

    def __init__(self, seed):
        self.random = random = Random(seed)  # noqa: S311 - a schedule, not a secret
        self.clock = VirtualClock()
        self.broker = MemoryBroker(clock=self.clock, session_timeout_s=10)
        self.broker.create_topic(TOPIC, random.randint(1, 3))
        self.broker.create_topic(DEAD, 1)
        self.order = random.choice(["key", "key", "partition", "none"])
        self.store = Store(self.clock, random)
        self.dedupe = Dedupe(self.store, ttl_s=10_000, claim_s=CLAIM_S)
        self.members = []
        self.trouble = []
        self.seen = Counter()
        #: By id: its record, whether it is to fail, who is at work on it, and what it did.
        self.records = {}
        self.hopeless = set()
        self.at_work = {}
        self.effects = {}
        #: By lane the ids in the order in which they were sent first.
        self.sent = {}
        self.dead = set()
        self.replayed = Counter()
        handlers = Handlers()
        if random.random() < 0.3:
            handlers.batch(EmailReceived, max_events=4, retry=POLICY)(self.handle_batch)
        else:
            handlers.add(EmailReceived, self.handle, retry=POLICY)
        self.routes = Routes(handlers, TYPES, 1_000_000)

    async def handle(self, event, ctx):
        member = self.running
        self.begin(ctx, member)
        try:
            await pause()
            if ctx.event_id in self.hopeless:
                raise PermanentError("hopeless")
            self.done(ctx, member)
            await pause()
        finally:
            self.at_work.pop(ctx.event_id, None)

    async def handle_batch(self, pairs):
        member = self.running
        for _, ctx in pairs:
            self.begin(ctx, member)
        try:
            await pause()
            for _, ctx in pairs:
                if ctx.event_id in self.hopeless:
                    ctx.fail(PermanentError("hopeless"))
                else:
                    self.done(ctx, member, {it.event_id for _, it in pairs})
        finally:
            for _, ctx in pairs:
                self.at_work.pop(ctx.event_id, None)

    def begin(self, ctx, member):
        name = ctx.event_id
        other = self.at_work.get(name)
        if other is not None:
            self.trouble.append(f"{name} is handled twice at a time")
        self.at_work[name] = member
        if self.is_completed(name):
            self.trouble.append(f"{name} is handled, and was completed")

    def done(self, ctx, member, called_with=()):
        name = ctx.event_id
        if name in self.effects:
            self.seen["twice, after a crash"] += 1
            if self.effects[name] in self.members:
                self.trouble.append(f"{name} is handled twice, and nobody died")
        else:
            lane = self.sent[self.lane_of(self.records[name])]
            before = [it for it in lane[: lane.index(name)] if it not in called_with]
            if passed := [it for it in before if not self.is_settled(it)]:
                self.trouble.append(f"{name} before {passed} of its lane")
        self.effects[name] = member

    def is_completed(self, name):
        return KEY_OF(self.records[name]) in self.store._completed

    def is_settled(self, name):
        return name in self.effects or name in self.dead

    def lane_of(self, record):
        place = record.topic, record.partition
        key = ctx_id(record) if self.order == "none" else record.key if self.order == "key" else b""
        return (*place, key)

    def send(self):
        name = f"e{len(self.records)}"
        key = f"k{self.random.randrange(5)}".encode()
        headers = [
            ("ce_type", f"{CATALOG.package}.EmailReceived".encode()),
            ("ce_id", name.encode()),
            ("ce_source", b"s"),
        ]
        value = EmailReceived(email_id=key.decode()).SerializeToString()
        partition, offset = self.broker.append(Outgoing(TOPIC, key, value, headers, 1))
        self.records[name] = record = self.broker.read((TOPIC, partition), offset, 1)[0]
        self.sent.setdefault(self.lane_of(record), []).append(name)
        if self.random.random() < 0.15:
            self.hopeless.add(name)

    def send_again(self):
        record = self.records[self.random.choice(list(self.records))]
        self.seen["again"] += 1
        self.broker.append(Outgoing(TOPIC, record.key, record.value, record.headers, 1))

    def join(self):
        sender = MemorySender(self.broker, Config())
        write = sender.send

        def send(outgoing):
            name = dict(outgoing.headers)["ce_id"].decode()
            if self.is_claimed(name) and name not in self.twins_at_work():
                self.trouble.append(f"{name} is claimed while its dead letter is written")
            write(outgoing)
            self.dead.add(name)

        sender.send = send
        member = Member(
            self.broker,
            GROUP,
            self.routes,
            self.clock,
            random=self.random.random,
            order=self.order,
            limits=LIMITS,
            sender=sender,
            dedupe=self.dedupe,
            while_waiting=lambda seconds: self.wait(member, seconds),
        )
        self.members.append(member)

    def is_claimed(self, name):
        held = self.store._claims.get(KEY_OF(self.records[name]))
        return held is not None and held[1] > self.clock.monotonic()

    def twins_at_work(self):
        """Ids that came again meanwhile, and were claimed for that after they were released."""
        for member in self.members:
            for job in [*member.workers.ready, *member.workers.running]:
                yield from (ctx_id(it) for it in job.deliveries)

    def wait(self, member, seconds):
        self.clock.advance(self.random.random() * seconds)
        self.job(member)

    def job(self, member):
        workers = member.workers
        self.running = member
        if workers.ready and self.random.random() < 0.5:
            workers.start(self.random.choice(workers.ready))
        elif workers.running:
            workers.advance(self.random.choice(list(workers.running)))

    def step(self, member):
        member.step()
        for place, committed in self.broker.committed(GROUP).items():
            for record in self.broker.read(place, 0, committed):
                if not self.is_settled(ctx_id(record)):
                    self.trouble.append(f"commit {committed} passed {ctx_id(record)}")

    def gone(self, member):
        self.members.remove(member)
        self.at_work = {name: it for name, it in self.at_work.items() if it is not member}

    def act(self):
        chance = self.random.random()
        if chance < 0.08 and len(self.records) < EVENTS:
            self.send()
        elif chance < 0.13 and self.records:
            self.send_again()
        elif chance < 0.15 and len(self.members) < 2:
            self.join()
        elif chance < 0.25:
            self.clock.advance(self.random.choice([0.1, 0.5, 1.0]))
        elif chance < 0.27:
            self.store.is_down = not self.store.is_down
            self.seen["store down"] += self.store.is_down
        elif not self.members:
            return
        elif chance < 0.275:
            self.seen["crash"] += 1
            self.gone(self.random.choice(self.members))
        elif chance < 0.28:
            self.seen["left"] += 1
            member = self.random.choice(self.members)
            member.engine.close()
            self.gone(member)
        elif chance < 0.6:
            self.job(self.random.choice(self.members))
        else:
            self.step(self.random.choice(self.members))

    def settle(self):
        for _ in range(150):
            self.clock.advance(1.0)
            for member in self.members:
                self.step(member)
                for _ in range(10):
                    self.job(member)
                self.step(member)
            if self.is_calm():
                return

    def is_calm(self):
        committed = self.broker.committed(GROUP)
        return all(
            committed.get((TOPIC, number)) == self.broker.end((TOPIC, number))
            for number in range(self.broker.partition_counts()[TOPIC])
        )

    def run(self, actions=400):
        self.join()
        for _ in range(actions):
            self.act()
        self.store.is_down = False
        if not self.members:
            self.join()
        self.settle()
        self.check({*self.effects, *self.dead}, "neither handled nor a dead letter", self.records)
        # What became a dead letter is replayed: it was never completed.
        self.seen["duplicates"] += sum(member.stats.duplicates for member in self.members)
        self.hopeless.clear()
        letters = [name for name in self.dead if name not in self.effects]
        for name in letters:
            record = self.records[name]
            self.broker.append(Outgoing(TOPIC, record.key, record.value, record.headers, 1))
        self.seen["replayed"] += len(letters)
        self.settle()
        self.check(self.effects, "not handled by its replay", letters)

    def check(self, settled, said, names):
        for name in names:
            if name not in settled:
                self.trouble.append(f"{name} is {said}")
        for member in self.members:
            if member.stats.in_flight:
                self.trouble.append(f"left in flight: {member.stats}")


def ctx_id(record):
    return record.header_values["ce_id"].decode()


@in_chunks(SCHEDULES)
def test_what_comes_twice_is_handled_once_but_for_what_a_crash_leaves_open(seeds):
    run_each(Schedule, seeds, __file__)


def test_the_schedules_contain_what_they_are_about():
    seen = Counter()
    for seed in range(40):
        schedule = Schedule(seed)
        schedule.run()
        seen.update(schedule.seen)
    about = {
        "again",
        "crash",
        "duplicates",
        "left",
        "replayed",
        "store down",
        "twice, after a crash",
    }
    assert {name for name, count in seen.items() if count} == about


def released_after_the_dead_letter(monkeypatch):
    release = Store.release_many

    def release_later(self, keys, owner):
        late, self.late = getattr(self, "late", ()), keys
        release(self, late, owner)

    monkeypatch.setattr(Store, "release_many", release_later)


def what_is_claimed_elsewhere_is_skipped(monkeypatch):
    monkeypatch.setattr(claims, "_keep", lambda job, delivery, _who: claims._skip(job, delivery))


def completed_before_it_is_handled(monkeypatch):
    claim = claims.Claims.claim

    def claim_and_complete(self, jobs):
        claim(self, jobs)
        keys = [key for job in jobs for key in job.claims if key is not None]
        MemoryDedupe.complete_many(self._store, keys, 10_000)

    monkeypatch.setattr(claims.Claims, "claim", claim_and_complete)


def what_failed_is_completed(monkeypatch):
    outcome = claims._outcome

    def all_handled(job, handled, _released, kept):
        return outcome(job, handled, handled, kept)

    monkeypatch.setattr(claims, "_outcome", all_handled)


def twins_in_one_process_are_not_seen(monkeypatch):
    note = claims.Claims._note

    def note_anew(self, jobs):
        self._held.clear()
        return note(self, jobs)

    monkeypatch.setattr(claims.Claims, "_note", note_anew)


def a_store_that_is_away_is_not_waited_for(monkeypatch):
    settle = claims.Claims.settle

    def settle_or_not(self, jobs, also_released=()):
        try:
            settle(self, jobs, also_released)
        except claims.DedupeStoreError:
            return

    monkeypatch.setattr(claims.Claims, "settle", settle_or_not)


@pytest.mark.parametrize(
    ("plant", "seed", "said"),
    [
        (released_after_the_dead_letter, 1, "is claimed while its dead letter is written"),
        (what_is_claimed_elsewhere_is_skipped, 2, "is neither handled nor a dead letter"),
        (completed_before_it_is_handled, 1, "is handled, and was completed"),
        (what_failed_is_completed, 1, "is not handled by its replay"),
        (twins_in_one_process_are_not_seen, 11, "is handled twice at a time"),
        (a_store_that_is_away_is_not_waited_for, 1, "is claimed while its dead letter is written"),
    ],
)
def test_a_planted_bug_is_found_out_by_its_seed(monkeypatch, plant, seed, said):
    plant(monkeypatch)
    schedule = Schedule(seed)
    schedule.run()
    assert any(said in trouble for trouble in schedule.trouble), schedule.trouble
