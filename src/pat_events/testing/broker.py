"""A Kafka broker inside the process that tests."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self

from pat_events.catalog.topic_names import TOPIC_NAME_RULE, is_topic_name
from pat_events.errors import ConfigError
from pat_events.testing.faults import Faults
from pat_events.testing.librdkafka import MockCluster
from pat_events.transports.kafka import KafkaConfig, KafkaTransport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from pat_events.catalog.model import Catalog
    from pat_events.transports.kafka.client_properties import PropertyValue


# The mock's classic group waits a second less than its session for members to come back, whenever
# one joins or leaves. Longer than what a busy machine keeps a heartbeat waiting.
_CLASSIC: Final = {"session.timeout.ms": "3000", "heartbeat.interval.ms": "300"}


class EmbeddedBroker:
    """One or more Kafka brokers on loopback ports, gone when closed.

    It is the mock cluster of librdkafka: it speaks the protocol to clients of any
    language and process, keeps records and committed offsets in memory, and runs
    consumer groups, classic and KIP-848. It starts in about a millisecond. Its limits:

    * Nothing is written to disk or replicated: it proves nothing about durability.
    * A partition keeps its last 5 MiB or 100,000 batches; older ones are gone.
    * Whenever a member of a classic group joins or leaves others, or follows one that left, the
      group is assigned after its session time-out less a second: 44 s by default, 2 s with
      ``config``. The first member of a group, and those of KIP-848, do not wait.
    * An empty fetch is held for the whole ``fetch.wait.max.ms`` of the consumer (500 by
      default), even if records arrive meanwhile; ``config`` sets it to 10.
    * A produce request that is sent again because its answer was lost is stored
      again; only transactional producers are protected from that.
    * Transactions are accepted, but ``read_committed`` shows open and aborted ones too.
    * Producers create the topics they ask for, with 4 partitions; that cannot be
      switched off. ``faults.set_topic_error`` makes a topic look absent.
    * Topics have no ids: one that is created again is not told from the one before.
    * Admin clients can list topics, read offsets and change those of a group; they cannot
      create or change topics, nor list groups. ``create_topics`` takes the place of
      ``pat-events topics apply``.

    Args:
        brokers: How many; their ids are 1 to ``brokers``.

    Raises:
        ConfigError: ``brokers`` is not positive, or the installed librdkafka has no mock cluster.
    """

    def __init__(self, brokers: int = 1) -> None:
        if brokers < 1:
            raise ConfigError(f"brokers is {brokers}: it must be 1 or more")
        self._brokers = brokers
        self._cluster = MockCluster(brokers)
        # Kafka waits 3 s for more members before it first assigns; tests have no time for that.
        self._cluster.call("group_initial_rebalance_delay_ms", 0, failed="no rebalance delay")
        self.faults: Final = Faults(self._cluster, brokers)

    @property
    def bootstrap_servers(self) -> str:
        """``host:port`` of every broker, separated by commas."""
        return self._cluster.bootstrap_servers

    def config(
        self,
        *,
        environ: Mapping[str, str] = MappingProxyType({}),
        client_properties: Mapping[str, PropertyValue] = MappingProxyType({}),
        **settings: object,
    ) -> KafkaConfig:
        """Return the settings of clients of this broker.

        Args:
            environ: Where to read ``PAT_EVENTS_*`` from, such as ``os.environ``; from nowhere
                by default. Its address and client properties are those of another broker and
                left out.
            client_properties: Added to those that clients of an embedded broker need.
            settings: Further fields of ``KafkaConfig``; they win over ``environ``.

        Raises:
            ConfigError: a setting is impossible.
        """
        config = KafkaConfig.from_env(
            environ,
            bootstrap_servers=self.bootstrap_servers,
            client_properties={"fetch.wait.max.ms": "10", **client_properties},
            **settings,
        )
        if config.group_protocol != "classic":
            return config  # there the broker decides
        return replace(config, client_properties={**_CLASSIC, **config.client_properties})

    def transport(
        self, *, environ: Mapping[str, str] = MappingProxyType({}), **settings: object
    ) -> KafkaTransport:
        """Return this broker as a producer or a consumer group takes it; see ``config``."""
        return KafkaTransport(self.config(environ=environ, **settings))  # type: ignore[arg-type]

    def create_topic(self, name: str, partitions: int = 4) -> None:
        """Create a topic, replicated to at most three brokers; leaders are drawn at random.

        Raises:
            ConfigError: the name or the number is impossible, or the topic exists.
            ClosedError: the broker was closed.
        """
        # The mock would take any bytes.
        if not is_topic_name(name):
            raise ConfigError(f"{name!r} is no topic name: use {TOPIC_NAME_RULE}")
        if partitions < 1:
            raise ConfigError(f"partitions of {name} is {partitions}: it must be 1 or more")
        self._cluster.call(
            "topic_create",
            name.encode(),
            partitions,
            min(3, self._brokers),
            failed=f"topic {name} cannot be created",
        )

    def create_topics(self, catalog: Catalog) -> None:
        """Create every topic of a catalogue and of its groups: dead letters, retries, and audit.

        Raises:
            ConfigError: one of them exists.
            ClosedError: the broker was closed.
        """
        for topic in catalog.topics.values():
            self.create_topic(topic.name, topic.partitions)
        for group in catalog.groups.values():
            self.create_dead_letter_topics(catalog, group.name, catalog.topics_of(group.consumes))
            self.create_topic(catalog.audit_topic(group.name), 1)

    def create_dead_letter_topics(
        self, catalog: Catalog, group: str, topics: Iterable[str]
    ) -> None:
        """Create the topics for what ``group`` cannot handle from ``topics``.

        And those in which it meets that again.

        Raises:
            ConfigError: one of them exists.
            ClosedError: the broker was closed.
        """
        routes = catalog.groups[group].dead_letter_routes if group in catalog.groups else ()
        for topic in topics:
            for name in (
                *(catalog.dead_letter_topic(topic, group, route) for route in ("", *routes)),
                catalog.retry_topic(topic, group),
            ):
                self.create_topic(name, catalog.dead_letters.partitions)

    def close(self) -> None:
        """Stop and free the ports; harmless when repeated. Close clients first, or they log it."""
        self._cluster.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
