"""Events that were too large for their letters, from where they came from."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pat_events.errors import OffsetOutOfRangeError
from pat_events.ops.tail import read_stored

if TYPE_CHECKING:
    from collections.abc import Collection

    from pat_events.core.record import Delivery
    from pat_events.ops.cluster import Cluster
    from pat_events.ops.letters.letter import Letter


def is_without_value(letter: Letter) -> bool:
    """Tell whether the value was too large for this letter."""
    return letter.delivery.value is None and bool(letter.cause.value_sha256)


def original_of(cluster: Cluster, letter: Letter, topics: Collection[str]) -> Delivery | None:
    """Return the event of a letter without its value; None where it is gone, or another.

    Args:
        cluster: Where.
        letter: The letter.
        topics: Where it may have come from: a header says where it did.

    Raises:
        TransportError: the origin cannot be read.
    """
    cause, origin = letter.cause, letter.cause.origin
    if origin is None or origin.topic not in topics or origin.message_id:
        return None
    admin = cluster.admin([origin.topic])
    if origin.partition >= admin.partitions[origin.topic]:
        return None
    pair = (origin.topic, origin.partition)
    [(low, high)] = admin.ends([pair]).values()
    if not low <= origin.offset < high:
        return None
    try:
        found = list(read_stored(cluster, {pair: (origin.offset, origin.offset + 1)}, 1))
    except OffsetOutOfRangeError:  # It was deleted meanwhile.
        return None
    for original in found:
        value = original.value or b""
        is_it = hashlib.sha256(value).hexdigest() == cause.value_sha256
        if original.offset == origin.offset and len(value) == cause.value_bytes and is_it:
            return original
    return None
