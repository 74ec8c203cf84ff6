"""A consumer as a real process: writes what it has handled to a file.

Arguments: queue, address, file.
"""

from __future__ import annotations

import os
import sys
import time

from pat_events import AwsConfig, Config, Context, Handlers, QueueConsumer, SqsQueue
from pat_events.consumer.queue import intake, limits
from pat_events.events import EmailReceived

queue, address, file = sys.argv[1:]
# What a crash leaves comes again soon.
limits._LEAST_VISIBILITY_S = 1
intake.RECEIVE_S = 1.0
handled = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
handlers = Handlers()


@handlers.on(EmailReceived)
def handle(event: EmailReceived, ctx: Context) -> None:
    time.sleep(0.005)
    os.write(handled, f"{event.email_id} {event.subject}\n".encode())


aws = AwsConfig(region="us-east-1", endpoint_url=address)
QueueConsumer(SqsQueue(queue, aws), handlers, config=Config(), visibility_s=2, max_threads=2).run()
