"""Which letters of a topic were replayed already."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pat_events.core.record import Position
    from pat_events.transports.log import TopicPartition


class Already:
    """A bit for each offset: a million letters take 125 kB.

    Args:
        ends: The first offset of each partition, and the one after the last. Letters outside of
            them are of no interest.
    """

    def __init__(self, ends: Mapping[TopicPartition, tuple[int, int]]) -> None:
        self._bits = {
            pair: (low, high, bytearray((high - low + 7) // 8))
            for pair, (low, high) in ends.items()
        }

    def note(self, letter: Position) -> None:
        """Note that this letter was replayed."""
        found = self._bits.get((letter.topic, letter.partition))
        if found and found[0] <= letter.offset < found[1]:
            byte, bit = divmod(letter.offset - found[0], 8)
            found[2][byte] |= 1 << bit

    def __contains__(self, letter: Position) -> bool:
        found = self._bits.get((letter.topic, letter.partition))
        if not found or not found[0] <= letter.offset < found[1]:
            return False
        byte, bit = divmod(letter.offset - found[0], 8)
        return bool(found[2][byte] & 1 << bit)
