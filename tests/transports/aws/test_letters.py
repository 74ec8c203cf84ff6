"""Dead letters of ours in SQS: the record goes through unchanged, whatever it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pat_events import AwsConfig, Config, Handlers, QueueConsumer, Sqs
from pat_events.core.dead_letter import Cause, dead_letter, read_cause, without_value
from pat_events.errors import PermanentError, RecordTooLargeError
from pat_events.events import EmailReceived
from pat_events.transports.aws.letters import MEDIA_TYPE, is_letter, letter_fields
from pat_events.transports.aws.unwrap import Unwrapping
from pat_events.transports.queue import QueueMessage
from pat_events.transports.sending import Outgoing
from tests.support.queues import QueueInSqs
from tests.support.waiting import until

LIMIT = ("SQS", 1_048_576)
CAUSE = Cause("consumer of emails", "m.handle", "rejected", ValueError("no\x00\ud800"), 2, 3, 4)
UNWRAP = Unwrapping(None)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = TEXTS.filter(lambda name: not name.startswith(("__dlq.", "pat-dlq-")))


@pytest.fixture
def aws_config(localstack_url):
    return AwsConfig(region="us-east-1", endpoint_url=localstack_url)


def received(value=b"v", headers=(), key=b"k"):
    counts = {"receive_count": 1, "group": None, "first_received_ms": 1}
    return QueueMessage(
        "emails", key, value, list(headers), 1, message_id="m-1", receipt="r", **counts
    )


def letter(value=b"v", headers=(), key=b"k"):
    delivery = received(value, headers, key)
    return Outgoing(*dead_letter(delivery, "letters", CAUSE))


def read(fields):
    attributes = fields["MessageAttributes"]
    headers = [(name, it["StringValue"].encode()) for name, it in attributes.items()]
    return UNWRAP(fields["MessageBody"], headers)


@given(
    st.none() | st.binary() | TEXTS.map(str.encode),
    st.lists(st.tuples(NAMES, st.none() | st.binary() | TEXTS.map(str.encode))),
)
def test_value_and_headers_come_back_as_they_were(value, headers):
    record = letter(value, headers)
    fields, _ = letter_fields(record, is_fifo=False, limit=LIMIT)
    found_value, found_headers = read(fields)
    assert found_value == value
    assert list(found_headers) == list(record.headers)


def test_who_looks_at_one_sees_texts_and_the_reason_beside_the_body():
    headers = [("ce_id", b"i-1"), ("ce_type", b"t\x00"), ("raw", b"\xff")]
    fields, size = letter_fields(letter(b'{"a": "\xc3\xa4"}', headers), is_fifo=False, limit=LIMIT)
    body = json.loads(fields["MessageBody"])
    assert body["value"] == '{"a": "ä"}'
    assert ["raw", None, "/w=="] in body["headers"]
    assert ["pat-dlq-handler", "m.handle"] in body["headers"]
    shown = {name: it["StringValue"] for name, it in fields["MessageAttributes"].items()}
    # What no attribute can have is in the body alone.
    assert shown == {"content-type": MEDIA_TYPE, "ce_id": "i-1", "pat-dlq-reason": "rejected"}
    assert size > len(fields["MessageBody"].encode())


def test_in_a_fifo_queue_its_group_is_its_key_and_one_written_twice_arrives_once():
    one, _ = letter_fields(letter(), is_fifo=True, limit=LIMIT)
    again, _ = letter_fields(letter(), is_fifo=True, limit=LIMIT)
    assert one["MessageGroupId"] == "k"
    assert one["MessageDeduplicationId"] == again["MessageDeduplicationId"]
    without_key, _ = letter_fields(letter(key=None), is_fifo=True, limit=LIMIT)
    assert without_key["MessageGroupId"] == "emails"


def test_one_that_is_too_large_says_so_and_fits_without_its_value():
    record = letter(b"\xff" * 900_000)
    with pytest.raises(RecordTooLargeError, match="SQS takes 1048576"):
        letter_fields(record, is_fifo=False, limit=LIMIT)
    whole = dead_letter(received(b"\xff" * 900_000), "letters", CAUSE)
    smaller = Outgoing(*without_value(whole))
    fields, size = letter_fields(smaller, is_fifo=False, limit=LIMIT)
    assert size < 20_000
    assert read(fields)[0] is None


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", '{"headers": [1]}', '{"headers": [["a"]]}', '{"headers": [], "value": 1}',
     '{"headers": [["a", null, "?"]]}', '{"headers": [["\\ud800", "a"]]}'],
)  # fmt: skip
def test_what_says_that_it_is_one_and_is_none_is_taken_as_it_is(body):
    headers = [("content-type", MEDIA_TYPE.encode())]
    assert UNWRAP(body, headers) == (body.encode(), headers)


def test_what_a_producer_sends_is_none():
    assert not is_letter({"ce_id": b"i"})
    assert not is_letter([("ce_id", b"i")])
    assert is_letter(letter().headers)


@pytest.mark.localstack
@pytest.mark.usefixtures("aws_credentials")
@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
def test_what_a_consumer_gives_up_is_in_the_queue_it_names_and_can_be_consumed_there(
    aws, aws_config, monkeypatch, fifo
):
    monkeypatch.setattr("pat_events.consumer.queue.intake.RECEIVE_S", 1.0)
    sqs = aws.client("sqs")
    emails, letters = (QueueInSqs(sqs, aws_config, fifo=fifo) for _ in range(2))
    refused, again = Handlers(), Handlers()
    found = []

    @refused.on(EmailReceived)
    def refuse(event, ctx):
        raise PermanentError("never")

    @again.on(EmailReceived)
    def keep(event, ctx):
        found.append((event, ctx.event_id, read_cause(dict(ctx.headers))))
        raise PermanentError("as well")

    try:
        event = '{"specversion":"1.0","id":"i-1","source":"s","data":{"email_id":"e-1"},'
        emails.send(event + '"type":"pat.events.v1.EmailReceived"}', "no event")
        transport = Sqs(emails.queue.name, aws_config)
        to = {"config": Config(), "transport": transport, "drain_timeout_s": 1.0}
        with QueueConsumer(
            emails.queue, refused, dead_letters=letters.queue.name, **to
        ) as consumer:
            until(lambda: consumer.stats().dead_lettered == 2)
        with QueueConsumer(letters.queue, again, dead_letters=emails.url, **to) as consumer:
            until(lambda: consumer.stats().dead_lettered == 2)
    finally:
        for queue in (emails, letters):
            queue.remove()
        sqs.close()
    ((event, event_id, cause),) = found
    assert (event.email_id, event_id) == ("e-1", "i-1")
    assert (cause.reason, cause.message, cause.origin.topic) == (
        "rejected",
        "never",
        emails.queue.name,
    )
