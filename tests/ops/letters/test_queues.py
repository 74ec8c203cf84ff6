"""Looking into a dead-letter queue of SQS: what is seen, and that nothing is changed by it."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from pat_events import Config
from pat_events.errors import ConfigError, TopicMissingError
from pat_events.ops.json_records import record_as_json
from pat_events.ops.letters.queues import LetterFilter, counts, show
from tests.support.invocations import body, event_bridge

pytestmark = [pytest.mark.localstack, pytest.mark.usefixtures("aws_credentials")]
RECEIVED = "pat.events.v1.EmailReceived"


@pytest.fixture
def letters(make_letters):
    return make_letters()


def ids(found):
    return sorted(each.message.header_values["ce_id"].decode() for each in found)


def test_what_is_looked_at_stays_and_can_be_received_by_others_at_once(letters, aws_config):
    letters.give_up(*(body(f"e-{n}") for n in range(25)))
    assert len(list(show(letters.dlq, aws=aws_config))) == 25
    assert len(list(show(letters.dlq, limit=3, aws=aws_config))) == 3
    with closing(show(letters.dlq, aws=aws_config)) as shown:
        next(shown)  # Whoever looks may go at any time.
        assert letters.count(letters.dlq_url, "NotVisible") > 0
    assert letters.count(letters.dlq_url, "NotVisible") == 0
    assert len(letters.received(letters.dlq_url)) == 25


def test_a_letter_tells_where_it_came_from_and_what_it_is(letters, aws_config):
    letters.give_up(body("e-1", {"x-mine": b"\xff"}))
    (letter,) = show(letters.dlq, aws=aws_config)
    assert (letter.source, letter.cause, letter.deduplication_id) == (letters.source, None, None)
    assert letter.message.receive_count > 1
    seen = record_as_json(None, letter.message)
    assert (seen["envelope"]["type"], seen["envelope"]["event_id"]) == (RECEIVED, "i-e-1")


def test_what_is_wrapped_around_an_event_is_taken_off_and_the_cause_told(letters, aws_config):
    letters.send(
        json.dumps(event_bridge("e-1")),
        url=letters.dlq_url,
        MessageAttributes={
            "ERROR_CODE": {"DataType": "String", "StringValue": "NO_PERMISSIONS"},
            "RETRY_ATTEMPTS": {"DataType": "Number", "StringValue": "3"},
        },
    )
    (letter,) = show(
        letters.dlq,
        LetterFilter(event_type=RECEIVED, causes=frozenset({"NO_PERMISSIONS"})),
        aws=aws_config,
    )
    assert (letter.source, letter.cause) == (None, "NO_PERMISSIONS")


def test_letters_are_chosen_by_type_id_time_and_cause(letters, aws_config):
    letters.give_up(body("e-1"), body("e-2"), "no event")
    now = datetime.now(UTC)
    seen = list(show(letters.dlq, aws=aws_config))
    (foreign,) = (each for each in seen if each.fields["MessageBody"] == "no event")
    for wanted, found in [
        (LetterFilter(event_type=RECEIVED), 2),
        (LetterFilter(event_type="pat.events.v1.TenantEvent"), 0),
        (LetterFilter(ids=frozenset({"i-e-2"})), 1),
        (LetterFilter(ids=frozenset({foreign.message_id, "i-e-1", "i-e-9"})), 2),
        (LetterFilter(since=now - timedelta(hours=1)), 3),
        (LetterFilter(since=now + timedelta(hours=1)), 0),
        (LetterFilter(until=now - timedelta(hours=1)), 0),
        (LetterFilter(event_type=RECEIVED, until=now + timedelta(hours=1)), 2),
        (LetterFilter(causes=frozenset({"NO_PERMISSIONS"})), 0),
    ]:
        assert len(list(filter(wanted.matches, seen))) == found, wanted


def test_a_queue_that_would_move_messages_away_is_refused_and_its_letters_named(
    letters, aws_config
):
    letters.send("e-1")
    words = f"moves its messages to {letters.dlq} after 1 receives, and looking is one"
    with pytest.raises(ConfigError, match=words):
        next(show(letters.source, aws=aws_config))
    assert letters.count(letters.source_url) == 1


def test_what_is_in_a_queue_is_counted_without_a_receive(letters, aws_config):
    letters.give_up("a", "b")
    source, dlq = counts([letters.source, letters.dlq_url], aws=aws_config)
    assert (dlq.queue, dlq.letters, dlq.in_flight, dlq.delayed) == (letters.dlq, 2, 0, 0)
    assert (dlq.retention_s, dlq.moves_to) == (345_600, None)
    assert (source.letters, source.moves_to, source.max_receives) == (0, letters.dlq, 1)


def test_a_queue_that_is_not_there_is_named(aws_config):
    with pytest.raises(TopicMissingError, match="there is no queue nowhere in us-east-1"):
        next(show("nowhere", aws=aws_config))
    with pytest.raises(TopicMissingError, match="there is no queue nowhere in us-east-1"):
        next(counts(["nowhere"], aws=aws_config))
    with pytest.raises(ConfigError, match="is no SQS queue"):
        next(show("a b", config=Config(), aws=aws_config))


def test_of_a_fifo_queue_the_first_of_each_group_are_seen_in_their_order(make_letters, aws_config):
    letters = make_letters(fifo=True)
    for group in ("a", "b"):
        letters.give_up(*(body(f"{group}-{n}") for n in range(3)), MessageGroupId=group)
    found = list(show(letters.dlq, aws=aws_config))
    for group in ("a", "b"):
        of_group = [it for it in found if it.message.group == group]
        assert ids(of_group) == [f"i-{group}-{n}" for n in range(3)][: len(of_group)]
        assert of_group
    assert len(letters.received(letters.dlq_url)) > 0
