"""Every event, with every kind of value, comes back from every codec as it went in."""

import io
import json
from pathlib import Path

import fastavro
import pytest
from google.protobuf import timestamp_pb2
from google.protobuf.descriptor import FieldDescriptor as Field
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pat_events import events
from pat_events.codecs.avro.codec import AvroCodec
from pat_events.codecs.avro.schema import without_logical_types
from pat_events.codecs.json import from_json, to_json
from pat_events.codecs.protobuf import ProtobufCodec
from pat_events.errors import CodecError
from tests.support.payloads import encode

SCHEMAS = Path(__file__).parents[2] / "schemas"
EVENTS = [
    events.PatEvent,
    *(field.message_type._concrete_class for field in events.PatEvent.DESCRIPTOR.fields),
]
CODECS = [ProtobufCodec(), AvroCodec.shared()]

FIRST = timestamp_pb2.Timestamp(seconds=-62_135_596_800)
LAST = timestamp_pb2.Timestamp(seconds=253_402_300_799, nanos=999_999_999)
BEFORE_EPOCH = timestamp_pb2.Timestamp(seconds=-1, nanos=999_999_999)

SCALARS = {
    Field.TYPE_STRING: st.text(max_size=20) | st.sampled_from(["\0", "\U0010ffff", "é" * 300]),
    Field.TYPE_BYTES: st.binary(max_size=20),
    Field.TYPE_BOOL: st.booleans(),
    Field.TYPE_DOUBLE: st.floats(),
    Field.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    Field.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
}
TIMESTAMPS = st.sampled_from([FIRST, LAST, BEFORE_EPOCH]) | st.builds(
    timestamp_pb2.Timestamp,
    seconds=st.integers(FIRST.seconds, LAST.seconds),
    nanos=st.integers(0, LAST.nanos),
)
TOLERANT = settings(
    max_examples=25,
    deadline=None,
    # Messages are wide, so many of them are drawn before one is big enough.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def values(field):
    if field.enum_type is not None:
        known = st.sampled_from(sorted(field.enum_type.values_by_number))
        return known | SCALARS[Field.TYPE_INT32]
    if field.message_type is None:
        return SCALARS[field.type]
    if field.message_type.full_name == "google.protobuf.Timestamp":
        return TIMESTAMPS
    return messages(field.message_type)


@st.composite
def messages(draw, descriptor):
    """Any value of a message type: each field absent, empty or filled, one of each oneof."""
    message = descriptor._concrete_class()
    chosen = {draw(st.sampled_from([None, *oneof.fields])) for oneof in descriptor.oneofs}
    for field in descriptor.fields:
        if field.containing_oneof is not None and field not in chosen:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            entry = field.message_type.fields_by_name
            table = st.dictionaries(values(entry["key"]), values(entry["value"]), max_size=3)
            getattr(message, field.name).update(draw(table))
        elif field.is_repeated:
            getattr(message, field.name).extend(draw(st.lists(values(field), max_size=3)))
        elif field.message_type is None:
            setattr(message, field.name, draw(values(field)))
        elif field in chosen or draw(st.booleans()):
            part = getattr(message, field.name)
            part.SetInParent()
            part.MergeFrom(draw(values(field)))
    return message


def exactly(message):
    """All of a message, also where comparing says nothing, as with NaN."""
    return message.SerializeToString(deterministic=True)


@pytest.fixture(scope="module")
def released_classes(classes_of):
    """The classes of the last release, by full name."""
    released = max((SCHEMAS / "released").iterdir(), key=lambda folder: int(folder.name))
    return classes_of((released / "events.proto").read_text("utf-8"))


def any_value(message_class):
    return messages(message_class.DESCRIPTOR)


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.content_type)
@pytest.mark.parametrize("message_class", EVENTS, ids=lambda cls: cls.__name__)
@TOLERANT
@given(data=st.data())
def test_what_is_decoded_is_what_was_encoded(codec, message_class, data):
    event = data.draw(any_value(message_class))
    decoded = codec.decoder(message_class)(encode(codec, event))
    assert exactly(decoded) == exactly(event)


@pytest.mark.parametrize("message_class", EVENTS, ids=lambda cls: cls.__name__)
@settings(TOLERANT, max_examples=12)
@given(data=st.data())
def test_protobuf_to_avro_to_protobuf_is_the_identity(message_class, data):
    protobuf, avro = CODECS
    payload = exactly(data.draw(any_value(message_class)))
    as_avro = encode(avro, protobuf.decoder(message_class)(payload))
    assert exactly(avro.decoder(message_class)(as_avro)) == payload


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.content_type)
@given(stamp=TIMESTAMPS)
@example(stamp=FIRST)
@example(stamp=LAST)
@example(stamp=BEFORE_EPOCH)
def test_a_time_keeps_its_last_nanosecond(codec, stamp):
    event = events.EmailDeleted(deleted_at=stamp)
    assert codec.decoder(events.EmailDeleted)(encode(codec, event)).deleted_at == stamp


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.content_type)
def test_an_empty_part_is_not_an_absent_one(codec):
    event = events.EmailReceived(metadata={})
    decoded = codec.decoder(events.EmailReceived)(encode(codec, event))
    assert decoded.HasField("metadata")
    assert not decoded.HasField("from")


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.content_type)
def test_a_message_of_any_type_is_carried_along(codec):
    event = events.PluginExecutionCompleted()
    event.output_data.Pack(LAST)
    decoded = codec.decoder(type(event))(encode(codec, event))
    unpacked = timestamp_pb2.Timestamp()
    assert decoded.output_data.Unpack(unpacked)
    assert unpacked == LAST


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.content_type)
@pytest.mark.parametrize("message_class", EVENTS, ids=lambda cls: cls.__name__)
@settings(TOLERANT, max_examples=12)
@given(data=st.data())
def test_damaged_bytes_are_an_event_or_one_of_the_decode_errors(codec, message_class, data):
    payload = bytearray(encode(codec, data.draw(any_value(message_class))))
    damage = st.tuples(st.integers(0, max(len(payload) - 1, 0)), st.integers(0, 255))
    for place, byte in data.draw(st.lists(damage, min_size=1, max_size=4)):
        payload[place : place + 1] = bytes([byte])
    try:
        decoded = codec.decoder(message_class)(bytes(payload))
    except codec.decode_errors:
        return
    assert isinstance(decoded, message_class)


@pytest.mark.parametrize("message_class", EVENTS, ids=lambda cls: cls.__name__)
@settings(TOLERANT, max_examples=12)
@given(data=st.data())
def test_what_json_can_say_comes_back_from_it(message_class, data):
    event = data.draw(any_value(message_class))
    try:
        obj = to_json(event)
    except CodecError:  # an Any of a type that nobody has loaded
        return
    text = json.dumps(obj)
    again = from_json(message_class, json.loads(text))
    assert to_json(again) == obj
    if '"NaN"' not in text:  # which loses its sign there
        assert exactly(again) == exactly(event)


@pytest.mark.parametrize("message_class", EVENTS, ids=lambda cls: cls.__name__)
@settings(TOLERANT, max_examples=10)
@given(data=st.data())
def test_avro_of_the_last_release_is_read_with_the_schema_of_today(
    released_classes, message_class, data
):
    avro, then = CODECS[1], released_classes[message_class.DESCRIPTOR.full_name]
    event = then.FromString(exactly(data.draw(any_value(message_class))))
    payload = io.BytesIO(encode(avro, event))
    twin, reader = avro._twin(message_class)
    writer, reader = (
        fastavro.parse_schema(without_logical_types(each)) for each in (avro.schema(then), reader)
    )
    record = fastavro.schemaless_reader(payload, writer, reader, return_named_type=True)
    assert exactly(message_class(**twin.from_avro(record))) == exactly(event)
