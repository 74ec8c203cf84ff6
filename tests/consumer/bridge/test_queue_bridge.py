"""A bridge from a queue to a log, in memory."""

from __future__ import annotations

import json
import logging

import pytest

from pat_events import Config, Context, RetryPolicy
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.codecs.table import media_type_after_unfolding
from pat_events.consumer.bridge.forwarding import Forwarding
from pat_events.core.headers import CE_BRIDGED_FROM
from pat_events.core.record import Delivery
from pat_events.errors import (
    ConfigError,
    RecordTooLargeError,
    TopicMissingError,
    TransportTimeoutError,
)
from pat_events.events import EmailProcessed, EmailReceived
from pat_events.telemetry import BufferWaited
from pat_events.transports.memory import MemoryPayloads, MemoryQueue, MemoryTransport
from tests.support.cloud_events import STRUCTURED, structured
from tests.support.waiting import until

TOPIC = "pat-emails"
LETTERS = "letters"


def send(queue, *emails, group="g", **attributes):
    for email in emails:
        key, _, subject = email.partition("/")
        data = {"email_id": key, "subject": subject}
        queue.send(structured(data=data, **{"id": email, **attributes}), STRUCTURED, group=group)


def headers_of(record):
    return dict(record.headers)


def test_an_event_of_a_queue_gets_to_its_topic_as_it_is(clusters):
    value = structured(
        data={"email_id": "e-1", "subject": "a"},
        id="id-1",
        correlationid="c-1",
        causationid="cause-1",
        tenantid="acme",
        subject="e-1",
        partitionkey=None,
    )
    clusters.queue.send(value, [*STRUCTURED, ("own", b"1")])
    clusters.queue_bridge()
    until(lambda: len(clusters.queue) == 0)
    (record,) = clusters.there.records()
    assert record.key == b"e-1"
    assert headers_of(record) == {
        "ce_specversion": b"1.0",
        "ce_id": b"id-1",
        "ce_source": b"shop.web",
        "ce_type": b"pat.events.v1.EmailReceived",
        "ce_time": b"2026-11-02T08:00:00Z",
        "ce_subject": b"e-1",
        "ce_correlationid": b"c-1",
        "ce_causationid": b"cause-1",
        "ce_tenantid": b"acme",
        "content-type": b"application/protobuf",
        "traceparent": json.loads(value)["traceparent"].encode(),
        "own": b"1",
        CE_BRIDGED_FROM: f"queue:{clusters.queue.queue_id(1)}".encode(),
    }
    assert clusters.there.emails == ["e-1/a"]


def test_a_group_of_a_fifo_queue_keeps_its_order_through_an_outage(clusters):
    queue = MemoryQueue("emails.fifo", fifo=True, redrive=(MemoryQueue("dead", fifo=True), 9))
    clusters.there.refused["e-1"] = [TransportTimeoutError("not acknowledged within 120 s")]
    send(queue, "e-1/a", "e-1/b", "e-1/c", group="e-1")
    send(queue, "e-2/d", group="e-2")
    bridge = clusters.queue_bridge(queue=queue)
    until(lambda: len(queue) == 0)
    assert [it for it in clusters.there.emails if it[:3] == "e-1"] == ["e-1/a", "e-1/b", "e-1/c"]
    assert bridge.stats().held == 1


def test_what_the_log_refuses_for_good_is_a_dead_letter_where_one_is_named(clusters):
    clusters.there.broker.create_topic(LETTERS, 1)
    clusters.there.refused["e-1"] = [RecordTooLargeError("over max.message.bytes")]
    send(clusters.queue, "e-1/a", "e-2/b")
    clusters.queue_bridge(dead_letters=LETTERS)
    until(lambda: len(clusters.queue) == 0)
    (letter,) = clusters.there.records(LETTERS)
    assert b"over max.message.bytes" in headers_of(letter)["__dlq.errors.message"]
    assert clusters.there.emails == ["e-2/b"]


def test_without_dead_letters_it_is_left_to_the_queue(clusters):
    dead = MemoryQueue("dead")
    queue = MemoryQueue("emails", redrive=(dead, 2))
    clusters.there.refused["e-1"] = [RecordTooLargeError("over max.message.bytes")] * 2
    send(queue, "e-1/a")
    clusters.queue_bridge(queue=queue)
    until(lambda: len(dead) == 1)
    assert (len(queue), clusters.there.records()) == (0, [])


def test_only_the_chosen_types_are_forwarded_and_others_are_given_up(clusters):
    dead = MemoryQueue("dead")
    queue = MemoryQueue("emails", redrive=(dead, 1))
    queue.send(
        EmailProcessed(email_id="e-1").SerializeToString(),
        [("ce_type", b"pat.events.v1.EmailProcessed")],
    )
    send(queue, "e-2/b")
    clusters.queue_bridge(queue=queue, types=[EmailReceived])
    until(lambda: len(queue) == 0)
    assert (len(dead), clusters.there.emails) == (1, ["e-2/b"])


def test_what_came_from_that_log_is_not_brought_back_to_it(clusters, caplog):
    place = f"log:{clusters.there.cluster_id(1)}/{TOPIC}"
    send(clusters.queue, "e-1/a", bridgedfrom=place)
    send(clusters.queue, "e-2/b", bridgedfrom=f"{place}-of-another-name")
    with caplog.at_level(logging.WARNING, "pat_events.consumer"):
        clusters.queue_bridge()
        until(lambda: len(clusters.queue) == 0)
    assert clusters.there.emails == ["e-2/b"]
    (record,) = clusters.there.records()
    assert (
        headers_of(record)[CE_BRIDGED_FROM]
        == f"{place}-of-another-name queue:{clusters.queue.queue_id(1)}".encode()
    )
    assert "event e-1/a is not forwarded" in caplog.text


def test_it_does_not_start_without_what_it_forwards_to(clusters, monkeypatch):
    def ping(timeout_s):
        raise TopicMissingError("there is no bus")

    monkeypatch.setattr(clusters.there, "ping", ping)
    with pytest.raises(TopicMissingError, match="there is no bus"):
        clusters.queue_bridge()
    with pytest.raises(ConfigError, match="to is 5"):
        clusters.queue_bridge(to=5)
    with pytest.raises(ConfigError, match="Give the queue a redrive policy, or set dead_letters"):
        clusters.queue_bridge(queue=MemoryQueue("emails"), to=MemoryTransport(clusters.here))


def test_a_call_outlasts_what_the_sender_may_take(clusters):
    config = Config(delivery_timeout_s=600.0, publish_timeout_s=100.0)
    bridge = clusters.queue_bridge(started=False, config=config)
    (registration,) = set(bridge._registrations)
    assert registration.timeout_s > 700
    assert registration.retry == RetryPolicy()


def test_a_payload_that_is_in_an_object_stays_there(clusters):
    claim = {"dataref": "s3://b/k", "datareflength": "9", "datarefsha256": "0" * 64}
    value = structured(data=None, datacontenttype="application/avro", id="id-1", **claim)
    message = Delivery("emails", -1, 0, None, value, STRUCTURED, 1)
    assert media_type_after_unfolding(message) == "application/cloudevents+json"
    forwarding = Forwarding(Config(), EventTypes(load_catalog()))
    forwarding.between(lambda _: "queue:emails", lambda topic: f"log:there/{topic}")
    forwarding.through(clusters.there.sender(Config()))
    # Read from there, as the attempt does before it calls a handler.
    ack = forwarding.forward(EmailReceived(email_id="e-1"), Context(message, None))
    assert ack.error is None
    (record,) = clusters.there.records()
    headers = headers_of(record)
    assert (record.key, record.value) == (b"e-1", b"")
    assert headers["content-type"] == b"application/avro"
    assert {name: headers[f"ce_{name}"].decode() for name in claim} == claim


def test_a_payload_that_came_along_goes_on_whatever_the_event_refers_to_besides(clusters):
    event = EmailReceived(email_id="e-1")
    value = structured(data={"email_id": "e-1"}, id="id-1", dataref="https://a.b/c")
    message = Delivery("emails", -1, 0, None, value, STRUCTURED, 1)
    assert media_type_after_unfolding(message) == "application/cloudevents+json"
    forwarding = Forwarding(Config(), EventTypes(load_catalog()))
    forwarding.between(lambda _: "queue:emails", lambda topic: f"log:there/{topic}")
    forwarding.through(clusters.there.sender(Config()))
    assert forwarding.forward(event, Context(message, None)).error is None
    (record,) = clusters.there.records()
    assert EmailReceived.FromString(record.value).email_id == "e-1"
    assert headers_of(record)["ce_dataref"] == b"https://a.b/c"


@pytest.mark.parametrize(
    ("order", "target_keeps_order", "in_order"),
    [
        (None, True, True),
        (None, False, False),
        ("none", True, False),
        ("key", False, True),
    ],
)
def test_events_wait_for_each_other_as_order_says_and_else_as_the_target_does(
    clusters, order, target_keeps_order, in_order
):
    clusters.there.keeps_order = target_keeps_order
    bridge = clusters.queue_bridge(started=False, order=order)
    (registration,) = set(bridge._registrations)
    assert registration.is_async is in_order


def test_a_queue_bridge_is_given_where_payloads_are_and_tells_of_waits_for_room(clusters):
    config = Config(claim_check_bucket="payloads", claim_check_above_bytes=300)
    waited = []

    class Observer:
        def saw(self, what):
            if isinstance(what, BufferWaited):
                waited.append(what)

    clusters.queue_bridge(config=config, payloads=MemoryPayloads(), observers=[Observer()])
    send(clusters.queue, "e-1/" + "b" * 500)
    until(lambda: len(clusters.queue) == 0)
    (record,) = clusters.there.records()
    assert headers_of(record)["ce_dataref"].startswith(b"s3://payloads/")
    clusters.there.full = 1
    send(clusters.queue, "e-2")
    until(lambda: len(clusters.there.records()) == 2)
    until(lambda: waited)
