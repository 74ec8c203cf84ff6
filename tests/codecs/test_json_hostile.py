"""Whatever an event or a JSON text holds: an event, or a CodecError of bounded length."""

import json

import pytest
from google.protobuf.any_pb2 import Any

from pat_events.codecs.json import from_json, to_json
from pat_events.errors import CodecError
from pat_events.events import EmailReceived, PluginExecutionCompleted

TIMESTAMP = "type.googleapis.com/google.protobuf.Timestamp"


def nested(depth):
    inner = Any()
    for _ in range(depth):
        outer = Any()
        outer.Pack(inner)
        inner = outer
    return inner


@pytest.mark.parametrize(
    ("output_data", "reason"),
    [
        (Any(type_url=TIMESTAMP, value=b"\xff"), "DecodeError: "),
        (nested(1_000), "RecursionError: "),
        (Any(type_url="\n" * 1_000_000), r"TypeError: .*\\n\\n"),
    ],
    ids=["garbage", "nested", "no type"],
)
def test_an_any_that_cannot_be_shown_is_a_codec_error(output_data, reason):
    with pytest.raises(CodecError, match=rf"PluginExecutionCompleted: {reason}") as caught:
        to_json(PluginExecutionCompleted(output_data=output_data))
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize(
    ("message_class", "text", "reason"),
    [
        (EmailReceived, '{"protocol": 1e400}', "OverflowError: "),
        (EmailReceived, '{"protocol": "\\ud800"}', "SystemError: "),
        (
            PluginExecutionCompleted,
            json.dumps({"output_data": {"@type": TIMESTAMP}}),
            "KeyError: 'value'",
        ),
        (EmailReceived, json.dumps({"x" * 1_000_000: 1}), ".*no field named"),
        (EmailReceived, json.dumps({"protocol": "x" * 1_000_000}), ".*xxx"),
        (EmailReceived, json.dumps({"a\nb\u2028": 1}), r'.*no field named "a\\nb\\u2028" at'),
        (PluginExecutionCompleted, '{"output_data": {"@type": 5}}', "AttributeError: "),
    ],
    ids=["infinite", "surrogate", "no value", "long name", "long value", "newline", "no text"],
)
def test_json_of_any_content_is_an_event_or_a_codec_error(message_class, text, reason):
    with pytest.raises(CodecError, match=reason) as caught:
        from_json(message_class, json.loads(text))
    assert len(str(caught.value)) < 1_000
    assert "\n" not in str(caught.value)
