"""Events between services on AWS: publish and consume, in order per key, losing nothing.

::

    from pat_events import ConsumerGroup, Context, Handlers, Producer
    from pat_events.events import EmailReceived

    handlers = Handlers()

    @handlers.on(EmailReceived)
    def process(event: EmailReceived, ctx: Context) -> None:
        print(event.email_id)

    with Producer() as producer:
        producer.publish(EmailReceived(email_id="e-1")).result(timeout=5)

    ConsumerGroup("email-processor", handlers).run()
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pat_events.catalog.load import load_catalog
    from pat_events.catalog.model import Catalog
    from pat_events.config import Config
    from pat_events.consumer.breaker import Breaker
    from pat_events.consumer.bridge.bridges import Bridge, QueueBridge
    from pat_events.consumer.context import Context
    from pat_events.consumer.dedupe.dedupe import Dedupe
    from pat_events.consumer.dedupe.dynamodb import DynamoDbDedupe
    from pat_events.consumer.dedupe.memory import MemoryDedupe
    from pat_events.consumer.dedupe.redis import RedisDedupe
    from pat_events.consumer.dedupe.store import DedupeAnswer, DedupeStore
    from pat_events.consumer.function.handler import lambda_handler
    from pat_events.consumer.handlers import Handlers
    from pat_events.consumer.log.group import ConsumerGroup
    from pat_events.consumer.queue.consumer import QueueConsumer
    from pat_events.consumer.signatures import HandlerObject
    from pat_events.core.envelope import Envelope
    from pat_events.core.lanes import Order
    from pat_events.core.record import Position
    from pat_events.core.recovery.limit import DeadLetterLimit
    from pat_events.core.recovery.retry import RetryPolicy
    from pat_events.errors import (
        AuthenticationError,
        BufferFullError,
        CatalogError,
        ClaimCheckError,
        ClosedError,
        CodecError,
        ConfigError,
        DeadLetterError,
        DedupeStoreError,
        EventClaimedError,
        HandlerTimeoutError,
        HoldError,
        NotDeliveredError,
        NotDrainedError,
        NotPermittedError,
        NoTransportError,
        OffsetOutOfRangeError,
        PatEventsError,
        PermanentError,
        RecordTooLargeError,
        SchemaError,
        TopicMissingError,
        TransientError,
        TransportError,
        TransportTimeoutError,
        TransportUnavailableError,
        UnfinishedWorkError,
        UnknownEventError,
        WorkersExhaustedError,
    )
    from pat_events.producer.ack import Ack
    from pat_events.producer.producer import Producer
    from pat_events.telemetry.counts import ConsumerStats
    from pat_events.transports.aws.config import AwsConfig
    from pat_events.transports.aws.eventbridge import EventBridge
    from pat_events.transports.aws.s3 import S3Payloads
    from pat_events.transports.aws.sns import Sns
    from pat_events.transports.aws.sqs import Sqs
    from pat_events.transports.aws.sqs_receiver import SqsQueue
    from pat_events.transports.kafka.config import KafkaConfig
    from pat_events.transports.kafka.transport import KafkaTransport
    from pat_events.transports.log import Start, Transport

__version__ = "0.1.0"

__all__ = [
    "Ack",
    "AuthenticationError",
    "AwsConfig",
    "Breaker",
    "Bridge",
    "BufferFullError",
    "Catalog",
    "CatalogError",
    "ClaimCheckError",
    "ClosedError",
    "CodecError",
    "Config",
    "ConfigError",
    "ConsumerGroup",
    "ConsumerStats",
    "Context",
    "DeadLetterError",
    "DeadLetterLimit",
    "Dedupe",
    "DedupeAnswer",
    "DedupeStore",
    "DedupeStoreError",
    "DynamoDbDedupe",
    "Envelope",
    "EventBridge",
    "EventClaimedError",
    "HandlerObject",
    "HandlerTimeoutError",
    "Handlers",
    "HoldError",
    "KafkaConfig",
    "KafkaTransport",
    "MemoryDedupe",
    "NoTransportError",
    "NotDeliveredError",
    "NotDrainedError",
    "NotPermittedError",
    "OffsetOutOfRangeError",
    "Order",
    "PatEventsError",
    "PermanentError",
    "Position",
    "Producer",
    "QueueBridge",
    "QueueConsumer",
    "RecordTooLargeError",
    "RedisDedupe",
    "RetryPolicy",
    "S3Payloads",
    "SchemaError",
    "Sns",
    "Sqs",
    "SqsQueue",
    "Start",
    "TopicMissingError",
    "TransientError",
    "Transport",
    "TransportError",
    "TransportTimeoutError",
    "TransportUnavailableError",
    "UnfinishedWorkError",
    "UnknownEventError",
    "WorkersExhaustedError",
    "lambda_handler",
    "load_catalog",
]

# On first use, because pytest loads this package for its plugin in every run of every user, who
# must not wait for a Kafka client there.
if not TYPE_CHECKING:
    from pat_events.lazy import lazy_names

    _HOMES = {
        "Ack": "producer.ack",
        "AuthenticationError": "errors",
        "AwsConfig": "transports.aws.config",
        "Breaker": "consumer.breaker",
        "Bridge": "consumer.bridge.bridges",
        "BufferFullError": "errors",
        "Catalog": "catalog.model",
        "CatalogError": "errors",
        "ClaimCheckError": "errors",
        "ClosedError": "errors",
        "CodecError": "errors",
        "Config": "config",
        "ConfigError": "errors",
        "ConsumerGroup": "consumer.log.group",
        "ConsumerStats": "telemetry.counts",
        "Context": "consumer.context",
        "DeadLetterError": "errors",
        "DeadLetterLimit": "core.recovery.limit",
        "Dedupe": "consumer.dedupe.dedupe",
        "DedupeAnswer": "consumer.dedupe.store",
        "DedupeStore": "consumer.dedupe.store",
        "DedupeStoreError": "errors",
        "DynamoDbDedupe": "consumer.dedupe.dynamodb",
        "Envelope": "core.envelope",
        "EventBridge": "transports.aws.eventbridge",
        "EventClaimedError": "errors",
        "HandlerObject": "consumer.signatures",
        "HandlerTimeoutError": "errors",
        "Handlers": "consumer.handlers",
        "HoldError": "errors",
        "KafkaConfig": "transports.kafka.config",
        "KafkaTransport": "transports.kafka.transport",
        "MemoryDedupe": "consumer.dedupe.memory",
        "NotDeliveredError": "errors",
        "NotDrainedError": "errors",
        "NotPermittedError": "errors",
        "NoTransportError": "errors",
        "OffsetOutOfRangeError": "errors",
        "Order": "core.lanes",
        "PatEventsError": "errors",
        "PermanentError": "errors",
        "Position": "core.record",
        "Producer": "producer.producer",
        "QueueBridge": "consumer.bridge.bridges",
        "QueueConsumer": "consumer.queue.consumer",
        "RecordTooLargeError": "errors",
        "RedisDedupe": "consumer.dedupe.redis",
        "RetryPolicy": "core.recovery.retry",
        "S3Payloads": "transports.aws.s3",
        "SchemaError": "errors",
        "Sns": "transports.aws.sns",
        "Sqs": "transports.aws.sqs",
        "SqsQueue": "transports.aws.sqs_receiver",
        "Start": "transports.log",
        "TopicMissingError": "errors",
        "TransientError": "errors",
        "Transport": "transports.log",
        "TransportError": "errors",
        "TransportTimeoutError": "errors",
        "TransportUnavailableError": "errors",
        "UnfinishedWorkError": "errors",
        "UnknownEventError": "errors",
        "WorkersExhaustedError": "errors",
        "lambda_handler": "consumer.function.handler",
        "load_catalog": "catalog.load",
    }
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
