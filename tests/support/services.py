"""Programs that tests run in a process of their own."""

from __future__ import annotations

from typing import Final

#: What a process begins with that runs a group on the memory transport.
MEMORY_SERVICE: Final = """\
from pat_events import Config, ConsumerGroup, Handlers, Producer
from pat_events.catalog.load import load_catalog
from pat_events.events import EmailReceived
from pat_events.transports.memory import MemoryBroker, MemoryTransport

broker = MemoryBroker()
for topic in load_catalog().topics:
    broker.create_topic(topic, 1)
    broker.create_topic(f"{topic}.email-processor.dlq", 1)
transport = MemoryTransport(broker)
config = Config()
handlers = Handlers()

def say(*words):
    print(*words, flush=True)
"""
