"""Seeded schedules of the real engine on a queue: crashes, stops, slow and failing calls, outages.

``PAT_EVENTS_SIMULATION_SCHEDULES`` sets how many, ``PAT_EVENTS_SIMULATION_SEED`` where they begin.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from pat_events import Breaker, DeadLetterLimit, Handlers, RetryPolicy
from pat_events.consumer.queue.requests import Receive
from pat_events.errors import HoldError, PermanentError, TransportError
from pat_events.events import EmailReceived
from pat_events.testing.simulation import pause
from tests.support.queue_stage import VISIBILITY_S, QueueStage
from tests.support.seeds import CHUNK, in_chunks, run_each, wanted

SCHEDULES = wanted(300)
WHAT = ("crash", "stop", "frozen", "delete failed", "open", "passed")
MEMBERS = 2
MAX_IN_FLIGHT = 12
FATES = {"fine": 6, "slow": 2, "fails": 3, "hopeless": 2, "held": 1, "broken": 1}
LIMIT = DeadLetterLimit(consecutive=3, hold_s=3)
POLICY = RetryPolicy(attempts=3, first_delay_s=0.5, max_delay_s=5)


class Schedule:
    """A queue, its consumers, and what happens to them; a seed decides."""

    def __init__(self, seed, producer):
        self.random = random = Random(seed)  # noqa: S311 - a schedule, not a secret
        # Nothing fails, nobody crashes and nobody is too slow to extend what is kept.
        self.calm = random.random() < 0.3
        self.healing = False
        self.letters = random.random() < 0.5
        fifo = random.random() < 0.6
        self.stage = QueueStage(fifo=fifo, max_receives=4, producer=producer)
        self.order = random.choice(["key", "key", "none"]) if fifo else "none"
        self.members = []
        self.groups: dict[str, list[str]] = {}
        self.fates = {}
        self.failures_left = {}
        self.succeeded = Counter()
        self.at_work = Counter()
        self.trouble = []
        self.seen = Counter()
        self.seen_gates = Counter()
        # Something stands between: a breaker and the dead-letter limit of each member.
        self.gated = random.random() < 0.4
        self.is_down = False
        self.outages = 0

    def new_handlers(self):
        """What a process has: where it crashes its breaker is gone as well."""
        breaker = Breaker("mail", failures=2, calls=4, open_s=2) if self.gated else None
        handlers = Handlers()
        handlers.add(EmailReceived, self.handle, retry=POLICY, timeout_s=1_000, breaker=breaker)
        return handlers

    async def handle(self, event, ctx):
        message_id = ctx.position.message_id
        fate = self.fates[message_id]
        self.at_work[message_id] += 1
        if self.calm and self.at_work[message_id] > 1:
            self.trouble.append(f"{message_id} is handled by two at a time")
        try:
            for _ in range(self.random.randint(2, 40) if fate == "slow" else 1):
                await pause()
        finally:
            self.at_work[message_id] -= 1
        if self.is_down:
            raise ConnectionError("down")
        if self.failures_left.get(message_id, 0) > 0:
            self.failures_left[message_id] -= 1
            raise HoldError("held") if fate == "held" else ValueError("failed")
        if fate == "hopeless":
            raise PermanentError("hopeless")
        self.succeed(message_id)

    def succeed(self, message_id):
        if not self.succeeded[message_id] and self.order == "key":
            group = next(ids for ids in self.groups.values() if message_id in ids)
            earlier = group[: group.index(message_id)]
            passed = [m for m in earlier if not self.succeeded[m] and m in self.there()]
            # What no handler ever takes holds nobody up.
            passed = [m for m in passed if self.fates[m] != "broken"]
            if passed:
                self.trouble.append(f"{message_id} before {passed} of its group")
        self.succeeded[message_id] += 1

    def there(self):
        lettered = self.stage.letters_of()
        return [m for m in self.stage.queue.message_ids if m not in lettered]

    def send(self):
        fate = self.random.choices(list(FATES), list(FATES.values()))[0]
        group = f"g{self.random.randrange(3)}"
        event = b"\xff" if fate == "broken" else EmailReceived(email_id=fate)
        message_id = self.stage.raw(event, group=group)
        self.fates[message_id] = fate
        self.groups.setdefault(group, []).append(message_id)
        if fate in ("fails", "held"):
            self.failures_left[message_id] = self.random.randint(1, 4)

    def join(self):
        if len(self.members) < MEMBERS:
            member = self.stage.member(
                self.new_handlers(),
                order=self.order,
                letters=self.letters,
                max_in_flight=MAX_IN_FLIGHT,
                dead_letter_limit=LIMIT if self.gated else None,
                while_waiting=lambda seconds: self.wait(member, seconds),
            )
            self.members.append(member)

    def request(self, member):
        """One of the requests is asked, not asked, or asked and its answer lost."""
        requests = member.requests
        if not requests.waiting:
            return
        request = self.random.choice(requests.waiting)
        kind = "receive" if isinstance(request, Receive) else request.kind
        requests.unanswered.discard(kind)
        if not (self.calm or self.healing) and self.random.random() < 0.15:
            requests.failures[kind] = [TransportError("no answer")]
            self.seen[f"{kind} failed"] += 1
            if self.random.random() < 0.5:
                requests.unanswered.add(kind)
        requests.run(request)

    def job(self, member):
        workers = member.workers
        if workers.ready and self.random.random() < 0.5:
            workers.start(self.random.choice(workers.ready))
        elif workers.running:
            workers.advance(self.random.choice(list(workers.running)))

    def step(self, member):
        member.engine.step()
        told = member.engine._recovery.gates.open
        self.seen_gates["open"] += any(it.startswith("breaker") for it in told)
        if (held := len(member.engine._state.taken)) > MAX_IN_FLIGHT:
            self.trouble.append(f"{held} in flight")

    def wait(self, member, seconds):
        self.stage.clock.advance(self.random.random() * seconds)
        if member.engine._state.draining:
            self.job(member)
            self.request(member)

    def crash(self, member):
        self.seen["crash"] += 1
        self.members.remove(member)
        for message_id in [*self.at_work]:
            self.at_work[message_id] = 0

    def stop(self, member):
        self.seen["stop"] += 1
        member.engine.close()
        self.members.remove(member)
        for message_id in [*self.at_work]:
            self.at_work[message_id] = 0

    def turn_up_or_down(self):
        if self.gated and self.random.random() < 0.01:
            self.is_down = not self.is_down
            self.outages += self.is_down

    def act(self):
        chance = self.random.random()
        self.turn_up_or_down()
        member = self.random.choice(self.members) if self.members else None
        if chance < 0.08 and len(self.fates) < 25:
            self.send()
        elif chance < 0.11:
            self.join()
        elif chance < 0.2:
            self.stage.clock.advance(self.random.choice([0.1, 0.5, 2.0]))
        elif member is None:
            return
        elif chance < 0.21 and not self.calm:
            self.crash(member)
        elif chance < 0.22 and not self.calm:
            self.stop(member)
        elif chance < 0.225 and not self.calm:
            self.seen["frozen"] += 1
            self.stage.clock.advance(VISIBILITY_S + 5)
        elif chance < 0.5:
            self.job(member)
        elif chance < 0.75:
            self.request(member)
        else:
            self.step(member)

    def look_after(self):
        """In a calm schedule nobody is too slow to extend what is kept."""
        for member in self.members:
            if member.engine._visibility.next_due <= self.stage.clock.now + 3:
                self.step(member)
            for request in list(member.requests.waiting):
                if not isinstance(request, Receive):
                    member.requests.run(request)

    def check(self):
        lettered = self.stage.letters_of()
        there = {*self.stage.queue.message_ids}
        dead = {*self.stage.dead.message_ids}
        # What was received too often by those who crashed is moved away by the queue all the same.
        if (self.letters and dead and not self.unruly) or (lettered and not self.letters):
            self.trouble.append("dead letters both here and there")
        for message_id in self.fates:
            if not (message_id in there | dead | lettered or self.succeeded[message_id]):
                self.trouble.append(f"{message_id} ({self.fates[message_id]}) is lost")

    def run(self, actions=350):
        self.join()
        for _ in range(actions):
            self.act()
            if self.calm:
                self.look_after()
            self.check()
        self.heal()
        self.check_end()

    def heal(self):
        self.healing, self.is_down = True, False
        self.join()
        for turn in range(400):
            if turn % 50 == 20:  # Hopeless ones alone may be left.
                self.release()
            # What is done may wait for its delete, although another has deleted it already.
            if not len(self.stage.queue) and not any(m.engine._state.taken for m in self.members):
                return
            self.stage.clock.advance(2.0)
            for member in self.members:
                member.requests.failures.clear()
                member.requests.unanswered.clear()
                member.step()
                for _ in range(30):
                    self.job(member)
                member.step()

    def release(self):
        for member in self.members:
            for limit in member.engine._recovery.gates._limits.values():
                self.seen_gates["passed"] += limit.is_open
                limit.release()

    def check_end(self):
        self.check()
        # One outage alone: each may take an attempt before it is known.
        if self.calm and self.gated and self.letters and self.outages < 2:
            gone = self.stage.letters_of()
            if wrong := [it for it in gone if self.fates[it] in ("fine", "slow", "held")]:
                self.trouble.append(f"an outage had {wrong} given up")
        if left := self.stage.queue.message_ids:
            self.trouble.append(f"left in the queue: {[(m, self.fates[m]) for m in left]}")
        for member in self.members:
            if member.stats.in_flight or member.engine._state.value_bytes:
                self.trouble.append(f"left in flight: {member.stats}")
        repeated = [m for m, times in self.succeeded.items() if times > 1]
        if repeated and not self.unruly:
            self.trouble.append(f"handled twice in a calm schedule: {repeated}")

    @property
    def unruly(self):
        return any(self.seen.values())


@in_chunks(SCHEDULES)
def test_no_schedule_loses_a_message_or_breaks_a_group_and_slowness_repeats_none(seeds):
    seen = Counter()
    producer = QueueStage().producer

    def note(schedule):
        seen.update(schedule.seen + schedule.seen_gates)

    run_each(lambda seed: Schedule(seed, producer), seeds, __file__, note)
    if SCHEDULES >= CHUNK:
        assert min(seen[what] for what in WHAT) > 10
