"""A group whose partitions have no leader yet, as right after their topic was made."""

import threading

from confluent_kafka import KafkaError

from pat_events import ConsumerGroup, Handlers, Producer
from pat_events.catalog.load import load_catalog
from pat_events.events import EmailReceived
from pat_events.testing import Api, EmbeddedBroker


def test_a_group_waits_for_leaders_that_are_on_their_way():
    handled = threading.Event()
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: handled.set())
    with EmbeddedBroker() as broker:
        broker.create_topics(load_catalog())
        transport = broker.transport()
        with Producer(transport=transport) as producer:
            producer.publish(EmailReceived(email_id="e-1")).result(10)
        broker.faults.push_request_errors(
            Api.LIST_OFFSETS, *[KafkaError.NOT_LEADER_FOR_PARTITION] * 30
        )
        with ConsumerGroup("email-processor", handlers, transport=transport):
            assert handled.wait(20)
