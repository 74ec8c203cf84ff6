"""What AWS invokes a function with, as its documentation shows it.

Taken from the Lambda Developer Guide: "Using Lambda with Amazon SQS" (standard and FIFO event),
"Invoking Lambda functions with Amazon SNS notifications", "Using Lambda with Amazon MSK" and
"Using Lambda with self-managed Apache Kafka" (example event); and from the EventBridge User Guide,
"Structure of Amazon EventBridge events".
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.events import EmailReceived
from pat_events.transports.aws import envelope
from pat_events.transports.sending import Outgoing

if TYPE_CHECKING:
    from pat_events.core.record import Delivery

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
# The same in X-Ray's form.
X_RAY = "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1"
TYPE = b"pat.events.v1.EmailReceived"
ENVELOPES = envelope.Envelopes(EventTypes(load_catalog()))


class LambdaContext:
    """What a function is told of its invocation, as far as it is asked for here."""

    def __init__(self, left_s: float = 30.0) -> None:
        self.left_s = left_s

    def get_remaining_time_in_millis(self) -> int:
        return int(self.left_s * 1000)


def record(email_id: str, extra: dict[str, bytes] | None = None) -> Outgoing:
    """One event as our sender is given it."""
    event = EmailReceived(email_id=email_id)
    headers = {
        "ce_specversion": b"1.0",
        "ce_id": f"i-{email_id}".encode(),
        "ce_type": TYPE,
        "ce_source": b"pat.smtp",
        "ce_subject": email_id.encode(),
        "ce_correlationid": b"c-1",
        "content-type": b"application/protobuf",
        "traceparent": TRACE,
    }
    headers |= extra or {}
    return Outgoing("pat-emails", email_id.encode(), event.SerializeToString(), headers, 0)


def body(email_id: str, extra: dict[str, bytes] | None = None) -> str:
    """What our senders make of it for SQS and SNS."""
    outgoing = record(email_id, extra)
    return ENVELOPES.structured(outgoing, ENVELOPES.wrap(outgoing), "json")


def sqs(
    *bodies: str,
    group: str | list[str] | None = None,
    received: int = 1,
    attributes=None,
    system: dict[str, str] | None = None,
) -> dict:
    """An event of the mapping of a queue; a FIFO queue where there is a group."""
    groups = group if isinstance(group, list) else [group] * len(bodies)
    name = "my-queue" if group is None else "fifo.fifo"
    return {
        "Records": [
            {
                "messageId": f"m-{n}",
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
                "body": each,
                "attributes": {
                    "ApproximateReceiveCount": str(received),
                    "SentTimestamp": "1545082649183",
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                    "ApproximateFirstReceiveTimestamp": "1545082649185",
                }
                | ({} if group is None else {"MessageGroupId": groups[n], "SequenceNumber": "1"})
                | (system or {}),
                "messageAttributes": attributes or {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-2:123456789012:{name}",
                "awsRegion": "us-east-2",
            }
            for n, each in enumerate(bodies)
        ]
    }


def sns(message: str, attributes: dict | None = None) -> dict:
    """What SNS invokes a function with."""
    return {
        "Records": [
            {
                "EventVersion": "1.0",
                "EventSubscriptionArn": "arn:aws:sns:us-east-1:123456789012:sns-lambda:21be56ed",
                "EventSource": "aws:sns",
                "Sns": {
                    "SignatureVersion": "1",
                    "Timestamp": "2019-01-02T12:45:07.000Z",
                    "Signature": "tcc6faL2yUC6dgZdmrwh1Y4cGa/ebXEkAi6RibDsvpi+tE/1+82j...65r==",
                    "SigningCertURL": "https://sns.us-east-1.amazonaws.com/Simple...pem",
                    "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
                    "Message": message,
                    "MessageAttributes": attributes or {},
                    "Type": "Notification",
                    "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
                    "TopicArn": "arn:aws:sns:us-east-1:123456789012:sns-lambda",
                    "Subject": "TestInvoke",
                },
            }
        ]
    }


def event_bridge(email_id: str, *, extra: dict[str, bytes] | None = None, **fields) -> dict:
    """What a rule of EventBridge invokes a function with."""
    outgoing = record(email_id, extra)
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "Email Received",
        "source": "pat.smtp",
        "account": "111122223333",
        "time": "2017-12-22T18:43:48Z",
        "region": "us-west-1",
        "resources": [email_id],
        "detail": json.loads(ENVELOPES.detail(outgoing, ENVELOPES.wrap(outgoing))),
    } | fields


def kafka_record(outgoing: Outgoing | Delivery, partition: int, offset: int) -> dict:
    """One record as a mapping of a topic has it."""
    headers = outgoing.headers
    pairs = headers.items() if isinstance(headers, dict) else headers
    return {
        "topic": "mytopic",
        "partition": partition,
        "offset": offset,
        "timestamp": 1545084650987,
        "timestampType": "CREATE_TIME",
        "key": _base64(outgoing.key),
        "value": _base64(outgoing.value),
        # Numbers of Java's bytes.
        "headers": [
            {name: [byte - 256 if byte > 127 else byte for byte in value]} for name, value in pairs
        ],
    }


def kafka(*partitions: list[dict], source: str = "aws:kafka") -> dict:
    """An event of the mapping of a topic; one list for each partition."""
    return {
        "eventSource": source,
        "eventSourceArn": "arn:aws:kafka:us-east-1:123456789012:cluster/vpc-2priv-2pub/751d2973",
        "bootstrapServers": "b-2.demo-cluster-1.a1bcde.c1.kafka.us-east-1.amazonaws.com:9092",
        "records": {f"mytopic-{each[0]['partition']}": each for each in partitions},
    }


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
