"""A service as a real process: writes the id of every event it has handled to a file.

Arguments: bootstrap servers, catalogue, group, protocol, instance id or "-", file.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from pat_events import Config, ConsumerGroup, Context, Handlers, KafkaConfig, KafkaTransport
from pat_events.events import EmailReceived

servers, catalog, group, protocol, instance, file = sys.argv[1:]
handled = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
handlers = Handlers()
properties = {"session.timeout.ms": "6000"} if protocol == "classic" else {}
if instance != "-":
    properties["group.instance.id"] = instance


@handlers.on(EmailReceived)
def handle(event: EmailReceived, ctx: Context) -> None:
    time.sleep(0.001)
    os.write(handled, f"{event.email_id}/{event.subject}\n".encode())


ConsumerGroup(
    group,
    handlers,
    config=Config(catalog=Path(catalog)),
    transport=KafkaTransport(
        KafkaConfig(
            bootstrap_servers=servers, group_protocol=protocol, client_properties=properties
        )
    ),
    commit_interval_s=0.2,
).run()
