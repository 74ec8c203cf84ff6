"""A schedule of groups whose handlers depend on something that goes down and comes up."""

from __future__ import annotations

from collections import Counter
from random import Random

from pat_events import Breaker, Handlers, PermanentError, RetryPolicy
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.consumer.log.limits import Limits
from pat_events.consumer.routes import Routes
from pat_events.events import EmailDeleted, EmailReceived
from pat_events.testing.simulation import Member, VirtualClock, pause
from pat_events.transports.memory import MemoryBroker
from pat_events.transports.sending import Outgoing

GROUP = "email-processor"
TOPIC = "pat-emails"
KINDS = (*[EmailReceived] * 4, EmailDeleted)
CATALOG = load_catalog()
TYPES = EventTypes(CATALOG)
DEAD = CATALOG.dead_letter_topic(TOPIC, GROUP)
FAILURES = 3
OPEN_S = 4.0
OUTAGES = 2
EVENTS = 40
# In an outage an event has two attempts at most before it opens: only the hopeless are given up.
POLICY = RetryPolicy(attempts=2 * (FAILURES - 1) + 1, first_delay_s=0.3, max_delay_s=2)
LIMITS = Limits(
    max_in_flight=12,
    max_in_flight_bytes=100_000,
    max_uncommitted=30,
    drain_timeout_s=3,
    commit_interval_s=0.3,
)


class GroupSchedule:
    """A group, what its handlers depend on, and what happens to them; a seed decides."""

    def __init__(self, seed):
        self.random = random = Random(seed)  # noqa: S311 - a schedule, not a secret
        self.clock = VirtualClock()
        self.broker = MemoryBroker(clock=self.clock, session_timeout_s=10)
        self.broker.create_topic(TOPIC, random.randint(1, 3))
        self.broker.create_topic(DEAD, 1)
        self.order = random.choice(["key", "key", "partition", "none"])
        self.outages = 0
        self.is_down = False
        self.members = []
        #: By lane what was sent, in its order.
        self.sent = {}
        self.hopeless = set()
        self.handled = Counter()
        self.trouble = []
        self.seen = Counter()
        self.start_process()

    def start_process(self):
        """What a process has, its members aside."""
        self.breaker = Breaker("mail", failures=FAILURES, calls=6, open_s=OPEN_S)
        #: Members that know that it is open.
        self.know = set()
        #: Calls of probes that are wanted: whose they are, and of what.
        self.probes = {}
        handlers = Handlers()
        handlers.add(EmailReceived, self.handle, retry=POLICY, breaker=self.breaker)
        handlers.add(EmailDeleted, self.handle_other, retry=POLICY)
        self.routes = Routes(handlers, TYPES, 1_000_000)

    async def handle(self, event, ctx):
        position = ctx.position[:3]
        call, is_probe = object(), self.is_kept(self.at_work)
        if is_probe:
            self.seen["probe"] += 1
            if rivals := self.rivals(self.at_work):
                self.trouble.append(f"{position} began while {rivals} is the probe")
            self.probes[call] = self.at_work, position
        try:
            await pause()
        finally:
            self.probes.pop(call, None)
        if position in self.hopeless:
            self.seen["hopeless probe"] += is_probe
            raise PermanentError("hopeless")
        if self.is_down:
            self.seen["failed probe"] += is_probe
            raise ConnectionError("down")
        self.fail(position)
        self.done(ctx)

    def is_kept(self, member):
        """Tell whether a member knows that the handler must not be called but for a probe."""
        return self.breaker.is_open and member in self.know

    def rivals(self, member):
        """Return the probes beside which a member may have none."""
        del member
        return [*self.probes.values()]

    def fail(self, position):
        """Raise what fails a call, if something does."""

    async def handle_other(self, event, ctx):
        await pause()
        self.seen["another while it is open"] += self.breaker.is_open
        self.done(ctx)

    def lane_of(self, position, key):
        return {"key": (*position[:2], key), "partition": position[:2], "none": position}[
            self.order
        ]

    def done(self, ctx):
        position = ctx.position[:3]
        if not self.handled[position]:
            lane = self.sent[self.lane_of(position, ctx.key)]
            earlier = lane[: lane.index(position)]
            if passed := [it for it in earlier if not self.is_settled(it)]:
                self.trouble.append(f"{position} before {passed} of its lane")
        self.handled[position] += 1

    def is_settled(self, position):
        return self.handled[position] > 0 or position in self.letters()

    def letters(self):
        names = ("topic", "partition", "offset")
        for letter in self.broker.records(DEAD):
            topic, partition, offset = (
                letter.header_values[f"__dlq.errors.{name}"].decode() for name in names
            )
            yield topic, int(partition), int(offset)

    def send(self):
        kind = self.random.choice(KINDS)
        key = f"k{self.random.randrange(6)}".encode()
        headers = [("ce_type", f"{CATALOG.package}.{kind.__name__}".encode())]
        value = kind(email_id=key.decode()).SerializeToString()
        position = (TOPIC, *self.broker.append(Outgoing(TOPIC, key, value, headers, 1)))
        self.sent.setdefault(self.lane_of(position, key), []).append(position)
        if kind is EmailReceived and self.random.random() < 0.1:
            self.hopeless.add(position)

    @property
    def events(self):
        return sum(map(len, self.sent.values()))

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
            **self.settings(),
        )
        self.members.append(member)

    def settings(self):
        """Return further settings of a member."""
        return {}

    def wait(self, member, seconds):
        self.clock.advance(self.random.random() * seconds)
        self.job(member)

    def job(self, member):
        workers = member.workers
        self.at_work = member
        if workers.ready and self.random.random() < 0.5:
            workers.start(self.random.choice(workers.ready))
        elif workers.running:
            workers.advance(self.random.choice(list(workers.running)))

    def step(self, member):
        member.step()
        if self.breaker.is_open:
            if member not in self.know and "ConnectionError" not in self.breaker.why:
                self.trouble.append(f"{self.breaker.why} opened the breaker")
            self.know.add(member)
        else:
            self.know.clear()
        for topic_partition, committed in self.broker.committed(GROUP).items():
            for offset in range(committed):
                if not self.is_settled((*topic_partition, offset)):
                    self.trouble.append(f"commit {committed} passed {topic_partition}/{offset}")

    def leave(self, member):
        self.members.remove(member)
        self.seen["left"] += 1
        if self.random.random() < 0.5:
            member.engine.abort()  # Handlers at work are not waited for.
        member.engine.close()
        self.know.discard(member)
        self.probes = {call: it for call, it in self.probes.items() if it[0] is not member}

    def crash(self):
        """All of the process is gone, its breaker included."""
        self.seen["crash"] += 1
        self.members.clear()
        self.start_process()

    def act(self):
        chance = self.random.random()
        self.act_before(chance)
        if chance < 0.1 and self.events < EVENTS:
            self.send()
        elif chance < 0.12 and len(self.members) < 2:
            self.join()
        elif chance < 0.24:
            self.clock.advance(self.random.choice([0.1, 0.5, 2.0]))
        elif chance < 0.26:
            self.turn_up_or_down()
        elif chance < 0.262:
            self.crash()
        elif not self.members:
            return
        elif chance < 0.27:
            self.leave(self.random.choice(self.members))
        elif chance < 0.6:
            self.job(self.random.choice(self.members))
        else:
            self.step(self.random.choice(self.members))

    def act_before(self, chance):
        """Do what else a schedule is about."""

    def turn_up_or_down(self):
        if self.is_down:
            self.is_down = self.random.random() < 0.8
        elif self.outages < OUTAGES:
            self.is_down = True
            self.outages += 1

    def run(self, actions=400):
        self.join()
        for _ in range(actions):
            self.act()
        self.heal()
        if not self.members:
            self.join()
        for turn in range(60):
            self.look_at_turn(turn)
            self.clock.advance(1.0)
            for member in self.members:
                self.step(member)
                for _ in range(20):
                    self.job(member)
                self.step(member)
        self.check_end()

    def heal(self):
        """All that is out of order is in order from now on."""
        self.is_down = False

    def look_at_turn(self, turn):
        """Do what belongs to this turn after all is in order."""

    @property
    def may_be_letters(self):
        """Further events that may be dead letters."""
        return set()

    def check_end(self):
        if wrong := set(self.letters()) - self.hopeless - self.may_be_letters:
            self.trouble.append(f"{wrong} became dead letters")
        for position in (it for lane in self.sent.values() for it in lane):
            if not self.is_settled(position):
                self.trouble.append(f"{position} is neither handled nor a dead letter")
        for member in self.members:
            if member.stats.in_flight:
                self.trouble.append(f"left in flight: {member.stats}")
        if self.breaker.is_open and self.probes:
            self.trouble.append(f"{[*self.probes.values()]} is still the probe")
