"""A cluster inside the process: a real partitioned log with consumer groups.

Partitions, offsets, committed positions, cooperative rebalances and sessions
that expire behave as Kafka's do. Nothing is written to disk and no other process can see it.
"""

from __future__ import annotations

from pat_events.transports.memory.broker import MemoryBroker
from pat_events.transports.memory.receiver import MemoryReceiver
from pat_events.transports.memory.sender import MemorySender
from pat_events.transports.memory.transport import MemoryTransport

__all__ = ["MemoryBroker", "MemoryReceiver", "MemorySender", "MemoryTransport"]
