"""Which letters were replayed already."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pat_events.core.record import Delivery, TopicPartition
    from pat_events.core.replayed import Replay

# Offsets that share an array: what was never replayed takes nothing.
_CHUNK: Final = 4_096
_NEVER: Final = -1
# Told without the letter's time, as by hand.
_AT_ANY_TIME: Final = -2


class Already:
    """Knows letters by their place and time: a million of them take 8 MB.

    The time, because in a topic that was deleted and made again another letter is at that place.

    Args:
        ends: The first offset of each partition of letters, and the one after the last. What is
            told of others is of no interest, and strangers may tell anything.
    """

    def __init__(self, ends: Mapping[TopicPartition, tuple[int, int]]) -> None:
        self._ends = ends
        self._times: dict[tuple[str, int, int], array[int]] = {}

    def note(self, replay: Replay) -> None:
        """Note what a record of a retry topic tells."""
        letter = replay.letter
        if letter is None:
            return
        low, high = self._ends.get((letter.topic, letter.partition), (0, 0))
        if not low <= letter.offset < high:
            return
        chunk, index = divmod(letter.offset, _CHUNK)
        where = (letter.topic, letter.partition, chunk)
        times = self._times.get(where)
        if times is None:
            times = self._times[where] = array("q", [_NEVER]) * _CHUNK
        times[index] = replay.letter_ms or _AT_ANY_TIME

    def __contains__(self, letter: Delivery) -> bool:
        chunk, index = divmod(letter.offset, _CHUNK)
        times = self._times.get((letter.topic, letter.partition, chunk))
        return times is not None and times[index] in (letter.timestamp_ms, _AT_ANY_TIME)
