"""A producer as a real process: writes to a file what was acknowledged, until it is killed.

Arguments: queue, address, file.
"""

from __future__ import annotations

import os
import sys
from itertools import count

from pat_events import AwsConfig, Config, Producer, Sqs
from pat_events.events import EmailReceived

queue, address, file = sys.argv[1:]
acknowledged = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def write(ack):
    os.write(acknowledged, f"{ack.event_id}\n".encode())


config = Config(buffer_events=50)
aws = AwsConfig(region="us-east-1", endpoint_url=address)
with Producer(config, transport=Sqs(queue, aws)) as producer:
    for number in count():
        producer.publish(EmailReceived(email_id=f"k{number}")).add_done_callback(write)
