"""A dead letter with another payload: a new letter, of a new event that the old one caused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pat_events.catalog.load import load_catalog
from pat_events.codecs.json import to_json
from pat_events.core import headers as h
from pat_events.core.dead_letter import OF_A_VALUE
from pat_events.core.envelope import read_envelope
from pat_events.core.record import Position, Record
from pat_events.errors import ConfigError, SchemaError
from pat_events.ops.json_records import decode
from pat_events.ops.letters import audit
from pat_events.ops.letters.reading import LetterReading
from pat_events.ops.letters.selection import Selection
from pat_events.ops.letters.writing import RecordWriter, audited, group_of
from pat_events.ops.publishing import Extras, Outbox
from pat_events.ops.written_events import events_from_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pat_events.catalog.binding import EventTypes
    from pat_events.config import Config
    from pat_events.core.record import Header
    from pat_events.ops.cluster import Cluster
    from pat_events.ops.letters.letter import Letter
    from pat_events.producer.ack import Ack

# Of the old event alone: the new one has its own, or none.
_NOT_CARRIED_ON: Final = frozenset(
    {h.CE_CAUSATION_ID, h.CE_DATAREF, h.CE_DATAREF_LENGTH, h.CE_DATAREF_SHA256, *OF_A_VALUE}
)


@dataclass(frozen=True, slots=True)
class Edited:
    """A letter that was written in place of another one.

    Attributes:
        letter: The old letter, which stays where it is.
        new_letter: Where the new one is; its offset is -1 where the answer named none.
        event_id: Id of the old event; empty where it had none.
        new_event_id: Id of the new one.
        rekeyed: Whether its key is another, and with it maybe its partition: it is in no order with
            events of the old key.
    """

    letter: Position
    new_letter: Position
    event_id: str
    new_event_id: str
    rekeyed: bool


def event_of(cluster: Cluster, types: EventTypes, topic: str, partition: int, offset: int) -> Any:  # noqa: ANN401 -- whatever JSON holds
    """Return the event of a letter as JSON, for somebody to change it.

    Raises:
        CodecError: it cannot be decoded.
        UnknownEventError: its type is not in the catalogue.
        ConfigError, TransportError: as ``edit``.
    """
    return to_json(decode(types, _letter(cluster, topic, partition, offset).delivery))


def edit(
    cluster: Cluster,
    types: EventTypes,
    topic: str,
    partition: int,
    offset: int,
    text: str,
    *,
    why: str,
    config: Config,
    event_type: str | None = None,
) -> Edited:
    """Write a letter with another event beside one that is there, to be replayed in its place.

    The new event always has an id of its own, and the old one's as its causation: nobody published
    it, and whoever saw the old one must not take it for that. Correlation, tenant, trace and
    headers of the old one's are carried on, and what the old letter tells of its cause.

    Args:
        cluster: Where.
        types: The events of the catalogue.
        topic: The dead-letter topic of a group of the catalogue.
        partition: Where the old letter is.
        offset: Likewise.
        text: The new event as JSON, such as ``event_of`` returned and somebody changed.
        why: For the audit topic.
        config: How events are written.
        event_type: Name of the new event's type; that of the old one when None.

    Raises:
        SchemaError: the text is no such event, or not one alone.
        UnknownEventError: its type is not in the catalogue.
        ConfigError: this is no dead-letter topic of a group of the catalogue, there is no such
            letter, or another run that changes the group's letters goes on.
        TopicMissingError: the topic does not exist.
        TransportError: the cluster did not answer, or does not permit it.
    """
    audit.require_why(why)
    old = _letter(cluster, topic, partition, offset)
    ack = _prepared(cluster, config, types, old, text, event_type)
    headers = [*_headers_of(ack), *_carried_on(old, ack)]
    record = Record(topic, ack.key, ack.value, headers, audit.now_ms())
    position = old.delivery.position
    about = {
        "topics": [topic],
        "why": why,
        "letter": str(position),
        "event_id": old.event_id,
        "new_event_id": ack.event_id,
    }
    catalog = load_catalog(config.catalog)
    run = audit.begin(cluster, catalog, group_of(catalog, topic), audit.EDIT, about)
    with RecordWriter(cluster, config) as writer, audited(run, writer.write) as told:
        [written] = writer.write([record])
        place = written.place if isinstance(written.place, tuple) else (-1, -1)
        told.counts["written"] = 1
    rekeyed = ack.key != old.delivery.key
    return Edited(position, Position(topic, *place), old.event_id, ack.event_id, rekeyed)


def _letter(cluster: Cluster, topic: str, partition: int, offset: int) -> Letter:
    place = Selection(partition=partition, offsets=range(offset, offset + 1))
    for letter in LetterReading(cluster, topic, place):
        return letter
    raise ConfigError(f"{topic}/{partition}/{offset} is no record")


def _prepared(
    cluster: Cluster,
    config: Config,
    types: EventTypes,
    old: Letter,
    text: str,
    event_type: str | None,
) -> Ack:
    from pat_events.transports.kafka import KafkaTransport  # noqa: PLC0415 -- loads the client

    envelope = read_envelope(old.delivery)
    name = event_type or envelope.type
    if name is None:
        raise ConfigError(f"{old.delivery.position} does not tell the type of its event: name it")
    written = list(events_from_json(types, name, text))
    if len(written) != 1:
        raise SchemaError(f"{len(written)} events are given, and one letter has one")
    # Always another one, whatever the text says.
    written[0].event.metadata.ClearField("event_id")  # type: ignore[attr-defined]
    extras = Extras(
        tenant_id=envelope.tenant_id,
        correlation_id=envelope.correlation_id,
        causation_id=envelope.event_id,
    )
    return Outbox(config, KafkaTransport(cluster.kafka), extras).prepare(written[0])


def _carried_on(old: Letter, ack: Ack) -> list[Header]:
    own = {name for name, _ in _headers_of(ack)} | _NOT_CARRIED_ON
    return [(name, value) for name, value in old.delivery.headers if name not in own]


def _headers_of(ack: Ack) -> Sequence[Header]:
    return list(ack.headers.items()) if isinstance(ack.headers, dict) else list(ack.headers)
