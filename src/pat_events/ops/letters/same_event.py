"""Which letters are of the same event, and how often that was replayed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from pat_events.codecs.structured import is_of_type
from pat_events.core import headers as h

if TYPE_CHECKING:
    from pat_events.core.record import Delivery, Position
    from pat_events.core.replayed import Replay
    from pat_events.ops.letters.letter import Letter

_DIGEST_BYTES: Final = 16


class SameEvent:
    """Knows the newest of the letters that are meant of each event: some 300 bytes for each event.

    An event is told by its id, its source and the topic it was in first. Without an id each letter
    is of an event of its own.
    """

    def __init__(self) -> None:
        # Of each event: how often its newest letter was replayed, when that failed, and its place.
        self._newest: dict[bytes, tuple[int, int, Position]] = {}
        self._replays: dict[bytes, int] = {}

    def add(self, letter: Letter, topic: str) -> None:
        """Note a letter that is meant, of an event that was in this topic first."""
        event, rank = _event_of(letter.delivery, topic, letter.delivery.position), _rank(letter)
        self._newest[event] = max(self._newest.get(event, rank), rank)

    def note(self, retried: Delivery, topic: str, replay: Replay) -> None:
        """Note what a record of the retry topic beside this topic tells of an event."""
        event = _event_of(retried, topic, replay.letter)
        if event in self._newest:
            self._replays[event] = max(self._replays.get(event, 0), replay.replays)

    def is_newest(self, letter: Letter, topic: str) -> bool:
        """Tell whether no letter that was added is newer of its event than this one."""
        event = _event_of(letter.delivery, topic, letter.delivery.position)
        return self._newest.get(event, ()) == _rank(letter)

    def replays(self, letter: Letter, topic: str) -> int:
        """Return how often the event of a letter was replayed: the most that is told."""
        event = _event_of(letter.delivery, topic, letter.delivery.position)
        return max(letter.cause.replays, self._replays.get(event, 0))


def _rank(letter: Letter) -> tuple[int, int, Position]:
    return letter.cause.replays, letter.failed_ms, letter.delivery.position


def _event_of(delivery: Delivery, topic: str, letter: Position | None) -> bytes:
    is_of_type(delivery, None)  # Of a record in structured mode the envelope is read.
    values = delivery.header_values
    event_id = h.text(values, h.CE_ID)
    source = h.text(values, h.CE_SOURCE)
    told = repr((topic, source, event_id) if event_id else letter).encode(errors="replace")
    return hashlib.blake2b(told, digest_size=_DIGEST_BYTES).digest()
