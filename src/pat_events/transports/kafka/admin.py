"""What an operator asks of a cluster and changes in it: a thin layer over the admin client."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from confluent_kafka import (
    KafkaError,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from pat_events.config import ANSWER_TIMEOUT_S
from pat_events.errors import ConfigError, NotPermittedError, TransportError
from pat_events.transports.kafka import coordinator
from pat_events.transports.kafka.answers import ANSWER_S, answer, permitted_by, refusals, was_done
from pat_events.transports.kafka.connecting import connect
from pat_events.transports.kafka.errors import kafka_errors
from pat_events.transports.kafka.group_positions import GroupPositions
from pat_events.transports.kafka.in_subprocess import ask_in_subprocess
from pat_events.transports.kafka.partition_counts import hidden, partition_counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from confluent_kafka.admin import ClusterMetadata  # type: ignore[attr-defined]

    from pat_events.core.record import TopicPartition as Pair
    from pat_events.transports.kafka.config import KafkaConfig
    from pat_events.transports.kafka.membership import Membership

# How the name of a cluster begins that is librdkafka's mock.
_MOCK: Final = "mockCluster"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic to create; ``settings`` are Kafka's topic settings by name."""

    name: str
    partitions: int
    replication: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TopicLayout:
    """How a topic lies on the brokers."""

    partitions: int
    replication: int


class KafkaAdmin:
    """Administration of the cluster a ``KafkaConfig`` names.

    Every call is bounded. Raises ``TransportError`` where the cluster refuses, which
    includes a lack of permission, and ``ConfigError`` where it is an embedded broker and the
    question is one for a controller.

    Args:
        config: The cluster.
        topics: What has to be there.
        answer_timeout_s: Longest wait for the first answer, in seconds.

    Attributes:
        partitions: How many each of ``topics`` has.

    Raises:
        TransportUnavailableError: no broker answered in time; names the address.
        TopicMissingError: names the topics that do not exist.
    """

    def __init__(
        self,
        config: KafkaConfig,
        topics: Sequence[str] = (),
        *,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        self._config = config
        self._address = config.bootstrap_servers
        # Kept for as long as any answer is awaited: its end cancels what it was asked.
        self._client, metadata = connect(config, answer_timeout_s)
        self.partitions: Final = partition_counts(
            self._client, metadata, topics, self._address, answer_timeout_s
        )

    def require(self, topics: Sequence[str]) -> None:
        """Raise unless all of these are there and may be seen; as the constructor does."""
        partition_counts(self._client, self._metadata(), topics, self._address, ANSWER_S)

    def _metadata(self) -> ClusterMetadata:
        with kafka_errors(f"asking {self._address} what there is"):
            return self._client.list_topics(timeout=ANSWER_S)

    @cached_property
    def _controlled(self) -> AdminClient:
        """The client, for questions to the controller, which an embedded broker has not."""
        name = str(self._metadata().cluster_id)
        if name.startswith(_MOCK):
            raise ConfigError(
                f"{self._address} is an embedded broker, which cannot create, change or describe "
                "topics: make them with EmbeddedBroker.create_topics"
            )
        return self._client

    def brokers(self) -> int:
        """Return how many brokers there are."""
        return len(self._metadata().brokers)

    def layouts(self) -> dict[str, TopicLayout]:
        """Return every topic this client may see."""
        return {
            name: TopicLayout(
                len(topic.partitions),
                max((len(p.replicas) for p in topic.partitions.values()), default=0),
            )
            for name, topic in self._metadata().topics.items()
            if topic.error is None
        }

    def hidden(self, topics: Iterable[str]) -> list[str]:
        """Return those that may be there and may not be seen, of topics not in ``layouts``."""
        return hidden(self._client, topics, self._address, ANSWER_S)

    def settings(self, topics: Iterable[str]) -> dict[str, dict[str, str]]:
        """Return the settings in force for each topic, defaults included."""
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in topics]
        if not resources:
            return {}
        futures = self._controlled.describe_configs(resources, request_timeout=ANSWER_S)
        found = {}
        for resource, future in futures.items():
            entries = answer(future, f"reading settings of {resource.name}")
            found[resource.name] = {name: entry.value or "" for name, entry in entries.items()}
        return found

    def create(self, specs: Sequence[TopicSpec]) -> list[str]:
        """Create topics; returns the names of those that were not there already."""
        if not specs:
            return []
        wanted = [
            NewTopic(s.name, s.partitions, s.replication, config=dict(s.settings)) for s in specs
        ]
        futures = self._controlled.create_topics(
            wanted, operation_timeout=ANSWER_S, request_timeout=ANSWER_S
        )
        created = []
        for name, future in futures.items():
            # Else somebody was quicker, or our own first try did arrive.
            if was_done(future, f"creating topic {name}", KafkaError.TOPIC_ALREADY_EXISTS):
                created.append(name)
        return created

    def grow(self, topic: str, partitions: int) -> None:
        """Give a topic more partitions, ``partitions`` in all."""
        futures = self._controlled.create_partitions(
            [NewPartitions(topic, partitions)],
            operation_timeout=ANSWER_S,
            request_timeout=ANSWER_S,
        )
        answer(futures[topic], f"adding partitions to {topic}")

    def set(self, topic: str, settings: Mapping[str, str]) -> None:
        """Change these settings of a topic and no others."""
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            for name, value in settings.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        futures = self._controlled.incremental_alter_configs([resource], request_timeout=ANSWER_S)
        for future in futures.values():
            answer(future, f"changing settings of {topic}")

    def delete(self, topics: Sequence[str], groups: Sequence[str]) -> None:
        """Delete topics with all they hold, and groups with their positions.

        One that is refused does not keep the others; the first refusal is raised.
        """
        client = self._controlled
        refused = ask_in_subprocess(self._config, coordinator.delete, groups) if groups else []
        if topics:
            futures = client.delete_topics(
                list(topics), operation_timeout=ANSWER_S, request_timeout=ANSWER_S
            )
            gone = KafkaError.UNKNOWN_TOPIC_OR_PART
            refused += refusals(futures, "deleting", gone)
        if refused:
            raise refused[0]

    def delete_before(self, offsets: Mapping[Pair, int]) -> None:
        """Delete the records of each partition that are before an offset, for good.

        One that is refused does not keep the others; the first refusal is raised.
        """
        asked = [TopicPartition(*pair, offset) for pair, offset in offsets.items()]
        futures = self._controlled.delete_records(asked, request_timeout=ANSWER_S)
        named = {f"{it.topic}/{it.partition}": future for it, future in futures.items()}
        # Whoever was quicker deleted up to there, or further.
        refused = refusals(named, "deleting from", KafkaError.OFFSET_OUT_OF_RANGE)
        for error in refused:
            if isinstance(error, NotPermittedError):
                raise NotPermittedError(
                    f"deleting from {_topics_of(offsets)} is not permitted; allow Delete on the "
                    "topic (MSK IAM: kafka-cluster:DeleteTopic)"
                ) from error
            raise error

    def groups(self) -> list[str]:
        """Return the names of the consumer groups, sorted."""
        future = self._client.list_consumer_groups(request_timeout=ANSWER_S)
        listed = answer(future, f"asking {self._address} for its groups")
        return sorted(group.group_id for group in listed.valid)

    def membership(self, group: str) -> Membership:
        """Return who is in a group."""
        [told] = ask_in_subprocess(self._config, coordinator.memberships, [group]).values()
        if isinstance(told, TransportError):
            raise told
        return told

    def committed(self, group: str, pairs: Sequence[Pair]) -> dict[Pair, int]:
        """Return the next offset to read, for those of the partitions the group has committed."""
        if not pairs:
            return {}
        with GroupPositions(self._config, group) as positions:
            return positions.committed(pairs)

    def ends(self, pairs: Sequence[Pair]) -> dict[Pair, tuple[int, int]]:
        """Return the first offset still there and the one after the last, per partition."""
        earliest = self._offsets(pairs, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        latest = self._offsets(pairs, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return {pair: (earliest[pair], latest[pair]) for pair in pairs}

    def at_time(self, pairs: Sequence[Pair], at: datetime) -> dict[Pair, int]:
        """Return the offset of the first record of this time or later, where there is one."""
        # Below 0 are Kafka's words for the ends of the log.
        spec = OffsetSpec.for_timestamp(max(0, int(at.timestamp() * 1000)))
        return {pair: found for pair, found in self._offsets(pairs, spec).items() if found >= 0}

    def permitted(self, topics: Sequence[str]) -> dict[str, frozenset[str] | None]:
        """Return what this client may do with each topic, as Kafka's operation names.

        None where the cluster does not say. A cluster without authorisation permits everything.
        """
        futures = self._controlled.describe_topics(
            TopicCollection(list(topics)),
            include_authorized_operations=True,
            request_timeout=ANSWER_S,
        )
        return {topic: permitted_by(future, topic) for topic, future in futures.items()}

    def permitted_on_group(self, group: str) -> frozenset[str] | None:
        """Return what this client may do with a group, as Kafka's operation names.

        None where the cluster does not say.
        """
        return ask_in_subprocess(self._config, coordinator.permitted, group)

    def _offsets(self, pairs: Sequence[Pair], spec: OffsetSpec) -> dict[Pair, int]:
        if not pairs:
            return {}
        asked = {TopicPartition(topic, partition): spec for topic, partition in pairs}
        futures = self._client.list_offsets(asked, request_timeout=ANSWER_S)
        return {
            (p.topic, p.partition): answer(future, f"finding the ends of {p.topic}").offset
            for p, future in futures.items()
        }


def _topics_of(pairs: Iterable[Pair]) -> str:
    return ", ".join(sorted({topic for topic, _ in pairs}))
