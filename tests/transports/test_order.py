"""What a transport says of order is known before anything is sent."""

import pytest

from pat_events import AwsConfig, EventBridge, KafkaConfig, KafkaTransport, Sns, Sqs
from pat_events.transports.memory import MemoryBroker, MemoryTransport

AWS = AwsConfig(region="eu-west-1")
ARN = "arn:aws:sns:eu-west-1:123456789012:alerts"


@pytest.mark.parametrize(
    ("transport", "keeps_order"),
    [
        (KafkaTransport(KafkaConfig(bootstrap_servers="kafka:9092")), True),
        (MemoryTransport(MemoryBroker()), True),
        (EventBridge("pat-dev", AWS), False),
        (Sqs("emails", AWS), False),
        (Sqs("emails.fifo", AWS), True),
        (Sqs({"EmailReceived": "emails", "EmailDeleted": "deleted.fifo"}, AWS), True),
        (Sns(ARN, AWS), False),
        (Sns(f"{ARN}.fifo", AWS), True),
    ],
)
def test_fifo_buses_and_logs_keep_order_and_others_do_not(transport, keeps_order):
    assert transport.keeps_order is keeps_order
