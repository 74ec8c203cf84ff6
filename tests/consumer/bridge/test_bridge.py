"""A bridge between two clusters in memory: the contract of forwarding."""

from __future__ import annotations

import logging

import pytest

from pat_events import Config, ConsumerGroup, Envelope, Handlers, Producer
from pat_events.consumer.engine_consumer import EngineConsumer
from pat_events.core.headers import CE_BRIDGED_FROM
from pat_events.core.trace_context import TraceContext
from pat_events.errors import (
    ConfigError,
    NotDrainedError,
    RecordTooLargeError,
    TransportTimeoutError,
    TransportUnavailableError,
    UnknownEventError,
)
from pat_events.events import EmailDeleted, EmailProcessed, EmailReceived
from pat_events.telemetry import BufferWaited
from pat_events.transports.memory import MemoryPayloads, MemoryTransport
from pat_events.transports.sending import Outgoing
from tests.support.cloud_events import structured
from tests.support.waiting import until

TOPIC = "pat-emails"
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TYPE = b"pat.events.v1.EmailReceived"
# A field of a version of the schema to come.
UNKNOWN_FIELD = b"\xca\x3e\x03new"
ORDERS = pytest.mark.parametrize("order", ["key", "none"])


def raw(clusters, value, headers, key=b"e-1"):
    clusters.here.append(Outgoing(TOPIC, key, value, headers, 1))


def headers_of(record):
    return dict(record.headers)


@ORDERS
def test_an_event_arrives_as_it_is_with_the_place_it_came_from(clusters, order):
    value = EmailReceived(email_id="e-1", subject="hello").SerializeToString() + UNKNOWN_FIELD
    headers = {
        "ce_specversion": b"1.0",
        "ce_id": b"id-1",
        "ce_source": b"pat.elsewhere",
        "ce_type": TYPE,
        "ce_time": b"2026-11-28T01:02:03.000000004Z",
        "ce_subject": b"e-1",
        "ce_correlationid": b"c-1",
        "ce_causationid": b"cause-1",
        "ce_tenantid": b"acme",
        "ce_shard": b"of an extension",
        "content-type": b"application/protobuf",
        "traceparent": TRACE,
        "tracestate": b"vendor=1",
        "own": b"\x00\xff",
    }
    raw(clusters, value, headers)
    clusters.bridge(order=order)
    until(lambda: clusters.committed == 1)
    (record,) = clusters.there.records()
    place = f"log:{MemoryTransport(clusters.here).cluster_id(1)}/{TOPIC}".encode()
    assert headers_of(record) == {**headers, CE_BRIDGED_FROM: place}
    assert (record.topic, record.key, record.value) == (TOPIC, b"e-1", value)


def test_who_reads_it_there_sees_the_envelope_that_was_published_here(clusters):
    seen = []
    cause = Envelope(
        "cause-1", None, None, None, None, "c-1", None, None, None, TraceContext(TRACE)
    )
    clusters.producer.publish(
        EmailReceived(email_id="e-1"), caused_by=cause, tenant_id="acme", headers={"own": b"1"}
    )
    clusters.bridge()
    for name, transport in {
        "here": MemoryTransport(clusters.here),
        "there": clusters.there,
    }.items():
        handlers = Handlers()
        handlers.add(EmailReceived, lambda event, ctx: seen.append((event, ctx.envelope)))
        for broker in (clusters.here, clusters.there.broker):
            broker.create_topic(f"{TOPIC}.{name}.dlq", 1)
        count = len(seen)
        with ConsumerGroup(name, handlers, config=Config(), transport=transport):
            until(lambda count=count: len(seen) > count)
    assert seen[0] == seen[1]
    assert seen[1][1].causation_id == "cause-1"
    assert seen[1][1].trace.traceparent[3:35] == TRACE[3:35]


@ORDERS
def test_every_event_arrives_once_and_those_of_a_key_in_order_where_order_is_kept(clusters, order):
    emails = [f"e-{n % 7}/{n}" for n in range(500)]
    clusters.publish(*emails)
    bridge = clusters.bridge(order=order)
    until(lambda: clusters.committed == 500)
    assert sorted(clusters.there.emails) == sorted(emails)
    if order == "key":
        for key in range(7):
            arrived = [it for it in clusters.there.emails if it.startswith(f"e-{key}/")]
            assert arrived == [it for it in emails if it.startswith(f"e-{key}/")]
    assert bridge.stats().handled == 500


def test_order_is_kept_by_default_where_the_target_keeps_it(clusters):
    assert clusters.bridge(started=False)._order == "key"
    clusters.there.keeps_order = False
    assert clusters.bridge(started=False)._order == "none"


def test_a_later_event_of_a_key_never_overtakes_one_that_an_outage_refused(clusters):
    clusters.there.refused["e-1"] = [TransportTimeoutError("not acknowledged within 120 s")]
    clusters.publish("e-1/a", "e-1/b", "e-2/c", "e-1/d")
    clusters.bridge()
    until(lambda: clusters.committed == 4)
    assert clusters.there.emails == ["e-2/c", "e-1/a", "e-1/b", "e-1/d"]
    assert clusters.dead == []


@ORDERS
def test_while_the_target_is_out_of_reach_events_are_held_and_nothing_is_committed(clusters, order):
    clusters.there.refused["e-1"] = [TransportUnavailableError("nobody answers")]
    clusters.publish("e-1/a", "e-2/b")
    bridge = clusters.bridge(order=order)
    until(lambda: bridge.stats().held == 1)
    assert clusters.committed <= 0
    until(lambda: clusters.committed == 2)
    assert sorted(clusters.there.emails) == ["e-1/a", "e-2/b"]
    assert (bridge.stats().held, clusters.dead) == (1, [])


@ORDERS
def test_what_the_target_refuses_for_good_is_a_dead_letter_with_its_cause(clusters, order):
    clusters.there.refused["e-2"] = [RecordTooLargeError("EventBridge takes 1048576 bytes")]
    (_, refused, _) = clusters.publish("e-1/a", "e-2/b", "e-2/c")
    clusters.bridge(order=order)
    until(lambda: clusters.committed == 3)
    assert sorted(clusters.there.emails) == ["e-1/a", "e-2/c"]
    (letter,) = clusters.dead
    headers = headers_of(letter)
    assert headers["ce_id"].decode() == refused.event_id
    assert b"EventBridge takes 1048576 bytes" in headers["__dlq.errors.message"]
    assert headers["pat-dlq-error-class"] == b"pat_events.errors.RecordTooLargeError"
    assert CE_BRIDGED_FROM not in headers


@ORDERS
def test_what_was_sent_and_not_committed_comes_again_with_the_same_id(clusters, order):
    acks = clusters.publish("e-1/a", "e-2/b")
    clusters.there.silent = True
    first = clusters.bridge(order=order, started=False, drain_timeout_s=0.1)
    first.start()
    until(lambda: len(clusters.there.records()) == 2)
    with pytest.raises(NotDrainedError):
        first.stop()
    assert clusters.committed <= 0
    clusters.there.silent = False
    clusters.bridge(order=order)
    until(lambda: clusters.committed == 2)
    ids = [headers_of(it)["ce_id"].decode() for it in clusters.there.records()]
    assert sorted(ids) == sorted(2 * [ack.event_id for ack in acks])


def test_what_no_handler_could_read_is_a_dead_letter_and_other_events_are_left_alone(clusters):
    raw(clusters, b"\xff", [("ce_type", TYPE)])
    raw(clusters, b"", [("ce_type", b"pat.events.v1.Nonsense")])
    clusters.producer.publish(EmailProcessed(email_id="e-1"))
    clusters.publish("e-1/a")
    bridge = clusters.bridge()
    until(lambda: clusters.committed == 4)
    assert clusters.there.emails == ["e-1/a"]
    reasons = [headers_of(it)["pat-dlq-reason"] for it in clusters.dead]
    assert sorted(reasons) == [b"undecodable", b"unknown-event"]
    assert bridge.stats().skipped == 1


def test_an_envelope_is_completed_from_the_event_and_its_place(clusters):
    event = EmailReceived(email_id="e-1")
    raw(clusters, event.SerializeToString(), [("ce_type", TYPE)], key=None)
    event.metadata.event_id, event.metadata.correlation_id = "id-1", "c-1"
    event.metadata.source, event.metadata.tenant_id = "pat.elsewhere", "acme"
    raw(clusters, event.SerializeToString(), [("ce_type", TYPE)], key=None)
    clusters.bridge()
    until(lambda: clusters.committed == 2)
    by_id = {headers_of(it)["ce_id"]: headers_of(it) for it in clusters.there.records()}
    assert by_id.keys() == {b"pat-emails/0/0", b"id-1"}
    assert by_id[b"pat-emails/0/0"]["ce_source"] == b"pat.smtp"
    for name, value in {
        "ce_specversion": b"1.0",
        "ce_source": b"pat.elsewhere",
        "ce_subject": b"e-1",
        "ce_correlationid": b"c-1",
        "ce_tenantid": b"acme",
    }.items():
        assert by_id[b"id-1"][name] == value


def test_a_record_in_structured_mode_arrives_in_binary_mode(clusters):
    value = structured(data={"email_id": "e-1", "subject": "a"}, id="id-1", correlationid="c-1")
    raw(clusters, value, [("content-type", b"application/cloudevents+json"), ("own", b"1")])
    clusters.bridge()
    until(lambda: clusters.committed == 1)
    assert clusters.there.emails == ["e-1/a"]
    headers = headers_of(clusters.there.records()[0])
    assert headers["content-type"] == b"application/protobuf"
    assert (headers["ce_id"], headers["ce_correlationid"]) == (b"id-1", b"c-1")
    assert headers["own"] == b"1"
    assert "ce_datacontenttype" not in headers


def test_what_came_from_there_is_not_brought_back(clusters, caplog):
    here, there = MemoryTransport(clusters.here), clusters.there
    for topic in clusters.here.partition_counts():
        there.broker.create_topic(topic.replace("to-there", "back"), 1)
    clusters.publish("e-1/a", "e-1/b")
    clusters.bridge()
    with caplog.at_level(logging.WARNING, "pat_events.consumer"):
        back = clusters.bridge(name="back", transport=there, to=here)
        until(lambda: there.broker.committed("back").get((TOPIC, 0)) == 2)
    assert back.stats().handled == 2
    assert len(clusters.here.records(TOPIC)) == 2
    (said,) = [it.getMessage() for it in caplog.records if "is not forwarded" in it.getMessage()]
    assert f"/{TOPIC} is where a bridge took it from" in said


def test_a_bridge_from_a_cluster_to_itself_is_refused(clusters):
    with pytest.raises(ConfigError, match="would send pat-emails to itself"):
        clusters.bridge(to=MemoryTransport(clusters.here))


def test_it_does_not_start_while_nobody_answers_there(clusters, monkeypatch):
    def ping(timeout_s):
        raise TransportUnavailableError("nobody answers")

    monkeypatch.setattr(clusters.there, "ping", ping)
    with pytest.raises(TransportUnavailableError, match="nobody answers"):
        clusters.bridge()


def test_both_senders_end_with_it(clusters):
    bridge = clusters.bridge(started=False)
    bridge.start()
    clusters.publish("e-1/a")
    until(lambda: clusters.committed == 1)
    bridge.stop()
    assert isinstance(bridge, EngineConsumer)
    assert not bridge.running
    assert all(sender._closed for sender in clusters.there.broker.senders)
    mine = [it for it in clusters.here.senders if it is not clusters.producer._sender]
    assert all(sender._closed for sender in mine)


def test_types_are_classes_or_names_of_the_catalogue(clusters):
    bridge = clusters.bridge(types=[EmailReceived, "EmailDeleted", "pat.events.v1.EmailDeleted"])
    clusters.producer.publish(EmailDeleted(email_id="e-1"))
    clusters.producer.publish(EmailProcessed(email_id="e-1"))
    until(lambda: clusters.committed == 2)
    assert (bridge.stats().handled, bridge.stats().skipped) == (1, 1)
    with pytest.raises(UnknownEventError, match="did you mean 'EmailReceived'"):
        clusters.bridge(types=["EmailRecieved"])
    with pytest.raises(ConfigError, match="give a list of event classes"):
        clusters.bridge(types="EmailReceived")
    with pytest.raises(ConfigError, match="to is <class"):
        clusters.bridge(to=MemoryTransport)


@ORDERS
def test_who_observes_a_bridge_is_told_how_long_it_waited_for_room(clusters, order):
    waited = []

    class Observer:
        def saw(self, what):
            if isinstance(what, BufferWaited):
                waited.append(what)

    clusters.there.full = 1
    clusters.bridge(order=order, observers=[Observer()])
    clusters.publish("e-1")
    until(lambda: clusters.there.emails == ["e-1/"])
    assert len(waited) == 1


def test_a_payload_elsewhere_is_read_there_and_what_is_too_large_is_put_there(clusters):
    config = Config(claim_check_bucket="payloads", claim_check_above_bytes=300)
    store = MemoryPayloads()
    event = EmailReceived(email_id="e-1", subject="a" * 500)
    transport = MemoryTransport(clusters.here)
    with Producer(config, transport=transport, payloads=store) as producer:
        producer.publish(event)
    clusters.publish("e-2/" + "b" * 500)  # As one without a claim check does.
    clusters.bridge(config=config, payloads=store)
    until(lambda: clusters.committed == 2)
    assert not clusters.dead
    records = clusters.there.records()
    assert {record.key for record in records} == {b"e-1", b"e-2"}
    assert all(b"s3://payloads/" in headers_of(record)["ce_dataref"] for record in records)
