import pytest
from confluent_kafka import KafkaError

from pat_events import Config, KafkaTransport
from pat_events.codecs.protobuf import ProtobufCodec
from pat_events.errors import RecordTooLargeError, SchemaError, UnknownEventError
from pat_events.events import EmailReceived
from pat_events.ops.publishing import Outbox
from pat_events.ops.written_events import WrittenEvent, events_from_json
from pat_events.testing import Api, EmbeddedBroker
from pat_events.transports.memory import MemoryBroker, MemoryTransport


@pytest.fixture
def transport(cluster):
    return KafkaTransport(cluster.kafka)


def read(types, text, name="EmailReceived"):
    return [written.event for written in events_from_json(types, name, text)]


def publish(transport, events):
    outbox = Outbox(Config(), transport)
    return outbox.send(outbox.prepare(WrittenEvent(event, "input")) for event in events)


def test_one_object_may_take_many_lines(types):
    [event] = read(types, '{\n  "email_id": "e-1",\n  "to": [{"address": "a@example.com"}]\n}\n')
    assert event.email_id == "e-1"
    assert event.to[0].address == "a@example.com"


def test_objects_may_come_one_a_line(types):
    events = read(types, '{"email_id": "e-1"}\n\n{"emailId": "e-2"}\n')
    assert [event.email_id for event in events] == ["e-1", "e-2"]


@pytest.mark.parametrize(
    "text", ['{"email_id": "e-1"}', '{"email_id": "e-1"}\n{"email_id": "e-2"}']
)
def test_a_byte_order_mark_is_let_be(types, text):
    assert read(types, "\ufeff" + text) == read(types, text)


def test_an_unknown_type_is_refused_with_the_nearest(types):
    with pytest.raises(UnknownEventError, match="'EmailReceived'"):
        read(types, "{}", "EmailRecieved")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON"),
        ("hello", "not JSON"),
        ("[1]", "must be a JSON object"),
        ('{"email_id": "e-1"}\n{"email_id"', "line 2: not JSON"),
        ('{"email_id": "e-1"}\n{"sbject": "x"}', "line 2: no EmailReceived: .*sbject"),
        ('{"email_id": 7}', "no EmailReceived"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_event_is_refused_with_its_place(types, text, reason):
    with pytest.raises(SchemaError, match=reason) as raised:
        read(types, text)
    assert "\n" not in str(raised.value)


def test_each_event_published_is_yielded_with_its_place(transport):
    events = [EmailReceived(email_id="e-1") for _ in range(3)]
    acks = list(publish(transport, events))
    assert [ack.event_id for ack in acks] == [event.metadata.event_id for event in events]
    assert [ack.position.offset for ack in acks] == [0, 1, 2]


def test_what_was_published_before_a_refusal_is_yielded_all_the_same(transport):
    published = publish(transport, [EmailReceived(email_id="e-1"), EmailReceived()])
    assert next(published).position.offset == 0
    with pytest.raises(SchemaError, match=r"^input: EmailReceived\.email_id is empty"):
        next(published)


def test_an_event_the_broker_refuses_does_not_hide_the_others():
    arrived = []
    with EmbeddedBroker() as broker:
        broker.create_topic("pat-emails", 2)
        broker.faults.push_request_errors(Api.PRODUCE, KafkaError.MSG_SIZE_TOO_LARGE)
        events = [EmailReceived(email_id=f"e-{number}") for number in range(8)]
        with pytest.raises(RecordTooLargeError):
            arrived.extend(publish(broker.transport(), events))
    # One request a partition: the refused one is the first.
    assert len({ack.position.partition for ack in arrived}) == 1


def test_an_event_is_encoded_once_although_all_are_looked_at_before_one_is_sent(monkeypatch):
    encoded = []

    def encoder(_, message_class):
        return lambda event: encoded.append(event) or message_class.SerializeToString(event)

    monkeypatch.setattr(ProtobufCodec, "encoder", encoder)
    broker = MemoryBroker()
    broker.create_topic("pat-emails", 1)
    outbox = Outbox(Config(), MemoryTransport(broker))
    events = [EmailReceived(email_id=f"e-{number}") for number in range(3)]
    prepared = [outbox.prepare(WrittenEvent(event, "input")) for event in events]
    assert broker.records("pat-emails") == []
    assert list(outbox.send(prepared)) == prepared
    assert encoded == events
