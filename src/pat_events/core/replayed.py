"""A dead letter that its group is to handle again: its record, in the group's retry topic."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pat_events.core import headers as h
from pat_events.core.dead_letter import MAX_REPLAYS, replays_of
from pat_events.core.headers import OF_LETTERS, REPLAY_ID, REPLAY_PREFIX
from pat_events.core.record import Position, Record

if TYPE_CHECKING:
    from pat_events.core.record import Delivery, Header, HeaderValues

_LETTER: Final = f"{REPLAY_PREFIX}letter"
_LETTER_MS: Final = f"{REPLAY_PREFIX}letter-ms"
_COUNT: Final = f"{REPLAY_PREFIX}count"
# Topic, partition and offset, as a position is written.
_PLACE: Final = re.compile(r"([^/]+)/([0-9]{1,10})/([0-9]{1,19})")


class Replay(NamedTuple):
    """What a record of a retry topic tells of how it came there.

    To be believed in a group's own retry topic alone. Anybody may have written it: what is missing
    or cannot be read is empty, no letter, or 0.

    Attributes:
        run: Which replay it was.
        letter: Which dead letter, by its place in the dead-letter topic.
        replays: How often letters of this event were replayed, this time included.
        letter_ms: The letter's own time, in milliseconds since 1970: at that place is another
            letter in a dead-letter topic that was deleted and made again.
    """

    run: str
    letter: Position | None
    replays: int
    letter_ms: int = 0


def replayed(
    letter: Delivery,
    topic: str,
    run: str,
    now_ms: int,
    original: Delivery | None = None,
    *,
    replays: int = 0,
) -> Record:
    """Return the record that hands a dead letter to its group again.

    Key, value and headers are the letter's, without what made it a letter: id, trace and causation
    are those of the event. It counts as one replay more than there were.

    Args:
        letter: As it was read from its dead-letter topic.
        topic: The group's retry topic beside that.
        run: Id of the replay.
        now_ms: Its time, in milliseconds since 1970: retention counts from it.
        original: The event as its origin still has it, for a letter that is without its value.
        replays: How often the event was replayed before, where more is known than the letter tells.
    """
    kept = letter if original is None else original
    headers: list[Header] = [
        (name, value) for name, value in kept.headers if not name.startswith(OF_LETTERS)
    ]
    count = min(max(replays, replays_of(letter.header_values)) + 1, MAX_REPLAYS)
    headers += [
        (REPLAY_ID, run.encode()),
        (_LETTER, str(letter.position).encode()),
        (_LETTER_MS, b"%d" % letter.timestamp_ms),
        (_COUNT, b"%d" % count),
    ]
    return Record(topic, kept.key, kept.value, headers, now_ms)


def read_replay(values: HeaderValues) -> Replay:
    """Read how a record came to a retry topic from its headers; never raises."""
    return Replay(
        run=h.text(values, REPLAY_ID) or "",
        letter=_place(h.text(values, _LETTER) or ""),
        replays=h.number(values, _COUNT, MAX_REPLAYS) or 0,
        letter_ms=h.number(values, _LETTER_MS) or 0,
    )


def _place(shown: str) -> Position | None:
    found = _PLACE.fullmatch(shown)
    return None if found is None else Position(found[1], int(found[2]), int(found[3]))
