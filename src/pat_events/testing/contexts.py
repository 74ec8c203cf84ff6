"""A context to call a handler with: what the handler publishes is seen, and goes nowhere."""

from __future__ import annotations

import os
from copy import deepcopy
from functools import lru_cache
from typing import TYPE_CHECKING

from pat_events.catalog.load import load_catalog
from pat_events.config import Config
from pat_events.consumer.context import Context
from pat_events.core.checks import require_at_least_1
from pat_events.core.headers import REPLAY_NAME
from pat_events.producer.producer import Producer
from pat_events.transports.memory import MemoryBroker, MemoryTransport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

    from pat_events.core.record import Delivery
    from pat_events.producer.ack import Ack
    from pat_events.transports.sending import Outgoing

    Environment = tuple[tuple[str, str], ...]


class RecordingContext(Context):
    """What a handler is called with in a unit test.

    Attributes:
        published: What the handler published, as it gave it: with the metadata it set itself, and
            without what a producer fills in. So they equal events that a test makes.
    """

    __slots__ = ("published",)

    def __init__(self, delivery: Delivery, producer: Producer) -> None:
        super().__init__(delivery, producer)
        self.published: list[Message] = []

    @property
    def failed(self) -> BaseException | None:
        """What the handler called ``fail`` with; None where it did not."""
        return self.failure

    def publish(
        self,
        event: Message,
        *,
        tenant_id: str | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> Ack:
        """Check and acknowledge an event, and keep it in ``published``."""
        given = deepcopy(event)
        ack = super().publish(event, tenant_id=tenant_id, headers=headers)
        if tenant_id:
            given.metadata.tenant_id = tenant_id  # type: ignore[attr-defined] # an event has it
        self.published.append(given)
        return ack

    async def apublish(
        self,
        event: Message,
        *,
        tenant_id: str | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> Ack:
        """Like ``publish``, for coroutines."""
        return self.publish(event, tenant_id=tenant_id, headers=headers)


def context(
    event: Message,
    *,
    attempt: int = 1,
    correlation_id: str | None = None,
    tenant_id: str | None = None,
    headers: Mapping[str, bytes] | None = None,
    replay: str | None = None,
) -> RecordingContext:
    """Return the context in which a handler gets ``event``, without a broker or a thread.

    The event gets the metadata that a producer fills in, in place. Settings come from
    ``PAT_EVENTS_*``, the catalogue among them; no broker has to be named.

    Args:
        event: What the handler is going to be called with.
        attempt: Which attempt it is, 1 for the first.
        correlation_id: The chain it belongs to; one of its own when None.
        tenant_id: The tenant it belongs to.
        headers: Headers besides the envelope's.
        replay: Name of the replay that brings it again.

    Raises:
        PatEventsError: no producer would publish this event; says why, as ``Producer.publish``.
        ConfigError: an impossible setting, catalogue or attempt.
    """
    require_at_least_1("attempt", attempt)
    if replay is not None:
        headers = {**(headers or {}), REPLAY_NAME: replay.encode()}
    environment = tuple(item for item in os.environ.items() if item[0].startswith("PAT_EVENTS_"))
    broker, producer = _nowhere(environment)
    with broker.lock:
        ack = producer.publish(
            event, correlation_id=correlation_id, tenant_id=tenant_id, headers=headers
        )
        delivery = next(it for it in broker.records(ack.topic) if it.position == ack.position)
    delivery.attempt = attempt
    return RecordingContext(delivery, producer)


class _Nowhere(MemoryBroker):
    """Keeps the last record of each partition alone."""

    def append(self, outgoing: Outgoing) -> tuple[int, int]:
        partition, offset = super().append(outgoing)
        self.delete_records(outgoing.topic, partition, offset)
        return partition, offset


# A catalogue takes longer to read than most unit tests.
@lru_cache(maxsize=8)
def _nowhere(environment: Environment) -> tuple[MemoryBroker, Producer]:
    config = Config.from_env(dict(environment))
    broker = _Nowhere()
    for topic in load_catalog(config.catalog).topics:
        broker.create_topic(topic, 1)
    return broker, Producer(config, transport=MemoryTransport(broker))
