"""Transports inside the process: a real partitioned log with consumer groups, and a real queue.

Partitions, offsets, committed positions, cooperative rebalances and sessions
that expire behave as Kafka's do; visibility, receive counts, message groups and redrive as those of
SQS. Nothing is written to disk and no other process can see it.
"""

from __future__ import annotations

from pat_events.transports.memory.broker import MemoryBroker
from pat_events.transports.memory.payloads import MemoryPayloads
from pat_events.transports.memory.queue import MemoryQueue
from pat_events.transports.memory.receiver import MemoryReceiver
from pat_events.transports.memory.sender import MemorySender
from pat_events.transports.memory.transport import MemoryTransport

__all__ = [
    "MemoryBroker",
    "MemoryPayloads",
    "MemoryQueue",
    "MemoryReceiver",
    "MemorySender",
    "MemoryTransport",
]
