import pytest

from pat_events import events
from pat_events.codecs.json import from_json, to_json
from pat_events.errors import CodecError


def test_json_has_the_names_of_the_schema():
    event = events.EmailReceived(
        email_id="e-1",
        raw_email=b"\xff",
        size_bytes=2**60,
        protocol=events.EmailProtocol.EMAIL_PROTOCOL_SMTP,
        received_at={"seconds": 0},
    )
    assert to_json(event) == {
        "email_id": "e-1",
        "raw_email": "/w==",
        "size_bytes": str(2**60),
        "protocol": "EMAIL_PROTOCOL_SMTP",
        "received_at": "1970-01-01T00:00:00Z",
    }


@pytest.mark.parametrize(
    ("obj", "place"),
    [
        ({"metadata": {"timestamp": "today"}}, r"EmailReceived\.metadata\.timestamp"),
        ({"from": {"adress": "x"}}, r'no field named "adress" at "EmailReceived\.from"'),
        ({"size_bytes": 2**70}, "size_bytes"),
        ({"to": [7]}, "to field"),
        ({"metadata": 7}, "metadata field"),
        ({"protocol": "PIGEON"}, r"PIGEON.*EmailReceived\.protocol"),
        ({"subject": "\ud800"}, r"EmailReceived\.subject"),
        ([], "must be a JSON object"),
        (None, "must be a JSON object"),
    ],
)
def test_json_that_is_not_the_event_is_refused_with_its_place(obj, place):
    with pytest.raises(CodecError, match=rf"pat\.events\.v1\.EmailReceived: .*{place}"):
        from_json(events.EmailReceived, obj)


def test_nesting_without_end_is_refused():
    inner = {}
    for _ in range(200):
        inner = {"@type": "type.googleapis.com/google.protobuf.Any", "value": inner}
    with pytest.raises(CodecError, match="too deep"):
        from_json(events.PluginExecutionCompleted, {"output_data": inner})


def test_a_type_that_nobody_has_loaded_has_no_json():
    event = events.PluginExecutionCompleted(output_data={"type_url": "x/shop.Order", "value": b"1"})
    with pytest.raises(CodecError, match=r"type_url: x/shop\.Order"):
        to_json(event)


def test_a_time_outside_the_calendar_has_no_json():
    with pytest.raises(CodecError, match="deleted_at"):
        to_json(events.EmailDeleted(deleted_at={"seconds": 2**50}))
