"""Causes that other programs wrote.

The headers are made by hand, as these programs' sources write them: Spring for Apache Kafka
(``DeadLetterPublishingRecoverer``, ``KafkaHeaders``), Kafka Connect (``DeadLetterQueueReporter``),
Kafka Streams 4.2 (``ExceptionHandlerUtils``), and the brokers' share groups
(``ShareGroupDLQStateManager``).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pat_events.core.dead_letter import Cause, dead_letter, read_cause
from pat_events.core.foreign_letters import FOREIGN_PREFIXES
from pat_events.core.record import Delivery, Position
from pat_events.core.stored_cause import StoredCause

LISTENER = "org.springframework.kafka.listener.ListenerExecutionFailedException"

SPRING = {
    "kafka_dlt-original-topic": b"orders",
    "kafka_dlt-original-partition": b"\x00\x00\x00\x03",
    "kafka_dlt-original-offset": b"\x00\x00\x00\x00\x00\x00\x00\x29",
    "kafka_dlt-original-timestamp": b"\x00\x00\x01\x8b\xcf\xe5\x68\x00",
    "kafka_dlt-original-timestamp-type": b"CreateTime",
    "kafka_dlt-original-consumer-group": b"billing",
    "kafka_dlt-exception-fqcn": LISTENER.encode(),
    "kafka_dlt-exception-cause-fqcn": b"java.net.ConnectException",
    "kafka_dlt-exception-message": b"Listener failed; Connection refused",
    "kafka_dlt-exception-stacktrace": b"org.springframework...\n\tat Orders.on(Orders.java:7)\n",
}
OF_SPRING = StoredCause(
    origin=Position("orders", 3, 41),
    group="billing",
    error_class=LISTENER,
    root_cause_class="java.net.ConnectException",
    message="Listener failed; Connection refused",
    stacktrace="org.springframework...\n\tat Orders.on(Orders.java:7)\n",
    timestamp_ms=1_700_000_000_000,
    writer="Spring",
)
# By retry topics: other names, and BigIntegers of as few bytes as hold them.
SPRING_RETRIED = {
    name.replace("kafka_dlt-exception", "kafka_exception").replace(
        "kafka_dlt-original", "kafka_original"
    ): value
    for name, value in SPRING.items()
} | {
    "kafka_dlt-original-consumer-group": b"billing",
    "retry_topic-attempts": b"\x00\x00\x00\x04",
    "retry_topic-original-timestamp": b"\x01\x8b\xcf\xe5\x68\x00",
    "retry_topic-backoff-timestamp": b"\x01\x8b\xcf\xe5\x6b\xe8",
}
SPRING_KEY = {
    "kafka_dlt-original-topic": b"orders",
    "kafka_dlt-key-exception-fqcn": b"x.DeserializationException",
    "kafka_dlt-key-exception-message": b"no key",
}
CONNECT = {
    "__connect.errors.topic": b"orders",
    "__connect.errors.partition": b"3",
    "__connect.errors.offset": b"41",
    "__connect.errors.connector.name": b"orders-to-s3",
    "__connect.errors.task.id": b"0",
    "__connect.errors.stage": b"VALUE_CONVERTER",
    "__connect.errors.class.name": b"org.apache.kafka.connect.json.JsonConverter",
    "__connect.errors.exception.class.name": b"org.apache.kafka.connect.errors.DataException",
    "__connect.errors.exception.message": b"Converting byte[] to Kafka Connect data failed",
    "__connect.errors.exception.stacktrace": b"org.apache...\n",
}
STREAMS = {
    "__streams.errors.exception": b"java.lang.IllegalStateException: no such account: 7",
    "__streams.errors.message": b"no such account: 7",
    "__streams.errors.stacktrace": b"java.lang...\n",
    "__streams.errors.topic": b"orders",
    "__streams.errors.partition": b"3",
    "__streams.errors.offset": b"41",
}
SHARE_GROUP = {
    "__dlq.errors.topic": b"orders",
    "__dlq.errors.partition": b"3",
    "__dlq.errors.offset": b"41",
    "__dlq.errors.group": b"billing",
    "__dlq.errors.delivery.count": b"5",
    "__dlq.errors.message": b"Offset rejected by client.",
}
ALL = {
    "Spring": SPRING,
    "Spring, by retry topics": SPRING_RETRIED,
    "Kafka Connect": CONNECT,
    "Kafka Streams": STREAMS,
    "Kafka": SHARE_GROUP,
}


@pytest.mark.parametrize(
    ("headers", "cause"),
    [
        (SPRING, OF_SPRING),
        (SPRING_RETRIED, OF_SPRING._replace(attempts=4)),
        (
            SPRING_KEY,
            StoredCause(
                error_class="x.DeserializationException", message="no key", writer="Spring"
            ),
        ),
        (
            CONNECT,
            StoredCause(
                origin=Position("orders", 3, 41),
                handler="orders-to-s3",
                reason="value_converter",
                error_class="org.apache.kafka.connect.errors.DataException",
                message="Converting byte[] to Kafka Connect data failed",
                stacktrace="org.apache...\n",
                writer="Kafka Connect",
            ),
        ),
        (
            STREAMS,
            StoredCause(
                origin=Position("orders", 3, 41),
                error_class="java.lang.IllegalStateException",
                message="no such account: 7",
                stacktrace="java.lang...\n",
                writer="Kafka Streams",
            ),
        ),
        (
            SHARE_GROUP,
            StoredCause(
                origin=Position("orders", 3, 41),
                group="billing",
                message="Offset rejected by client.",
                attempts=5,
                writer="Kafka",
            ),
        ),
    ],
)
def test_the_cause_is_read_whoever_wrote_it(headers, cause):
    assert read_cause(headers) == cause


@pytest.mark.parametrize("headers", ALL.values(), ids=ALL)
def test_a_letter_of_ours_of_a_record_that_others_gave_up_tells_our_cause(headers):
    delivery = Delivery("orders", 1, 2, None, None, list(headers.items()), 0)
    cause = Cause("g", "h", "rejected", LookupError("ours"), 1, 1, 2)
    told = read_cause(dict(dead_letter(delivery, "orders.g.dlq", cause).headers))
    assert (told.reason, told.error_class) == ("rejected", "builtins.LookupError")
    assert (told.writer, told.origin) == ("", Position("orders", 1, 2))


@given(
    st.dictionaries(
        st.sampled_from(sorted({name for headers in ALL.values() for name in headers})),
        st.none() | st.binary(max_size=12),
    )
)
def test_whatever_a_stranger_writes_can_be_read(headers):
    told = read_cause(headers)
    assert 0 <= told.timestamp_ms <= 253_402_300_799_999
    assert told.origin is None or told.origin.offset >= 0


def test_every_header_that_is_read_is_left_out_where_only_the_records_own_are_shown():
    by_prefix = {name for headers in ALL.values() for name in headers}
    own = {name for name in by_prefix if not name.startswith(("__dlq.errors.", "retry_topic-"))}
    assert all(name.startswith(FOREIGN_PREFIXES) for name in own)
