"""Seeded schedules of a group whose dead letters are replayed, some of them twice.

``PAT_EVENTS_SIMULATION_SCHEDULES`` sets how many, ``PAT_EVENTS_SIMULATION_SEED`` where they begin.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from random import Random

import pytest

from pat_events import Handlers, RetryPolicy
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.consumer.log import engine
from pat_events.consumer.log.limits import Limits
from pat_events.consumer.recovery import dead_letters
from pat_events.consumer.routes import Routes
from pat_events.core.dead_letter import read_cause
from pat_events.core.replayed import Replay, read_replay, replayed
from pat_events.errors import TransportError
from pat_events.events import EmailReceived
from pat_events.testing.simulation import Member, VirtualClock, pause
from pat_events.transports.memory import MemoryBroker
from pat_events.transports.sending import Outgoing
from tests.support.seeds import in_chunks, run_each, wanted

# What they are about is little: a quarter of the others' number.
SCHEDULES = max(1, wanted(300) // 4)
GROUP = "email-processor"
TOPIC = "pat-emails"
CATALOG = load_catalog()
TYPES = EventTypes(CATALOG)
DEAD = CATALOG.dead_letter_topic(TOPIC, GROUP)
RETRY = CATALOG.retry_topic(TOPIC, GROUP)
POLICY = RetryPolicy(attempts=3, first_delay_s=0.3)
EVENTS = 14
REPLAYS = 2
LIMITS = Limits(
    max_in_flight=12,
    max_in_flight_bytes=100_000,
    max_uncommitted=30,
    drain_timeout_s=3,
    commit_interval_s=0.3,
)


class Broker(MemoryBroker):
    """One where dead letters cannot be written for now."""

    is_closed = False

    def append(self, outgoing):
        if self.is_closed and outgoing.topic == DEAD:
            raise TransportError("not now")
        return super().append(outgoing)


class Schedule:
    """A group, an operator who replays what it gave up, and what happens to them."""

    def __init__(self, seed):
        self.random = random = Random(seed)  # noqa: S311 - a schedule, not a secret
        self.clock = VirtualClock()
        self.broker = Broker(clock=self.clock, session_timeout_s=10)
        self.broker.create_topic(TOPIC, random.randint(1, 2))
        self.broker.create_topic(DEAD, random.randint(1, 2))
        self.order = random.choice(["key", "key", "partition", "none"])
        self.members = []
        #: How often each event is to be given up, by its number; and how often it was.
        self.fates = {}
        #: By its place in the retry topic: its event, its count, and its key.
        self.replays = {}
        #: By place, which deliveries of it the handler was called with, and its attempts in each.
        self.calls = defaultdict(lambda: defaultdict(list))
        self._kept = []
        self._letters = defaultdict(list)
        self._read = 0
        self._checked = Counter()
        self.handled = Counter()
        self.trouble = []
        self.seen = Counter()
        handlers = Handlers()
        handlers.add(EmailReceived, self.handle, retry=POLICY)
        self.routes = Routes(handlers, TYPES, 1_000_000)

    async def handle(self, event, ctx):
        position, delivery = ctx.position[:3], ctx.delivery
        self._kept.append(delivery)  # So that no other has its identity.
        attempts = self.calls[position][id(delivery)]
        if ctx.attempt != len(attempts) + 1:
            self.trouble.append(
                f"{position} has attempt {ctx.attempt} after {attempts} of its delivery"
            )
        attempts.append(ctx.attempt)
        await pause()
        before = self.replays[position][1] if position in self.replays else 0
        if before < self.fates[event.email_id]:
            raise ValueError("bad")
        self.handled[position] += 1
        if position in self.replays:
            self.seen[f"handled after {before}"] += 1
            self.check_order(position)

    def check_order(self, position):
        """What was replayed of a key, or into a partition, is handled in that order."""
        if self.order == "none" or self.handled[position] > 1:
            return
        _, _, key = self.replays[position]
        for other, (_, _, its_key) in self.replays.items():
            same = other[1] == position[1] and (self.order == "partition" or its_key == key)
            if same and other[2] < position[2] and not self.is_settled(other):
                self.trouble.append(f"{position} before {other}, which was replayed earlier")

    def is_settled(self, position):
        return self.handled[position] > 0 or position in self.letters()

    def letters(self):
        """Dead letters' causes, by the place that each is of."""
        stored = self.broker.records(DEAD)
        if len(stored) > self._read:
            self._read = len(stored)
            self._letters.clear()
            for letter in stored:
                cause = read_cause(letter.header_values)
                self._letters[cause.origin[:3]].append(cause)
        return self._letters

    def send(self):
        number = f"e{len(self.fates)}"
        self.fates[number] = self.random.choice([0, 0, 1, 1, 2, 3])
        headers = [("ce_type", f"{CATALOG.package}.EmailReceived".encode())]
        value = EmailReceived(email_id=number).SerializeToString()
        key = f"k{self.random.randrange(4)}".encode()
        self.broker.append(Outgoing(TOPIC, key, value, headers, 1))

    def replay(self):
        """An operator replays letters: those that were not, and now and then one again."""
        if RETRY not in self.broker.partition_counts():
            if not self.letters():
                return
            # Its first records are there before the group has heard of it.
            self.broker.create_topic(RETRY, self.random.randint(1, 2))
        stored = self.broker.records(RETRY)
        done = Counter(read_replay(each.header_values).letter for each in stored)
        for letter in self.broker.records(DEAD):
            times = done[letter.position]
            again = times == 1 and self.random.random() < 0.3
            count = read_cause(letter.header_values).replays
            if count >= REPLAYS or (times and not again):
                continue
            self.seen["again"] += again
            record = replayed(letter, RETRY, "run", 1)
            position = (RETRY, *self.broker.append(Outgoing(*record)))
            event = EmailReceived.FromString(letter.value)
            self.replays[position] = (event.email_id, count + 1, letter.key)

    def join(self):
        member = Member(
            self.broker,
            GROUP,
            self.routes,
            self.clock,
            random=self.random.random,
            order=self.order,
            limits=LIMITS,
            while_waiting=lambda seconds: self.wait(member, seconds),
        )
        self.members.append(member)

    def wait(self, member, seconds):
        self.clock.advance(self.random.random() * seconds)
        self.job(member)

    def job(self, member):
        workers = member.workers
        if workers.ready and self.random.random() < 0.5:
            workers.start(self.random.choice(workers.ready))
        elif workers.running:
            workers.advance(self.random.choice(list(workers.running)))

    def leave(self, member):
        self.members.remove(member)
        if self.random.random() < 0.5:
            self.seen["crash"] += 1
            return
        self.seen["left"] += 1
        member.engine.close()

    def act(self):
        chance = self.random.random()
        if chance < 0.06 and len(self.fates) < EVENTS:
            self.send()
        elif chance < 0.08 and len(self.members) < 2:
            self.join()
        elif chance < 0.1:
            self.replay()
        elif chance < 0.23:
            self.clock.advance(self.random.choice([0.1, 0.5, 2.0]))
        elif chance < 0.24:
            self.broker.is_closed ^= True
        elif not self.members:
            return
        elif chance < 0.25:
            self.leave(self.random.choice(self.members))
        elif chance < 0.65:
            self.job(self.random.choice(self.members))
        else:
            self.step(self.random.choice(self.members))

    def step(self, member):
        member.step()
        for place, committed in self.broker.committed(GROUP).items():
            for offset in range(self._checked[place], committed):
                if not self.is_settled((*place, offset)):
                    self.trouble.append(f"commit {committed} passed {place}/{offset}")
            self._checked[place] = committed

    def run(self, actions=220):
        self.join()
        for _ in range(actions):
            self.act()
        self.broker.is_closed = False
        if not self.members:
            self.join()
        for turn in range(400):
            self.clock.advance(1.0)
            if turn % 9 == 0:
                self.replay()
            for member in self.members:
                self.step(member)
                for _ in range(12):
                    self.job(member)
                self.step(member)
            if turn > 40 and self.is_calm():
                break
        self.check_end()

    def is_calm(self):
        committed = self.broker.committed(GROUP)
        partitions = self.broker.partition_counts()
        places = [(it, n) for it in (TOPIC, RETRY) for n in range(partitions.get(it, 0))]
        return all(committed.get(place) == self.broker.end(place) for place in places)

    def check_end(self):
        for position, (number, count, _) in self.replays.items():
            if not self.is_settled(position):
                self.trouble.append(f"{position} is neither handled once more nor a letter")
            times, deliveries = self.handled[position], len(self.calls[position])
            if bool(times) is not (self.fates[number] <= count) or times > deliveries:
                self.trouble.append(f"{position} was handled {times} times in {deliveries}")
        for position, causes in self.letters().items():
            self.check_letters(position, causes)
        for member in self.members:
            if member.stats.in_flight:
                self.trouble.append(f"left in flight: {member.stats}")

    def check_letters(self, position, causes):
        """Letters tell how often they were replayed, and of one whole row of attempts each."""
        count = self.replays[position][1] if position in self.replays else 0
        tried = [each for each in self.calls[position].values() if len(each) == POLICY.attempts]
        if len(causes) > len(tried):
            self.trouble.append(f"{position} has {len(causes)} letters, tried {tried}")
        for cause in causes:
            if (cause.replays, cause.attempts) != (count, POLICY.attempts):
                self.trouble.append(
                    f"a letter of {position} tells {cause.replays} replays, not {count}, and "
                    f"{cause.attempts} attempts"
                )


@in_chunks(SCHEDULES)
def test_each_replay_of_a_letter_is_handled_once_more_with_all_attempts(seeds):
    run_each(Schedule, seeds, __file__)


def test_the_schedules_contain_what_they_are_about():
    seen = Counter()
    for seed in range(40):
        schedule = Schedule(seed)
        schedule.run()
        seen.update(schedule.seen)
    assert set(seen) == {"handled after 1", "handled after 2", "again", "left", "crash"}
    assert min(seen.values()) > 0, seen


def the_attempts_go_on_in_a_replay(monkeypatch):
    accept = engine.Engine._accept

    def accept_as_before(self, deliveries):
        for delivery in deliveries:
            if delivery.topic == RETRY:
                delivery.attempt = POLICY.attempts
        accept(self, deliveries)

    monkeypatch.setattr(engine.Engine, "_accept", accept_as_before)


def the_count_is_not_carried_on(monkeypatch):
    monkeypatch.setattr(dead_letters, "read_replay", lambda _: Replay("", None, 0))


def the_letter_is_for_a_topic_of_the_retry_topic(monkeypatch):
    init = dead_letters.DeadLetterWriter.__init__
    monkeypatch.setattr(
        dead_letters.DeadLetterWriter,
        "__init__",
        lambda *given, **named: init(*given, **named | {"retries": {}}),
    )


def it_begins_where_the_retry_topic_ends(monkeypatch):
    first_offset = MemoryBroker.first_offset
    monkeypatch.setattr(
        MemoryBroker,
        "first_offset",
        lambda self, group, pair, start: first_offset(
            self, group, pair, "latest" if pair[0] == RETRY else start
        ),
    )


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (the_attempts_go_on_in_a_replay, "has attempt 3 after []"),
        (the_count_is_not_carried_on, "tells 0 replays, not 1"),
        (the_letter_is_for_a_topic_of_the_retry_topic, "neither handled once more nor a letter"),
        (it_begins_where_the_retry_topic_ends, "passed ('pat-emails.email-processor.retry'"),
    ],
)
def test_a_planted_bug_is_found_out(monkeypatch, plant, said):
    plant(monkeypatch)
    for seed in range(1, 100):
        schedule = Schedule(seed)
        schedule.run()
        if any(said in trouble for trouble in schedule.trouble):
            return
    pytest.fail("no schedule found it")
