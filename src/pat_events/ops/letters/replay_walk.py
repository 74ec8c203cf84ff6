"""Which letters a replay sends, and why others stay."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pat_events.core.checks import require_at_least_1
from pat_events.core.replayed import read_replay, replayed
from pat_events.ops.letters import audit
from pat_events.ops.letters.already import Already
from pat_events.ops.letters.origins import is_without_value, original_of
from pat_events.ops.letters.reading import TELL_EVERY, LetterReading
from pat_events.ops.letters.same_event import SameEvent
from pat_events.ops.tail import read_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pat_events.core.record import Record, TopicPartition
    from pat_events.ops.cluster import Cluster
    from pat_events.ops.letters.letter import Letter
    from pat_events.ops.letters.replay_target import Target
    from pat_events.ops.letters.selection import Selection

#: A letter whose event was replayed as often is quarantined: it stays unless that is asked for.
QUARANTINED_AFTER: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """How letters are replayed.

    Attributes:
        group: The group, where the topic is one of others' dead letters, or holds others' letters.
        everything: The selection may be one that means every letter.
        again: Also letters that were replayed before.
        include_quarantined: Also letters whose events were replayed ``QUARANTINED_AFTER`` times.
        rate: Most letters a second; as fast as it goes when None.
        limit: Most letters.
    """

    group: str | None = None
    everything: bool = False
    again: bool = False
    include_quarantined: bool = False
    rate: int | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        for name in ("rate", "limit"):
            if (value := getattr(self, name)) is not None:
                require_at_least_1(name, value)


DEFAULT: Final = ReplayOptions()


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was done so far, in letters.

    Attributes:
        run: Id of the replay; empty where nothing was sent.
        read: Were looked at.
        total: Were to be looked at, or fewer.
        meant: Were those of the selection.
        sent: Are in the retry topic, or would be.
        before: Were there already, of an earlier replay.
        older: Are older than another one of the same event, which stands for them.
        quarantined: Stay, as their events were replayed too often.
        without_value: Stay: the value was too large for the letter, and is gone from its origin.
        too_large: Stay, as the retry topic does not take records of that size.
        of_others: Stay: they do not say that this group gave them up, on a topic that it reads.
    """

    run: str = ""
    read: int = 0
    total: int = 0
    meant: int = 0
    sent: int = 0
    before: int = 0
    older: int = 0
    quarantined: int = 0
    without_value: int = 0
    too_large: int = 0
    of_others: int = 0

    @property
    def stay(self) -> int:
        """How many were meant, and are not in the retry topic."""
        return self.quarantined + self.without_value + self.too_large + self.of_others


class ReplayWalk:
    """Reads letters, and decides about each.

    Args:
        cluster: Where.
        target: Where from and where to.
        selection: Which letters.
        options: How they are replayed.
        tell: Is given what was done, as it goes on.

    Attributes:
        counts: Letters, by the fields of ``Replayed``; who sends adds to them.

    Raises:
        TopicMissingError: names what is missing.
        TransportError: the cluster did not answer, or does not permit it; so does iterating.
    """

    def __init__(
        self,
        cluster: Cluster,
        target: Target,
        selection: Selection,
        options: ReplayOptions,
        tell: Callable[[Replayed], None],
    ) -> None:
        self._cluster = cluster
        self._target = target
        self._tell = tell
        self.options = options
        # Here, so that what is missing is known before anything is written.
        cluster.admin([*target.topics, *target.retry_topics.values()])
        self._readings = [
            LetterReading(cluster, topic, selection, any_name=target.foreign)
            for topic in target.topics
        ]
        self.counts: Counter[str] = Counter()

    def done(self, run: str = "") -> Replayed:
        """Return what was done."""
        return Replayed(
            run,
            sum(each.passed for each in self._readings),
            sum(each.total for each in self._readings),
            **self.counts,
        )

    def tell(self, run: str = "") -> None:
        """Tell whoever wants to know."""
        self._tell(self.done(run))

    def chosen(self, run: str = "") -> Iterator[tuple[Letter, Record]]:
        """Yield the letters to send, each with its record; counts the others."""
        same = self._same_event()
        already = self._already(same)
        for reading in self._readings:
            for letter in reading:
                self.counts["meant"] += 1
                if not self.counts["meant"] % TELL_EVERY:
                    self.tell(run)
                why = self._why_it_stays(letter, already, same)
                record = None if why else self._record(letter, run, same)
                if record is not None:
                    yield letter, record
                else:
                    self.counts[why or "without_value"] += 1

    def _same_event(self) -> SameEvent:
        same = SameEvent()
        for reading in self._readings:
            for letter in reading:
                if (topic := self._target.topic_of(letter)) is not None:
                    same.add(letter, topic)
            reading.passed = 0  # What is looked at to decide is what is told.
        return same

    def _already(self, same: SameEvent) -> Already:
        found = Already(self._ends(self._target.topics))
        topics = {retry_topic: topic for topic, retry_topic in self._target.retry_topics.items()}
        for delivery in read_stored(self._cluster, self._ends(topics)):
            replay = read_replay(delivery.header_values)
            found.note(replay)
            same.note(delivery, topics[delivery.topic], replay)
        return found

    def _ends(self, topics: Iterable[str]) -> dict[TopicPartition, tuple[int, int]]:
        admin = self._cluster.admin(list(topics))
        partitions = admin.partitions.items()
        return admin.ends([(topic, n) for topic, count in partitions for n in range(count)])

    def _why_it_stays(self, letter: Letter, already: Already, same: SameEvent) -> str:
        """Return what it counts as; empty where it is sent."""
        options = self.options
        topic = self._target.topic_of(letter)
        if topic is None:
            return "of_others"
        if not options.again and letter.delivery in already:
            return "before"
        if not same.is_newest(letter, topic):
            return "older"
        too_often = same.replays(letter, topic) >= QUARANTINED_AFTER
        if too_often and not options.include_quarantined:
            return "quarantined"
        return ""

    def _record(self, letter: Letter, run: str, same: SameEvent) -> Record | None:
        """Return what is sent of a letter; None where its value is gone."""
        topic = self._target.topic_of(letter) or ""
        retry_topic = self._target.retry_topics[topic]
        original = None
        if is_without_value(letter):
            original = original_of(self._cluster, letter, (topic, retry_topic))
            if original is None:
                return None
        # Its own time, however long the replay takes: retention counts from it.
        now_ms = audit.now_ms()
        replays = same.replays(letter, topic)
        return replayed(letter.delivery, retry_topic, run, now_ms, original, replays=replays)
