"""One schedule: members on a broker, events with fates, and a seed that decides everything."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress

from pat_events import Config, Handlers, Producer, RetryPolicy
from pat_events.codecs import EventTypes, load_catalog
from pat_events.consumer.limits import Limits
from pat_events.consumer.routes import Routes
from pat_events.errors import HoldError, PermanentError, TransportError
from pat_events.events import EmailReceived, EmailValidated, TenantEvent
from pat_events.testing.simulation import Member, VirtualClock
from pat_events.transports.base import Outgoing
from pat_events.transports.memory import MemoryBroker

GROUP = "email-processor"
TOPIC = "pat-emails"
OUTPUT = "pat-events"
CATALOG = load_catalog()
DEAD = CATALOG.dead_letter_topic(TOPIC, GROUP)
TYPE = "pat.events.v1."
SESSION_S = 10.0
TIMEOUT_S = 5.0
MEMBERS = 3
LIMITS = Limits(
    max_in_flight=20, max_in_flight_bytes=1_000_000, drain_timeout_s=3.0, commit_interval_s=0.3
)
FATES = {"fine": 6, "publishes": 3, "fails": 3, "hopeless": 1, "held": 1, "broken": 1, "strange": 1}


class Crash(Exception):  # noqa: N818 - the end of a process, not an error of one
    """The member is gone in the middle of what it did."""


class _Wire:
    """The sender of a member's producer: producers are costly to make, so each slot keeps its."""

    def __init__(self):
        self.target = None

    def send(self, outgoing):
        self.target.send(outgoing)

    def hurry(self):
        """Nothing waits here."""


class _Broker(MemoryBroker):
    """A broker with topics that cannot be written for now, while all else goes on."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.unwritable = set()

    def append(self, outgoing):
        if outgoing.topic in self.unwritable:
            raise TransportError(f"{outgoing.topic} cannot be written")
        return super().append(outgoing)


class _Slot:
    def __init__(self):
        self.wire = _Wire()
        self.producer = Producer(Config(bootstrap_servers="-", connect_timeout_s=0), transport=self)

    def partitions(self, topics, timeout_s):
        return {}

    def sender(self):
        return self.wire


_slots = [_Slot() for _ in range(MEMBERS)]
_world = None


def _routes():
    handlers = Handlers()
    policy = RetryPolicy(attempts=3, first_delay_s=0.5)

    @handlers.on(EmailReceived, retry=policy, timeout_s=TIMEOUT_S)
    def plain(event, ctx):
        _world.handle(event, ctx)

    @handlers.on(EmailValidated, retry=policy, timeout_s=TIMEOUT_S)
    async def coroutine(event, ctx):
        _world.handle(event, ctx)

    types = EventTypes(CATALOG)
    return {order: Routes(handlers, types, order, 100_000) for order in ("key", "partition")}


_ROUTES = _routes()


class World:
    """Runs one schedule and checks the rules at every step of it."""

    def __init__(self, seed: int) -> None:
        global _world  # noqa: PLW0603 - routes are made once, their handlers find the world here
        _world = self
        self.random = random.Random(seed)  # noqa: S311 - a schedule, not a secret
        self.clock = VirtualClock()
        self.broker = _Broker(clock=self.clock, session_timeout_s=SESSION_S)
        self.broker.create_topic(TOPIC, self.random.randint(1, 4))
        self.broker.create_topic(OUTPUT, 1)
        self.broker.create_topic(DEAD, 1)
        self.order = self.random.choice(["key", "key", "partition"])
        self.members: dict[int, Member] = {}
        self.frozen: dict[int, float] = {}
        self.events = self.random.randint(10, 30)
        self.published = 0
        self.fates: dict[tuple[int, int], str] = {}
        self.failures: Counter[tuple[int, int]] = Counter()
        self.handled: Counter[tuple[int, int]] = Counter()
        self.outputs: set[str] = set()
        self.dead: set[tuple[int, int]] = set()
        self.by_key: dict[tuple[int, bytes], list[int]] = {}
        self.checked: dict[int, int] = {}
        self.seen_outputs = self.seen_dead = 0
        self.trouble: list[str] = []

    # What the handlers do.

    def handle(self, event, ctx):
        position = (ctx.position.partition, ctx.position.offset)
        self.check_order(position, ctx.key)
        fate = self.fates[position]
        if fate == "hopeless":
            raise PermanentError("no")
        if fate in ("fails", "held"):
            self.failures[position] += 1
            if self.failures[position] <= position[1] % 5:
                raise (ValueError if fate == "fails" else HoldError)("not now")
        if fate == "publishes":
            ctx.publish(TenantEvent(tenant_id="t"), headers={"for": repr(position).encode()})
        self.handled[position] += 1

    # The rules.

    def check_order(self, position, key):
        partition, offset = position
        for earlier in self.by_key[partition, key]:
            if earlier >= offset:
                break
            before = (partition, earlier)
            if not self.handled[before] and before not in self.written_dead():
                self.trouble.append(f"{position} of {key} began before {before} was settled")

    def check_commits(self):
        for (_, partition), committed in self.broker.committed(GROUP).items():
            for offset in range(self.checked.get(partition, 0), committed):
                if not self.settled((partition, offset)):
                    self.trouble.append(f"commit {committed} passed unsettled {partition}/{offset}")
            if committed < self.checked.get(partition, 0):
                self.trouble.append(f"commit of {partition} went back to {committed}")
            self.checked[partition] = committed

    def settled(self, position):
        fate = self.fates[position]
        if fate == "strange":
            return True
        if position in self.written_dead():
            return True
        if fate == "publishes":
            return repr(position) in self.written_outputs()
        return self.handled[position] > 0

    def written_dead(self):
        log = self.broker._topics[DEAD][0].records
        for record in log[self.seen_dead :]:
            headers = dict(record.headers)
            self.dead.add(
                (int(headers["__dlq.errors.partition"]), int(headers["__dlq.errors.offset"]))
            )
        self.seen_dead = len(log)
        return self.dead

    def written_outputs(self):
        log = self.broker._topics[OUTPUT][0].records
        self.outputs |= {dict(r.headers)["for"].decode() for r in log[self.seen_outputs :]}
        self.seen_outputs = len(log)
        return self.outputs

    # What can happen.

    def publish(self):
        self.published += 1
        key = f"k{self.random.randrange(5)}".encode()
        fate = self.random.choices(list(FATES), list(FATES.values()))[0]
        kind = self.random.choice([EmailReceived, EmailValidated])
        name = "Unheard" if fate == "broken" and self.random.random() < 0.5 else kind.__name__
        if fate == "strange":
            name = "EmailDeleted"  # known, but nobody here handles it
        value = b"\xff" if fate == "broken" else kind(email_id=key.decode()).SerializeToString()
        headers = [("ce_type", (TYPE + name).encode()), ("ce_id", b"%d" % self.published)]
        partition, offset = self.broker.append(Outgoing(TOPIC, key, value, headers, 1))
        self.fates[partition, offset] = fate
        # Records refused unread are written off at once: no order is kept for them.
        offsets = self.by_key.setdefault((partition, key), [])
        if fate not in ("broken", "strange"):
            offsets.append(offset)

    def join(self):
        free = [slot for slot in range(MEMBERS) if slot not in self.members]
        if free:
            slot = free[0]
            member = Member(
                self.broker,
                GROUP,
                _ROUTES[self.order],
                self.clock,
                random=self.random.random,
                producer=_slots[slot].producer,
                order=self.order,
                limits=LIMITS,
                while_waiting=lambda seconds: self.wait(slot, seconds),
            )
            _slots[slot].wire.target = member.sender
            self.members[slot] = member

    def wait(self, slot, seconds):
        """A member waits for results: its workers go on, or it ends here."""
        if self.random.random() < 0.02:
            raise Crash
        self.clock.advance(self.random.random() * seconds)
        self.work(slot)

    def work(self, slot):
        workers = self.members[slot].workers
        late = self.random.random() < 0.02
        running = [work for work in workers.running if late or not work.abandoned]
        if workers.ready and (not running or self.random.random() < 0.5):
            workers.start(self.random.choice(workers.ready))
        elif running:
            work = self.random.choice(running)
            workers.finish(work)
            if work.abandoned:  # It ended just as it was given up: its result comes all the same.
                self.members[slot].inbox.put(work)

    def step(self, slot):
        try:
            self.members[slot].step()
        except Crash:
            self.crash(slot)

    def crash(self, slot):
        """Gone without a word: what it had not sent is lost, its session expires later."""
        self.members.pop(slot).sender._waiting.clear()

    def leave(self, slot):
        with suppress(Crash):
            self.members[slot].engine.close()
        self.crash(slot)

    def act(self):
        """Let one thing happen."""
        awake = [s for s in self.members if self.frozen.get(s, 0) <= self.clock.now]
        chance = self.random.random()
        if chance < 0.10 and self.published < self.events:
            self.publish()
        elif chance < 0.22:
            self.clock.advance(self.random.choice([0.05, 0.3, 1.0, 2.5]))
        elif chance < 0.24:
            self.join()
        elif chance < 0.25:
            self.broker.set_down(down=not self.broker.down)
        elif chance < 0.265:
            self.broker.unwritable ^= {self.random.choice([DEAD, OUTPUT])}
        elif awake:
            self.act_on(self.random.choice(awake))

    def act_on(self, slot):
        chance = self.random.random()
        if chance < 0.01:
            self.crash(slot)
        elif chance < 0.02:
            self.leave(slot)
        elif chance < 0.027:
            self.frozen[slot] = self.clock.now + self.random.choice([1, 2]) * SESSION_S
        elif chance < 0.48:
            self.step(slot)
        else:
            self.work(slot)

    def run(self, actions: int = 220) -> None:
        """Run the schedule, let everything heal, and check what is left."""
        self.join()
        for _ in range(actions):
            self.act()
            self.check_commits()
        self.broker.set_down(down=False)
        self.broker.unwritable.clear()
        self.frozen.clear()
        while self.published < self.events:
            self.publish()
        self.join()
        turns_left = 400
        while turns_left > 0:
            # When all is done, time goes on until whoever lost a partition has seen it.
            turns_left = min(turns_left - 1, 40) if self.calm() else turns_left - 1
            self.clock.advance(0.5)
            for slot in list(self.members):
                self.step(slot)
                if slot in self.members:
                    self.members[slot].workers.run_all()
                self.check_commits()
            self.join()
        self.check_end()

    def calm(self):
        committed = self.broker.committed(GROUP)
        return all(
            committed.get((TOPIC, number), -1) == partition.end
            for number, partition in enumerate(self.broker._topics[TOPIC])
        )

    def check_end(self):
        if not self.calm():
            stats = [member.stats for member in self.members.values()]
            self.trouble.append(f"stuck at {self.broker.committed(GROUP)}: {stats}")
        for position, fate in self.fates.items():
            if not self.settled(position):
                self.trouble.append(f"{fate} {position} is neither handled nor dead-lettered")
            if fate in ("hopeless", "broken") and position not in self.written_dead():
                self.trouble.append(f"{fate} {position} has no dead letter")
        passed_over = {position for position, fate in self.fates.items() if fate == "strange"}
        settled = set(self.handled) | self.dead | passed_over
        if len(settled) != self.events:
            self.trouble.append(f"{self.events} in, {len(settled)} settled")
        for member in self.members.values():
            stats = member.stats
            out = stats.handled + stats.skipped + stats.dead_lettered + stats.returned
            if (stats.delivered, stats.in_flight) != (out, 0):
                self.trouble.append(f"the counts do not add up: {stats}")
