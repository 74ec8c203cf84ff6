"""Which librdkafka settings a ``KafkaConfig`` means, with the reason for each."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException

from pat_events.errors import ConfigError
from pat_events.transports.kafka import msk_iam
from pat_events.transports.kafka.client_properties import ClientProperties
from pat_events.transports.kafka.client_property_names import no_such_property
from pat_events.transports.kafka.errors import translate
from pat_events.transports.kafka.logs import client_log
from pat_events.transports.kafka.tokens import own_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confluent_kafka import KafkaError

    from pat_events.config import Config
    from pat_events.transports.kafka.config import KafkaConfig
    from pat_events.transports.kafka.tokens import TokenSource

#: How a classic group's members share partitions out.
STRATEGY: Final = "partition.assignment.strategy"
COOPERATIVE: Final = "cooperative-sticky"
# Settings the delivery guarantees stand on, and those a Config field owns.
_OWNED: Final = {
    "acks": "always 'all'",
    "auto.commit.enable": "the engine commits",
    "auto.offset.reset": "see the start of a consumer group",
    "batch.size": "KafkaConfig.batch_bytes",
    "bootstrap.servers": "KafkaConfig.bootstrap_servers",
    "compression.codec": "KafkaConfig.compression",
    "compression.type": "KafkaConfig.compression",
    "default.topic.config": "set the properties themselves",
    "delivery.report.only.error": "each event is reported",
    "delivery.timeout.ms": "Config.delivery_timeout_s",
    "enable.auto.commit": "the engine commits",
    "enable.auto.offset.store": "the engine commits",
    "enable.idempotence": "always on",
    "enable.partition.eof": "the end of a partition is the engine's to know",
    "error_cb": "errors are logged, and raised where they matter",
    "group.id": "the consumer group's name",
    "group.protocol": "KafkaConfig.group_protocol",
    "linger.ms": "KafkaConfig.linger_s",
    "logger": "the client logs to 'pat_events.kafka.client'",
    "message.send.max.retries": "Config.delivery_timeout_s is the limit",
    "message.timeout.ms": "Config.delivery_timeout_s",
    "metadata.broker.list": "KafkaConfig.bootstrap_servers",
    "on_commit": "the engine commits",
    "on_delivery": "the handle of each event tells",
    "partitioner": "always murmur2_random",
    "queue.buffering.max.kbytes": "Config.buffer_bytes",
    "queue.buffering.max.messages": "Config.buffer_events",
    "queue.buffering.max.ms": "KafkaConfig.linger_s",
    "request.required.acks": "always 'all'",
    "retries": "Config.delivery_timeout_s is the limit",
    "transactional.id": "there are no transactions here",
}
# Brokers before 1.0 refuse other characters in the name of a client, and metrics escape them.
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9._-]+")
# How the client names a property that it refuses, and one that it does not know.
_REFUSED: Final = re.compile(r"onfiguration property:? [\"`]([^\"`]+)[\"`]")
_UNKNOWN: Final = "No such configuration property"
_CALLBACKS: Final = ("oauth_cb", "stats_cb", "throttle_cb")
# A broker-side limit decides what is too large. The client's own must be out of
# the way, or a dead letter of a record some other client wrote could not be written.
_NO_CLIENT_LIMIT_BYTES: Final = 1_000_000_000
_PRODUCER_ONLY: Final = ("sticky.partitioning.linger.ms", "queue.buffering.backpressure.threshold")
_CONSUMER_PREFIXES: Final = (
    "fetch.",
    "queued.",
    "session.",
    "heartbeat.",
    "max.poll.",
    "group.",
    "partition.assignment.",
    "isolation.level",
    "check.crcs",
)


def common(
    config: KafkaConfig, purpose: str, on_error: Callable[[KafkaError], None]
) -> dict[str, object]:
    """Return the settings of every client; brokers tell it by its ``purpose``."""
    given = ClientProperties.of(config.client_properties)
    for name, value in given.items():
        # The client takes settings of topics with this prefix as well.
        owned = _OWNED.get(name.removeprefix("topic."))
        if owned is not None:
            raise ConfigError(
                f"{given.place_of(name)}: client property {name!r} cannot be set: {owned}"
            )
        if name in _CALLBACKS and not callable(value):
            raise ConfigError(
                f"{given.place_of(name)}: client property {name!r} must be a function: set it in "
                "code"
            )
    return {
        "bootstrap.servers": config.bootstrap_servers,
        "client.id": f"pat-events-{_NOT_IN_NAMES.sub('-', purpose)}",
        # librdkafka waits up to 10 s between attempts by default: an outage
        # of one second would take several to be over.
        "reconnect.backoff.max.ms": 1_000,
        "socket.keepalive.enable": True,
        "log_level": 4,
        "logger": client_log,
        "error_cb": on_error,
        **_authentication(config),
    }


def _authentication(config: KafkaConfig) -> dict[str, object]:
    source = _token_source(config)
    if source is None:
        return {}
    # The first one before there is a client, which would only say that it has none.
    source.token()
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "OAUTHBEARER",
        "oauth_cb": source,
    }


def _token_source(config: KafkaConfig) -> TokenSource | None:
    if config.token_source is not None:
        return own_source(config.token_source)
    if config.msk_iam_region is None:
        return None
    return msk_iam.token_source(
        config.msk_iam_region,
        config.msk_iam_role_arn,
        config.msk_iam_session_name,
        config.msk_iam_profile,
    )


def producer(
    config: KafkaConfig,
    limits: Config,
    on_error: Callable[[KafkaError], None],
    *,
    waiting_events: int = 0,
    waiting_bytes: int = 0,
) -> dict[str, object]:
    """Return a producer's settings; it has room for at least what is said to wait for it.

    Raises:
        ConfigError: a property is not for callers to set, or a batch waits longer than an event.
    """
    if limits.delivery_timeout_s <= config.linger_s:
        raise ConfigError(
            f"delivery_timeout_s ({limits.delivery_timeout_s}) must be longer than linger_s "
            f"({config.linger_s}), or every event fails"
        )
    kbytes = -(-max(limits.buffer_bytes, waiting_bytes) // 1024)
    return {
        **common(config, limits.source or "producer", on_error),
        # Also sets acks=all and keeps order across retries.
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": config.linger_s * 1000,
        "batch.size": config.batch_bytes,
        "compression.type": config.compression,
        "queue.buffering.max.messages": max(limits.buffer_events, waiting_events),
        "queue.buffering.max.kbytes": kbytes,
        # Without a limit: the sender gives an event up. A client that does so gives each request
        # no more time than its oldest event has left, takes the answers of a slow cluster for
        # missing, begins a new epoch and sends again what the brokers have.
        "delivery.timeout.ms": 0,
        "message.max.bytes": _NO_CLIENT_LIMIT_BYTES,
        # librdkafka waits 30 s for a topic that is not there, in case it is only being made.
        "topic.metadata.propagation.max.ms": 3_000,
        # The Java client's: one key, one partition, whoever writes it.
        "partitioner": "murmur2_random",
        **_own(config, wanted=lambda name: not name.startswith(_CONSUMER_PREFIXES)),
    }


def consumer(
    config: KafkaConfig,
    group: str,
    on_error: Callable[[KafkaError], None],
    *,
    purpose: str | None = None,
) -> dict[str, object]:
    """Return a consumer's settings; its group is its purpose, unless it never joins.

    Raises:
        ConfigError: a property is not for callers to set, or the group has no name.
    """
    if not group:
        raise ConfigError("the name of the group is empty")  # The client ends the process.
    properties: dict[str, object] = {
        **common(config, purpose or group, on_error),
        "group.id": group,
        "group.protocol": config.group_protocol,
        # Nothing but the engine moves an offset.
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # 'earliest' would read a whole topic again, and 'latest' skip, without a word.
        "auto.offset.reset": "error",
        # What is fetched ahead is memory: 64 MiB for all partitions together.
        "queued.min.messages": 50_000,
        "queued.max.messages.kbytes": 65_536,
        "fetch.queue.backoff.ms": 10,
    }
    if config.group_protocol == "classic":
        # Only the partitions that move stop. KIP-848 has it built in and refuses the key.
        properties[STRATEGY] = COOPERATIVE
        # With a heartbeat members hear that others come or go, and partitions rest until then. With
        # librdkafka's 3 s a second member read after 4.4 s (median), with 1 s after 1.4.
        properties["heartbeat.interval.ms"] = 1_000
        # How late a topic is noticed that the group waits for, and partitions that are new; KIP-848
        # tells members. librdkafka asks every 5 minutes.
        properties["topic.metadata.refresh.interval.ms"] = 10_000
    properties |= _own(config, wanted=lambda name: name not in _PRODUCER_ONLY)
    return properties


def admin(config: KafkaConfig, on_error: Callable[[KafkaError], None]) -> dict[str, object]:
    """Return an administration client's settings."""
    return {
        **common(config, "admin", on_error),
        # Asking for a topic by its name must not make it.
        "allow.auto.create.topics": False,
        **_own(config, wanted=lambda name: not name.startswith(_CONSUMER_PREFIXES)),
    }


@contextmanager
def making_client(config: KafkaConfig, doing: str) -> Iterator[None]:
    """Raise what a client says against its settings as ``ConfigError``, with where they stand."""
    try:
        yield
    except KafkaException as error:
        cause = error.args[0]
        given = ClientProperties.of(config.client_properties)
        said = cause.str().strip()
        named = _REFUSED.search(said)
        # The client names those of topics without their prefix.
        names = [each for each in given if named and each.removeprefix("topic.") == named[1]]
        if not names:
            raise translate(cause, doing) from error
        place = given.place_of(names[0])
        if _UNKNOWN in said:
            raise ConfigError(f"{place} sets {no_such_property(names[0])}") from error
        raise ConfigError(f"{place}: {said[0].lower()}{said[1:]}") from error


def _own(config: KafkaConfig, *, wanted: Callable[[str], bool]) -> dict[str, object]:
    return {name: value for name, value in config.client_properties.items() if wanted(name)}
