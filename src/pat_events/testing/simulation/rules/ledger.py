"""What became of each event, and the rules about that: order, commits, dead letters, the end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pat_events.core import headers as h
from pat_events.testing.simulation.events import (
    DEAD,
    GROUP,
    KINDS,
    MAX_LETTER_BYTES,
    OUTPUT,
    PARTS,
    POLICY,
    At,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from pat_events.core.lanes import Order
    from pat_events.core.record import Delivery, HeaderValues, TopicPartition
    from pat_events.testing.simulation.cluster import Broker
    from pat_events.testing.simulation.rules.story import Story

    Lane = tuple[str | int | bytes, ...]

# Refused unread, or passed over: settled at once, so that no order is kept for them.
UNORDERED = ("broken", "strange")


class Ledger:
    """Of one schedule. A position is (topic, partition, offset).

    Attributes:
        trouble: The rules that were broken, a line each.
        fates: What is to become of each event.
        failures: How often each was made to fail.
        handled: How often each was handled.
        dead: How many letters each has.
        stories: Each one's deliveries.
    """

    def __init__(self, broker: Broker, order: Order) -> None:
        self.broker = broker
        self.order = order
        self.trouble: list[str] = []
        self.fates: dict[At, str] = {}
        self.failures = Counter[At]()
        self.handled = Counter[At]()
        #: Deleted by retention before a member had settled it.
        self.gone: set[At] = set()
        self.dead = Counter[At]()
        self.stories: dict[At, list[Story]] = {}
        self._outputs: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._value_bytes: dict[At, int] = {}
        self._before: dict[Lane, list[At]] = {}
        self._checked: dict[TopicPartition, int] = {}
        self._seen = dict.fromkeys((OUTPUT, *DEAD), 0)

    def published(self, position: At, key: bytes, fate: str, number: int, value_bytes: int) -> None:
        """Note an event of the schedule."""
        self.fates[position] = fate
        self._value_bytes[position] = value_bytes
        self._numbers[str(position)] = number
        self.stories[position] = []
        if fate not in UNORDERED:
            self._before.setdefault(self._lane(position, key), []).append(position)

    def _lane(self, position: At, key: bytes) -> Lane:
        if self.order == "none":
            return position
        return position[:2] if self.order == "partition" else (*position[:2], key)

    def check_order(self, position: At, key: bytes | None, called_with: Collection[At]) -> None:
        """Events of a lane are begun in their order, each when the one before it is settled."""
        for before in self._before[self._lane(position, key or b"")]:
            if before >= position:
                break
            if before not in called_with and not self.was_handled(before):
                self.trouble.append(f"{position} of {key!r} began before {before} was settled")

    def was_handled(self, position: At) -> bool:
        """Tell whether it was handled once, or needs not be."""
        return (
            self.handled[position] > 0 or position in self.gone or position in self.written_dead()
        )

    def forget(self, position: At) -> None:
        """Retention deletes an event: from now on nothing may be asked about it."""
        if not (self.settled(position) and self.was_handled(position)):
            self.gone.add(position)

    def settled(self, position: At) -> bool:
        """Tell whether a commit may pass it."""
        fate = self.fates[position]
        if fate == "strange" or position in self.gone or position in self.written_dead():
            return True
        if fate == "publishes":
            written = self.written_outputs()
            return all(f"{position}/{part}" in written for part in range(PARTS))
        return self.handled[position] > 0

    def check_commits(self) -> None:
        """A commit never goes back, and passes only what is settled."""
        for partition, committed in self.broker.committed(GROUP).items():
            checked = self._checked.get(partition, 0)
            for offset in range(checked, committed):
                if not self.settled((*partition, offset)):
                    self.trouble.append(f"commit {committed} passed unsettled {partition}/{offset}")
            if committed < checked:
                self.trouble.append(f"commit of {partition} went back to {committed}")
            self._checked[partition] = committed

    def _new(self, topic: str) -> list[Delivery]:
        begin, end = self._seen[topic], self.broker.end((topic, 0))
        self._seen[topic] = end
        return self.broker.read((topic, 0), begin, end - begin)

    def written_outputs(self) -> set[str]:
        """Return what handlers published that is in the log by now."""
        for record in self._new(OUTPUT):
            self._check_chain(record.header_values)
            self._outputs.add(_text(record.header_values, "for"))
        return self._outputs

    def _check_chain(self, headers: HeaderValues) -> None:
        """What a handler published says what caused it."""
        of = _text(headers, "for").rpartition("/")[0]
        number = self._numbers[of]
        caused_by, correlated = headers.get(h.CE_CAUSATION_ID), headers[h.CE_CORRELATION_ID]
        trace = _text(headers, h.TRACEPARENT).split("-")[1]
        if (caused_by, correlated) != (b"%d" % number, b"c%d" % number) or (
            trace != f"{number:032x}"
        ):
            self.trouble.append(f"what {of} published is of {caused_by!r}, {correlated!r}, {trace}")

    def written_dead(self) -> Counter[At]:
        """Return how many letters each event has in the log by now."""
        for topic in DEAD:
            for record in self._new(topic):
                self._check_letter(topic, record)
        return self.dead

    def _check_letter(self, topic: str, letter: Delivery) -> None:
        headers = letter.header_values
        of = _text(headers, "__dlq.errors.topic")
        partition, offset = (_text(headers, f"__dlq.errors.{it}") for it in ("partition", "offset"))
        position = (of, int(partition), int(offset))
        self.dead[position] += 1
        if not topic.startswith(f"{of}."):
            self.trouble.append(f"the letter of {position} is in {topic}")
        too_large = self._value_bytes[position] > MAX_LETTER_BYTES
        if (letter.value is None) is not too_large:
            self.trouble.append(f"the value of {position} in its letter is {letter.value!r}")
        if self.dead[position] > len(self.stories[position]):
            self.trouble.append(f"{position} has more letters than it was delivered")
        attempts = int(_text(headers, "pat-dlq-attempts"))
        fate = self.fates[position]
        if fate == "broken":
            return
        if attempts > POLICY.attempts:
            self.trouble.append(f"the letter of {position} tells of {attempts} attempts")
        if fate == "hopeless":
            return
        failed = max(story.attempts_at_most for story in self.stories[position])
        if attempts != POLICY.attempts or failed < attempts:
            self.trouble.append(f"{fate} {position} was given up after {attempts}, failed {failed}")

    def calm(self) -> bool:
        """Tell whether all there is has been committed."""
        committed = self.broker.committed(GROUP)
        counts = self.broker.partition_counts()
        return all(
            committed.get((topic, number), -1) == self.broker.end((topic, number))
            for topic in KINDS
            for number in range(counts[topic])
        )

    def check_end(self) -> None:
        """In the end each event was handled, or has its dead letter."""
        if not self.calm():
            self.trouble.append(f"stuck at {self.broker.committed(GROUP)}")
        for position, fate in self.fates.items():
            if not self.settled(position):
                self.trouble.append(f"{fate} {position} is neither handled nor dead-lettered")
            elif (
                fate in ("hopeless", "broken")
                and position not in self.written_dead()
                and position not in self.gone
            ):
                self.trouble.append(f"{fate} {position} has no dead letter")


def _text(headers: HeaderValues, name: str) -> str:
    value = headers[name]
    return "" if value is None else value.decode()
