"""The positions of a group that nobody is in, and setting them."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from tenacity import stop_after_delay

from pat_events.errors import TransportError, TransportTimeoutError
from pat_events.transports.kafka import properties
from pat_events.transports.kafka.errors import checked, kafka_errors, translate
from pat_events.transports.kafka.readiness import retry_until_ready
from pat_events.transports.kafka.topics import Mark, Topics

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from types import TracebackType
    from typing import Self

    from pat_events.core.record import TopicPartition as Pair
    from pat_events.transports.kafka.config import KafkaConfig

# Longest wait for one answer, and for all attempts at one question, in seconds.
_ANSWER_S: Final = 5.0
_RETRY_FOR_S: Final = 15.0
# Longest wait for positions before what else the cluster has said is looked at, in seconds.
_LISTEN_S: Final = 3.0
_POLL_S: Final = 0.1


class GroupPositions:
    """Reads and sets what a group has committed, by a consumer that never joins it.

    Not by the admin client: its questions to a group's coordinator can end the whole process when
    that moves or the connection breaks. Used as a context manager.

    Args:
        config: The cluster.
        group: Name of the group.
    """

    def __init__(self, config: KafkaConfig, group: str) -> None:
        self._group = group
        self._topics = Topics(config)
        self._until_ready = retry_until_ready.copy(stop=stop_after_delay(_RETRY_FOR_S))
        self._results: list[tuple[KafkaError | None, list[TopicPartition]]] = []
        settings = properties.consumer(config, group, lambda _: None, purpose="admin")
        settings["on_commit"] = lambda error, found: self._results.append((error, found))
        with properties.making_client(config, f"making a client for group {group}"):
            self._client = Consumer(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def committed(self, pairs: Collection[Pair]) -> dict[Pair, int]:
        """Return the next offset to read, for those of the partitions the group has committed.

        Raises:
            TransportError: the cluster did not answer, or does not permit it.
        """
        return {pair: position.offset for pair, position in self._found(pairs).items()}

    def valid(self, pairs: Collection[Pair]) -> dict[Pair, int]:
        """Like ``committed``, without positions in a topic of that name that was deleted."""
        topics = self._ask(pairs)
        return {
            pair: position.offset
            for pair, position in self._found(pairs).items()
            if not _is_of_another_topic(position, topics[pair[0]])
        }

    def set(self, offsets: Mapping[Pair, int]) -> None:
        """Commit these positions.

        Raises:
            TransportError: somebody is in the group by now, and nothing was changed; or the cluster
                refused, which it does for each topic: the message names those that were set.
            TransportTimeoutError: no answer came; it is unknown whether they are set.
        """
        if not offsets:
            return
        topics = self._ask(offsets)
        committed = self._found(offsets)
        wanted = [
            TopicPartition(*pair, offset, str(_mark(committed.get(pair), topics[pair[0]])))
            for pair, offset in offsets.items()
        ]
        doing = f"setting the positions of group {self._group}"
        with kafka_errors(doing):
            # A synchronous commit waits without a limit for a coordinator that is frozen.
            self._client.commit(offsets=wanted, asynchronous=True)
        deadline = time.monotonic() + _RETRY_FOR_S
        while not self._results:
            if time.monotonic() >= deadline:
                raise TransportTimeoutError(
                    f"{doing}: no answer in {_RETRY_FOR_S:g} s; look at the group's positions "
                    "before you do it again"
                )
            self._client.poll(_POLL_S)
        error, found = self._results.pop()
        self._check(error, found, offsets, doing)

    def _check(
        self,
        error: KafkaError | None,
        found: list[TopicPartition],
        wanted: Mapping[Pair, int],
        doing: str,
    ) -> None:
        refusal = next(filter(None, [*(position.error for position in found), error]), None)
        if refusal is None:
            return
        if refusal.code() == KafkaError.UNKNOWN_MEMBER_ID:
            raise TransportError(f"{doing}: a member has joined the group meanwhile; stop it first")
        # The client gives every partition the error of one, and those of other topics are set.
        with suppress(KafkaException, TransportError):
            now = self.committed(wanted)
            left = {pair[0] for pair, offset in wanted.items() if now.get(pair) != offset}
            doing += f" in {', '.join(sorted(left))}"
            if done := sorted({topic for topic, _ in wanted} - left):
                doing += f" (those in {', '.join(done)} are set)"
        raise translate(refusal, doing)

    def _found(self, pairs: Collection[Pair]) -> dict[Pair, TopicPartition]:
        asked = [TopicPartition(topic, partition) for topic, partition in pairs]
        if not asked:
            return {}
        with kafka_errors(f"reading the positions of group {self._group}"):
            found = checked(self._until_ready(_listen, self._client, asked))
        # Negative means none.
        return {(p.topic, p.partition): p for p in found if p.offset >= 0}

    def _ask(self, pairs: Collection[Pair]) -> dict[str, Mark]:
        names = {topic for topic, _ in pairs}
        with kafka_errors(f"asking for {', '.join(sorted(names))}"):
            return self._topics.ask(names)


def _listen(client: Consumer, asked: list[TopicPartition]) -> list[TopicPartition]:
    """Ask once. That the group is not ours to ask for comes as a message, and a time-out here."""
    try:
        return client.committed(asked, timeout=_LISTEN_S)
    except KafkaException:
        said = client.poll(0)
        error = None if said is None else said.error()
        if error is not None and error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            raise KafkaException(error) from None
        raise


def _mark(position: TopicPartition | None, now: Mark) -> str:
    """Return what to commit beside a new position: when the group began with it stays known."""
    if position is None or _is_of_another_topic(position, now):
        return str(now)
    known = Mark.parse(position.metadata)
    return str(replace(now, partitions=0 if known is None else known.partitions))


def _is_of_another_topic(position: TopicPartition, now: Mark) -> bool:
    mark = Mark.parse(position.metadata)
    return mark is not None and mark.of_another_topic(now)
