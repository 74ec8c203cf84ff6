"""One record that cannot be shown does not end a listing."""

import base64

from google.protobuf.any_pb2 import Any

from pat_events.core.headers import CE_TYPE
from pat_events.core.record import Delivery
from pat_events.events import PluginExecutionCompleted
from pat_events.ops.json_records import record_as_json


def test_an_event_that_has_no_json_is_shown_as_its_bytes_with_the_reason(types):
    garbage = Any(type_url="type.googleapis.com/google.protobuf.Timestamp", value=b"\xff")
    value = PluginExecutionCompleted(output_data=garbage).SerializeToString()
    headers = [(CE_TYPE, b"pat.events.v1.PluginExecutionCompleted")]
    shown = record_as_json(types, Delivery("pat-plugins", 0, 1, None, value, headers, 1))
    assert "event" not in shown
    assert shown["error"].startswith("pat.events.v1.PluginExecutionCompleted: DecodeError: ")
    assert base64.b64decode(shown["value_base64"]) == value
