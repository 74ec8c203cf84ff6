"""Which topic a name stands for: one that was deleted and created again is another topic."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from pat_events.transports.kafka import properties
from pat_events.transports.kafka.readiness import not_ready

if TYPE_CHECKING:
    from collections.abc import Collection
    from concurrent.futures import Future
    from typing import Self

    from confluent_kafka.admin import (  # type: ignore[attr-defined]
        ListOffsetsResultInfo,
        TopicDescription,
    )

    from pat_events.core import record
    from pat_events.transports.kafka.config import KafkaConfig

# Longest wait for one answer, in seconds.
_ANSWER_S: Final = 10.0
# How often a member that reads asks whether its topics are still the same, in seconds.
LOOK_S: Final = 30.0
_MARK: Final = re.compile(r"pat-events cluster=(\S+) topic=(\S+) partitions=(\d+)")
_UNKNOWN: Final = "-"
# All bits zero.
_NO_ID: Final = "A" * 22


@dataclass(frozen=True, slots=True)
class Mark:
    """What is committed beside a position, as Kafka's "metadata" of it.

    Attributes:
        cluster: Id of the cluster: tools that copy positions to another copy this, too.
        topic: Id of the topic, which a name keeps until the topic is deleted; "-" where a cluster
            has none (Kafka before 2.8).
        partitions: How many the topic had when the group began with the partition; 0 if that was
            before its positions had marks.
    """

    cluster: str
    topic: str
    partitions: int

    def __str__(self) -> str:
        return f"pat-events cluster={self.cluster} topic={self.topic} partitions={self.partitions}"

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Return the mark in a position's metadata, None where another tool wrote it."""
        found = _MARK.fullmatch(text or "")
        return None if found is None else cls(found[1], found[2], int(found[3]))

    def of_another_topic(self, now: Mark) -> bool:
        """Tell whether this was written for a topic that had the name before the one of ``now``."""
        return (
            self.cluster == now.cluster
            and self.topic != now.topic
            and _UNKNOWN not in (self.topic, now.topic)
        )


class Topics:
    """Asks a cluster which topics the names stand for. One thread owns it.

    By a client of its own: ``list_topics`` of the one that is in a rebalance callback leaves it
    without the state its next callback asserts, which ends the process.
    """

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._admin: AdminClient | None = None
        self._next_look = 0.0
        self._asked: dict[str, Future[TopicDescription]] = {}
        #: Each topic as it was when it was asked about last.
        self.known: dict[str, Mark] = {}

    def ask(self, names: Collection[str]) -> dict[str, Mark]:
        """Return each topic as it is now.

        Raises:
            KafkaException: one is not there, or nobody answered.
        """
        found = {}
        for name in names:
            try:
                answer = self._client().list_topics(name, timeout=_ANSWER_S)
            except KafkaException:
                # Its password or certificate may be over: the next one is made with what there is.
                self.sign_in_again()
                raise
            topic = answer.topics[name]
            if topic.error is not None:
                raise KafkaException(topic.error)
            # Without a controller, as the embedded broker, a cluster tells no ids.
            has_controller = answer.controller_id in answer.brokers
            topic_id = self._id(name) if has_controller else _UNKNOWN
            found[name] = Mark(str(answer.cluster_id), topic_id, len(topic.partitions))
        return found

    def recreated(self) -> list[str]:
        """Return those that are another topic by now; asks every ``LOOK_S`` and never waits."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_S
            self._asked = self._describe([n for n, m in self.known.items() if m.topic != _UNKNOWN])
        if not self._asked or not all(future.done() for future in self._asked.values()):
            return []
        asked, self._asked = self._asked, {}
        return [
            name
            for name, future in asked.items()
            # One that is not there has no other id yet, and one that may not be seen tells none.
            if future.exception() is None
            and (known := self.known.get(name)) is not None
            and known.of_another_topic(Mark(known.cluster, _id_in(future.result()), 0))
        ]

    def ask_ends(
        self, pairs: Collection[record.TopicPartition]
    ) -> dict[record.TopicPartition, Future[ListOffsetsResultInfo]]:
        """Ask where partitions end, without waiting for the answers."""
        return ask_ends(self._client(), pairs, _ANSWER_S)

    def sign_in_again(self) -> None:
        """Ask by a new client from now on: the one there is knows an earlier sign-in."""
        self._admin = None
        self._asked = {}

    def _id(self, name: str) -> str:
        try:
            return _id_in(self._describe([name])[name].result(_ANSWER_S * 2))
        except KafkaException as error:
            if not_ready(error):
                raise
            return _UNKNOWN

    def _describe(self, names: list[str]) -> dict[str, Future[TopicDescription]]:
        if not names:
            return {}
        return self._client().describe_topics(TopicCollection(names), request_timeout=_ANSWER_S)

    def _client(self) -> AdminClient:
        if self._admin is None:
            # Kept: its end cancels what it was asked, and signing in again is expensive.
            config = replace(self._config)  # Made again it reads its file.
            self._admin = AdminClient(properties.admin(config, lambda _: None))  # type: ignore[arg-type]
        return self._admin


def ask_ends(
    client: AdminClient, pairs: Collection[record.TopicPartition], timeout_s: float
) -> dict[record.TopicPartition, Future[ListOffsetsResultInfo]]:
    """Ask where partitions end; answers come within ``timeout_s``, if the client is kept."""
    spec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    asked = {TopicPartition(*pair): spec for pair in pairs}
    answers = client.list_offsets(asked, request_timeout=timeout_s)
    return {(it.topic, it.partition): future for it, future in answers.items()}


def _id_in(answer: TopicDescription) -> str:
    topic_id = str(answer.topic_id)
    return _UNKNOWN if topic_id == _NO_ID else topic_id
