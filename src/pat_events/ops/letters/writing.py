"""Writes what an operator does to dead letters: the letters, and who did it."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import uuid_utils

from pat_events.catalog.load import load_catalog
from pat_events.errors import ConfigError, PatEventsError, TransportTimeoutError
from pat_events.ops.letters import audit
from pat_events.ops.letters.replay_target import target_of
from pat_events.producer.back_pressure import BackPressure
from pat_events.system.clock import CLOCK
from pat_events.transports.sending import Outgoing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pat_events.catalog.model import Catalog
    from pat_events.config import Config
    from pat_events.core.record import Record
    from pat_events.ops.cluster import Cluster


def now_ms() -> int:
    """Return the time, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def group_of(catalog: Catalog, topic: str) -> str:
    """Return whose letters a topic holds.

    Raises:
        ConfigError: it is no dead-letter topic of a group of the catalogue.
    """
    target = target_of(catalog, topic)
    if target.topics != (topic,):
        raise ConfigError(f"{topic} is a group: name one of {', '.join(target.topics)}")
    return target.group


class RecordWriter:
    """Writes records and waits until they are there. One thread owns it.

    Args:
        cluster: Where.
        config: How much is buffered, and when it is given up.

    Raises:
        ConfigError: the settings are impossible.
    """

    def __init__(self, cluster: Cluster, config: Config) -> None:
        from pat_events.transports.kafka.sender import KafkaSender  # noqa: PLC0415 -- the client

        self._config = config
        self._sender = KafkaSender(cluster.kafka, config)
        self._pressure = BackPressure(self._sender, config.publish_timeout_s, CLOCK.monotonic)

    def write(self, records: Iterable[Record]) -> list[Outgoing]:
        """Write records and return them settled, once every one of them is there.

        Raises:
            PatEventsError: why the first of those that are not there is not; others may be.
        """
        sent = []
        for record in records:
            outgoing = Outgoing(*record)
            self._pressure.take(outgoing)
            sent.append(outgoing)
        if self._sender.flush(self._config.delivery_timeout_s):
            raise TransportTimeoutError(
                f"not acknowledged within {self._config.delivery_timeout_s:g} s: some may be there"
            )
        for outgoing in sent:
            if outgoing.error is not None:
                raise outgoing.error
        return sent

    def close(self) -> None:
        """Let go of the connections."""
        self._sender.close(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Audited:
    """One run of a command, which the audit topic is told of."""

    def __init__(self, run: audit.Run, writer: RecordWriter) -> None:
        self.id = run.run
        self.writer = writer
        self.counts: dict[str, Any] = {}
        self._run = run

    def tell(self, state: str, **told: Any) -> None:  # noqa: ANN401 -- as JSON holds
        """Write a line."""
        self.writer.write([self._run.record(state, now_ms(), **told)])

    def ended(self, result: str) -> None:
        """Tell how it ended."""
        self.tell(audit.ENDED, counts=self.counts, result=result)

    def goes_on(self) -> None:
        """Tell how far it is, for those who might think that it is over."""
        self.tell(audit.PROGRESS, counts=self.counts)


@contextmanager
def audited(
    cluster: Cluster,
    config: Config,
    topic: str,
    command: str,
    about: Mapping[str, Any],
) -> Iterator[Audited]:
    """Tell a group's audit topic that something begins and how it ends.

    What changes letters is refused beside another run that does, as far as the topic tells of one.

    Args:
        cluster: Where.
        config: Which catalogue.
        topic: The group's dead-letter topic.
        command: Such as ``dlq purge``.
        about: What is told at the beginning, such as why.

    Raises:
        ConfigError: it is no dead-letter topic of a group of the catalogue, or another run goes on.
        TransportError: the audit topic cannot be written; nothing has begun.
    """
    catalog = load_catalog(config.catalog)
    group = group_of(catalog, topic)
    audit.ensure_topic(cluster.admin(), catalog, group)
    if command != audit.EXPORT:
        audit.refuse_beside(audit.lines(cluster, group), datetime.now(UTC))
    run = audit.Run(group, command, str(uuid_utils.uuid7()), {"topics": [topic], **about})
    with RecordWriter(cluster, config) as writer:
        told = Audited(run, writer)
        told.tell(audit.STARTED)
        try:
            yield told
        except BaseException as error:
            failed = isinstance(error, PatEventsError)
            # What ended it is raised, and may be why this cannot be told.
            with suppress(PatEventsError):
                told.ended(f"failed: {error}" if failed else "interrupted")
            raise
        told.ended("done")
