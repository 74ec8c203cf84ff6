"""What tests of several folders share, imported as ``tests.support``.

Not a conftest: pytest gives each of those a module of its own, a second one where it is imported.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pat_events import Config

if TYPE_CHECKING:
    from collections.abc import Callable

# For a busy machine; nothing that works waits for it.
DEADLINE_S: Final = 30.0
#: Text of a catalogue with one topic; ``format`` it with the name.
CATALOG: Final = """\
version: 1
package: pat.events.v1
python_module: pat_events.events
topics:
  {topic}: {{partitions: 4, retention_days: 1, description: A test's.}}
dead_letters: {{partitions: 1, retention_days: 1}}
events:
  EmailReceived: {{topic: {topic}, key: email_id, source: t, detail_type: E}}
  EmailProcessed: {{topic: {topic}, key: email_id, source: t, detail_type: P}}
groups: {{}}
queues: {{}}
schedules: {{}}
"""

#: What a process begins with that runs a group on the memory transport.
MEMORY_SERVICE: Final = """\
from pat_events import Config, ConsumerGroup, Handlers, Producer
from pat_events.codecs import load_catalog
from pat_events.events import EmailReceived
from pat_events.transports.memory import MemoryBroker, MemoryTransport

broker = MemoryBroker()
for topic in load_catalog().topics:
    broker.create_topic(topic, 1)
    broker.create_topic(f"{topic}.email-processor.dlq", 1)
transport = MemoryTransport(broker)
config = Config(bootstrap_servers="memory", connect_timeout_s=0)
handlers = Handlers()

def say(*words):
    print(*words, flush=True)
"""


def until(
    done: Callable[[], object], timeout_s: float = DEADLINE_S, every_s: float = 0.002
) -> None:
    """Ask until it is true; the deadline is the only bound."""
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, f"not within {timeout_s} s"
        time.sleep(every_s)


def poll_until(
    done: Callable[[], object],
    *members,
    timeout_s: float = DEADLINE_S,
    ignore: tuple[type[Exception], ...] | type[Exception] = (),
) -> None:
    """Poll all members in turn until it is true, whatever they raise of ``ignore``."""
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, [(it.owned, len(it.got)) for it in members]
        for member in members:
            with suppress(ignore):
                member.poll()


def kafka_config(address: str, protocol: str = "classic", **properties: str) -> Config:
    """Settings of clients that hear of everything soon."""
    client = {"fetch.wait.max.ms": "10", "reconnect.backoff.max.ms": "200"}
    if protocol == "classic":
        client |= {"session.timeout.ms": "6000", "heartbeat.interval.ms": "100"}
    return Config(
        bootstrap_servers=address,
        group_protocol=protocol,
        connect_timeout_s=0,
        client_properties=client | properties,
    )
