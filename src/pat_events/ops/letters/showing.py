"""What each dead letter of a topic is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from pat_events.ops.json_records import record_as_json
from pat_events.ops.letters.reading import LetterReading
from pat_events.ops.letters.selection import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pat_events.catalog.binding import EventTypes
    from pat_events.core.record import Position
    from pat_events.core.stored_cause import StoredCause
    from pat_events.ops.cluster import Cluster
    from pat_events.ops.letters.selection import Selection


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """One dead letter: where it is, its cause and its content.

    ``record`` is the whole of it as values JSON can hold: envelope, headers and the event, or
    why that cannot be read.
    """

    position: Position
    cause: StoredCause
    record: Mapping[str, Any]


def show(
    cluster: Cluster,
    types: EventTypes | None,
    topic: str,
    selection: Selection = EVERYTHING,
    *,
    limit: int = 10,
) -> Iterator[StoredLetter]:
    """Yield dead letters of a topic, oldest first in each partition.

    Args:
        cluster: Where.
        types: What the events are decoded with.
        topic: The dead-letter topic; of any name where its records tell causes, such as Spring's.
        selection: Which of its letters.
        limit: Most letters.

    Raises:
        ConfigError: this is no dead-letter topic, there is no such partition, or nothing at these
            offsets.
        TopicMissingError: the topic does not exist.
        TransportError: reading failed.
    """
    letters = LetterReading(cluster, topic, selection, any_name=True)
    for letter in islice(letters, limit):
        delivery = letter.delivery
        yield StoredLetter(delivery.position, letter.cause, record_as_json(types, delivery))
