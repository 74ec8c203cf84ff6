"""One schedule: a seed decides what happens when, and the rules are checked at every step."""

from __future__ import annotations

from pat_events.testing.simulation.events import DEAD, OUTPUT, SESSION_S
from pat_events.testing.simulation.schedules.acts import Acts, let_all_arrive, slow_down_or_arrive
from pat_events.testing.simulation.schedules.handlers import ask


class Schedule(Acts):
    """Members of a group, events with fates, and what happens to them.

    One at a time: the last that was made runs.

    Args:
        seed: Decides everything; the same is the same schedule in every process.

    Attributes:
        trouble: The rules that were broken, a line each.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        ask(self)

    def meanwhile(self) -> None:
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

    def act(self, spared: int | None = None) -> None:
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
            slow_down_or_arrive(self.random.choice(awake))
        elif awake:
            self.act_on(self.random.choice(awake))

    def act_on(self, slot: int) -> None:
        """Let one thing happen to a member."""
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
                let_all_arrive(slot)
                self.step(slot)
                if slot in self.members:
                    self.run_all(slot)
                self.ledger.check_commits()
            self.join()
        self.ledger.check_end()
        for member in self.members.values():
            if member.stats.in_flight:
                self.trouble.append(f"left in flight: {member.stats}")

    def run_all(self, slot: int) -> None:
        """All that waits at a member runs, in its order."""
        workers = self.members[slot].workers
        for job in list(workers.ready):
            self.start(slot, job)
            self.call(slot, job, workers.finish)
