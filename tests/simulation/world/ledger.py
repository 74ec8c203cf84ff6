"""What became of each event, and the rules about that: order, commits, dead letters, the end."""

from __future__ import annotations

from collections import Counter

from pat_events.core import headers as h

from .cluster import MAX_LETTER_BYTES
from .handlers import OUTPUT, PARTS, POLICY

# Refused unread, or passed over: settled at once, so that no order is kept for them.
UNORDERED = ("broken", "strange")


class Ledger:
    """Of one schedule. A position is (topic, partition, offset)."""

    def __init__(self, broker, group, order, dead_topics):
        self.broker = broker
        self.group = group
        self.order = order
        self.trouble = []
        self.fates = {}
        self.failures = Counter()
        self.handled = Counter()
        #: Deleted by retention before a member had settled it.
        self.gone = set()
        self.dead = Counter()
        self.stories = {}
        self._outputs = set()
        self._numbers = {}
        self._value_bytes = {}
        self._before = {}
        self._checked = {}
        self._dead_topics = dead_topics
        self._seen = dict.fromkeys((OUTPUT, *dead_topics), 0)

    def published(self, position, key, fate, number, value_bytes):
        self.fates[position] = fate
        self._value_bytes[position] = value_bytes
        self._numbers[str(position)] = number
        self.stories[position] = []
        if fate not in UNORDERED:
            self._before.setdefault(self._lane(position, key), []).append(position)

    def _lane(self, position, key):
        if self.order == "none":
            return position
        return position[:2] if self.order == "partition" else (*position[:2], key)

    def check_order(self, position, key, called_with):
        for before in self._before[self._lane(position, key)]:
            if before >= position:
                break
            if before not in called_with and not self.was_handled(before):
                self.trouble.append(f"{position} of {key} began before {before} was settled")

    def was_handled(self, position):
        return (
            self.handled[position] > 0 or position in self.gone or position in self.written_dead()
        )

    def forget(self, position):
        """Retention deletes an event: from now on nothing may be asked about it."""
        if not (self.settled(position) and self.was_handled(position)):
            self.gone.add(position)

    def settled(self, position):
        fate = self.fates[position]
        if fate == "strange" or position in self.gone or position in self.written_dead():
            return True
        if fate == "publishes":
            written = self.written_outputs()
            return all(f"{position}/{part}" in written for part in range(PARTS))
        return self.handled[position] > 0

    def check_commits(self):
        for partition, committed in self.broker.committed(self.group).items():
            checked = self._checked.get(partition, 0)
            for offset in range(checked, committed):
                if not self.settled((*partition, offset)):
                    self.trouble.append(f"commit {committed} passed unsettled {partition}/{offset}")
            if committed < checked:
                self.trouble.append(f"commit of {partition} went back to {committed}")
            self._checked[partition] = committed

    def _new(self, topic):
        log = self.broker._topics[topic][0].records
        new = log[self._seen[topic] :]
        self._seen[topic] = len(log)
        return new

    def written_outputs(self):
        for record in self._new(OUTPUT):
            self._check_chain(record.header_values)
            self._outputs.add(record.header_values["for"].decode())
        return self._outputs

    def _check_chain(self, headers):
        """What a handler published says what caused it."""
        of = headers["for"].decode().rpartition("/")[0]
        number = self._numbers[of]
        caused_by, correlated = headers.get(h.CE_CAUSATION_ID), headers[h.CE_CORRELATION_ID]
        trace = headers[h.TRACEPARENT].split(b"-")[1]
        if (caused_by, correlated) != (b"%d" % number, b"c%d" % number) or (
            trace != b"%032x" % number
        ):
            self.trouble.append(f"what {of} published is of {caused_by}, {correlated}, {trace}")

    def written_dead(self):
        for topic in self._dead_topics:
            for record in self._new(topic):
                self._check_letter(topic, record)
        return self.dead

    def _check_letter(self, topic, letter):
        headers = letter.header_values
        of = headers["__dlq.errors.topic"].decode()
        numbers = [int(headers[f"__dlq.errors.{name}"]) for name in ("partition", "offset")]
        position = (of, *numbers)
        self.dead[position] += 1
        if not topic.startswith(f"{of}."):
            self.trouble.append(f"the letter of {position} is in {topic}")
        too_large = self._value_bytes[position] > MAX_LETTER_BYTES
        if (letter.value is None) is not too_large:
            self.trouble.append(f"the value of {position} in its letter is {letter.value}")
        if self.dead[position] > len(self.stories[position]):
            self.trouble.append(f"{position} has more letters than it was delivered")
        attempts = int(headers["pat-dlq-attempts"])
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

    def calm(self):
        committed = self.broker.committed(self.group)
        return all(
            committed.get((topic, number), -1) == partition.end
            for topic in ("letters", "tasks")
            for number, partition in enumerate(self.broker._topics[topic])
        )

    def check_end(self):
        if not self.calm():
            self.trouble.append(f"stuck at {self.broker.committed(self.group)}")
        for position, fate in self.fates.items():
            if not self.settled(position):
                self.trouble.append(f"{fate} {position} is neither handled nor dead-lettered")
            elif (
                fate in ("hopeless", "broken")
                and position not in self.written_dead()
                and position not in self.gone
            ):
                self.trouble.append(f"{fate} {position} has no dead letter")
