"""Large payloads go to a store, in order with what is small, and within the limits of a buffer."""

from __future__ import annotations

import os
import threading

import pytest

from pat_events import Config, Producer
from pat_events.core.claim import Location
from pat_events.errors import (
    BufferFullError,
    ClosedError,
    NotDeliveredError,
    NotPermittedError,
    RecordTooLargeError,
    TransportError,
    TransportTimeoutError,
    TransportUnavailableError,
)
from pat_events.events import EmailReceived
from pat_events.telemetry.clients import Acknowledged, NotDelivered
from pat_events.transports.aws.batching import Taken
from pat_events.transports.aws.uploads import Upload, Uploads
from pat_events.transports.memory import MemoryBroker, MemoryPayloads, MemoryTransport
from pat_events.transports.opening import make_sender
from pat_events.transports.sending import Outgoing
from tests.support.forking import fork
from tests.support.waiting import until

LARGE = "x" * 2_000


class Store(MemoryPayloads):
    """Its gate keeps uploads waiting; ``refusal`` is raised instead."""

    def __init__(self):
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.refusal = None
        self.puts = 0

    def put(self, claim, payload, content_type):
        self.puts += 1
        assert self.gate.wait(30)
        if self.refusal is not None:
            raise self.refusal
        super().put(claim, payload, content_type)


@pytest.fixture
def broker():
    broker = MemoryBroker()
    broker.create_topic("pat-emails", 1)
    return broker


@pytest.fixture
def store():
    return Store()


def settings(**more):
    return Config(
        **{
            "claim_check_bucket": "payloads",
            "max_event_bytes": 1_000,
            "buffer_bytes": 10_000,
            "publish_timeout_s": 0.2,
        }
        | more
    )


@pytest.fixture
def make_producer(broker, store):
    made = []

    def make_producer(**more):
        made.append(Producer(settings(**more), transport=MemoryTransport(broker), payloads=store))
        return made[-1]

    yield make_producer
    store.gate.set()
    for producer in made:
        producer._sender.close(1)


def large(key, number=0):
    return EmailReceived(email_id=key, subject=f"{number}/{LARGE}")


def small(key, number=0):
    return EmailReceived(email_id=key, subject=f"{number}/")


def sent(broker, store):
    """Key and number of each event that is in the log, in its order."""
    found = []
    for record in broker.records("pat-emails"):
        uri = (record.header_values.get("ce_dataref") or b"").decode()
        value = record.value
        if uri:
            assert value == b"", "a record without a value is a tombstone"
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            value = store.objects[bucket, key]
        event = EmailReceived.FromString(value)
        found.append((event.email_id, int(event.subject.partition("/")[0]), bool(uri)))
    return found


def test_a_large_event_is_sent_as_a_reference_and_acknowledged_as_any(broker, store, make_producer):
    producer = make_producer(claim_check_prefix="mail/")
    ack = producer.publish(large("e-1"))
    position = ack.result(10)
    (record,) = broker.records("pat-emails")
    assert (position.topic, position.offset) == ("pat-emails", 0)
    values = record.header_values
    ((bucket, key),) = store.objects
    payload = store.objects[bucket, key]
    assert values["ce_dataref"].decode() == f"s3://payloads/{key}"
    assert key.startswith("mail/pat.events.v1.EmailReceived/20")
    assert ack.event_id in key
    assert values["ce_datareflength"] == b"%d" % len(payload)
    assert values["ce_id"].decode() == ack.event_id
    assert sent(broker, store) == [("e-1", 0, True)]


def test_the_same_event_is_the_same_object_and_a_changed_one_another(store, make_producer):
    producer = make_producer()
    event = large("e-1")
    producer.publish(event).result(10)
    producer.publish(event).result(10)
    assert len(store.objects) == 1
    event.subject += "y"
    producer.publish(event).result(10)
    assert len(store.objects) == 2, "or what was sent first would be one that was altered"


def test_small_events_go_straight_on(broker, store, make_producer):
    producer = make_producer()
    assert producer.publish(small("e-1")).done()
    assert (store.puts, sent(broker, store)) == (0, [("e-1", 0, False)])


def test_a_size_that_is_set_counts_for_the_payload(broker, store, make_producer):
    producer = make_producer(claim_check_above_bytes=300)
    producer.publish(EmailReceived(email_id="e-1", subject="0/" + "x" * 400))
    producer.publish(small("e-2"))
    producer.flush(10)
    assert sorted(sent(broker, store)) == [("e-1", 0, True), ("e-2", 0, False)]


def test_small_events_wait_behind_a_large_one_of_their_key_alone(broker, store, make_producer):
    producer = make_producer()
    store.gate.clear()
    held = [producer.publish(each) for each in (large("e-1"), small("e-1", 1), small("e-1", 2))]
    others = [key for key in map("o-{}".format, range(50)) if producer.publish(small(key)).done()]
    assert len(others) > 40, "keys are told apart, but for some that share a number"
    assert not any(ack.done() for ack in held)
    store.gate.set()
    producer.flush(10)
    mine = [number for key, number, _ in sent(broker, store) if key == "e-1"]
    assert mine == [0, 1, 2]
    assert producer.publish(small("e-1", 3)).done(), "nothing is before it any more"


def test_the_order_of_each_key_is_kept_with_large_among_small(broker, store, make_producer):
    producer = make_producer(publish_timeout_s=10)
    for number in range(200):
        make = large if number % 5 == 0 else small
        producer.publish(make(f"e-{number % 7}", number))
    producer.flush(30)
    found = sent(broker, store)
    assert len(found) == 200
    for key in {key for key, _, _ in found}:
        mine = [number for each, number, _ in found if each == key]
        assert mine == sorted(mine)


def test_flush_waits_for_uploads_and_tells_what_is_late(store, make_producer):
    producer = make_producer()
    store.gate.clear()
    ack = producer.publish(large("e-1"))
    with pytest.raises(NotDeliveredError) as caught:
        producer.flush(0.05)
    assert caught.value.event_ids == (ack.event_id,)
    threading.Timer(0.1, store.gate.set).start()
    producer.flush(10)
    assert ack.done()


def test_close_waits_for_uploads_and_gives_up_what_is_late(broker, store, make_producer):
    producer = make_producer()
    store.gate.clear()
    threading.Timer(0.1, store.gate.set).start()
    producer.publish(large("e-1"))
    producer.close(10)
    assert sent(broker, store) == [("e-1", 0, True)]

    late = make_producer()
    store.gate.clear()
    acks = [late.publish(large("e-2")), late.publish(small("e-2"))]
    with pytest.raises(NotDeliveredError) as caught:
        late.close(0.05)
    assert set(caught.value.event_ids) == {ack.event_id for ack in acks}
    assert all("not acknowledged before close" in str(ack.error) for ack in acks)
    with pytest.raises(ClosedError):
        late.publish(small("e-3"))


def test_what_waits_for_uploads_is_bounded_like_the_buffer(store, make_producer):
    producer = make_producer(buffer_events=3)
    store.gate.clear()
    for number in range(3):
        producer.publish(large("e-1", number))
    with pytest.raises(BufferFullError, match="bucket payloads"):
        producer.publish(large("e-1", 3))
    with pytest.raises(BufferFullError):
        producer.publish(small("e-1", 4))
    store.gate.set()
    producer.flush(10)
    assert producer.publish(small("e-1", 5)).done()


def test_the_bytes_that_wait_for_uploads_are_bounded(store, make_producer):
    producer = make_producer(buffer_bytes=5_000)
    store.gate.clear()
    producer.publish(large("e-1"))
    producer.publish(large("e-2"))
    with pytest.raises(BufferFullError, match="5000 bytes"):
        producer.publish(large("e-3"))
    with pytest.raises(RecordTooLargeError, match="buffer_bytes"):
        producer.publish(EmailReceived(email_id="e-4", subject="x" * 6_000))


def test_a_store_that_fails_is_asked_again_until_the_time_is_over(broker, store, make_producer):
    producer = make_producer(delivery_timeout_s=0.5)
    store.refusal = TransportUnavailableError("no bucket to be seen")
    ack = producer.publish(large("e-1"))
    with pytest.raises(TransportTimeoutError, match="no bucket to be seen"):
        ack.result(10)
    assert store.puts > 1

    patient = make_producer()
    ack = patient.publish(large("e-2"))
    before = store.puts
    until(lambda: store.puts > before)
    store.refusal = None
    ack.result(10)
    assert sent(broker, store) == [("e-2", 0, True)]


def test_what_a_store_refuses_for_good_fails_that_event_and_lets_the_next_one_go(
    broker, store, make_producer
):
    producer = make_producer()
    store.refusal = NotPermittedError("grant s3:PutObject on bucket payloads")
    store.gate.clear()
    refused, behind = producer.publish(large("e-1")), producer.publish(small("e-1", 1))
    store.gate.set()
    with pytest.raises(NotPermittedError, match="s3:PutObject"):
        refused.result(10)
    behind.result(10)
    assert store.puts == 1
    assert sent(broker, store) == [("e-1", 1, False)]


def test_a_full_sender_keeps_uploads_waiting(broker, store, make_producer):
    producer = make_producer(buffer_events=1)
    broker.set_down(down=True)
    producer.publish(small("e-1"))
    ack = producer.publish(large("e-2"))
    until(lambda: store.objects)
    assert not ack.done()
    broker.set_down(down=False)
    ack.result(10)
    assert [key for key, _, _ in sent(broker, store)] == ["e-1", "e-2"]


def test_observers_are_told_of_each_event_once(broker, store):
    seen = []

    class Seen:
        def saw(self, what):
            seen.append(what)

    config = settings()
    transport = MemoryTransport(broker)
    sender = make_sender(transport, config, [Seen()], store)
    producer = Producer(config, transport=transport, sender=sender)
    producer.publish(large("e-1"))
    producer.publish(small("e-2"))
    producer.flush(10)
    store.refusal = NotPermittedError("no")
    producer.publish(large("e-3"))
    with pytest.raises(NotDeliveredError):
        producer.close(10)
    assert sum(it.records for it in seen if isinstance(it, Acknowledged)) == 2
    assert sum(it.records for it in seen if isinstance(it, NotDelivered)) == 1


def test_what_the_sender_has_is_not_given_up_as_an_upload_as_well(broker, store):
    sender = make_sender(MemoryTransport(broker), settings(), [])
    uploads = Uploads(store, Location("payloads", ""), sender)
    record = Outgoing("pat-emails", b"e-1", b"x", {}, 1)
    upload = Upload(record, is_large=False, over=lambda _: None)
    assert uploads.call([uploads.wrap(upload)]) == [Taken("")]
    upload.settle(TransportError("closed"), None)
    assert upload.error is None
    assert sender.close(10) == []
    assert record.error is None


def test_a_dead_letter_stays_what_it_is(broker, store, make_producer):
    producer = make_producer()
    headers = [("ce_type", b"t"), ("pat-dlq-reason", b"rejected")]
    letter = Outgoing("pat-emails", b"k", b"x" * 2_000, headers, 0)
    producer._sender.send(letter)
    assert letter.settled
    assert (store.puts, broker.records("pat-emails")[0].value) == (0, letter.value)


def test_what_the_sender_finds_too_large_goes_to_the_store(broker, store, make_producer):
    producer = make_producer(max_event_bytes=9_000)
    inner = producer._sender._sender
    send = inner.send

    def send_what_is_small(outgoing):
        if len(outgoing.value) > 100:
            raise RecordTooLargeError("as text it would be")
        send(outgoing)

    inner.send = send_what_is_small
    producer.publish(large("e-1")).result(10)
    assert sent(broker, store) == [("e-1", 0, True)]


def test_a_callback_may_publish_what_is_large(broker, store, make_producer):
    producer = make_producer()
    more = []
    first = producer.publish(large("e-1"))
    first.add_done_callback(lambda _: more.append(producer.publish(large("e-2"))))
    first.result(10)
    until(lambda: more)
    more[0].result(10)
    assert len(sent(broker, store)) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_is_told_to_make_its_own(make_producer):
    producer = make_producer()
    producer.publish(large("e-1")).result(10)
    read, write = os.pipe()
    child = fork()
    if child == 0:
        try:
            producer.publish(large("e-2"))
        except ClosedError as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as told:
        assert "does not survive fork()" in told.read()
