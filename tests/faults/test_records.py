"""What strangers write to a topic, on a real broker."""

from __future__ import annotations

import socket
import time

import pytest

from pat_events import Handlers, Producer
from pat_events.errors import TopicMissingError, TransportUnavailableError
from pat_events.events import EmailReceived

pytestmark = pytest.mark.kafka
TYPE = ("ce_type", b"pat.events.v1.EmailReceived")
BOTH = pytest.mark.parametrize("protocol", ["classic", "consumer"])


def collect():
    handlers = Handlers()
    handled = []

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        handled.append(event.email_id)

    return handlers, handled


@BOTH
def test_garbage_becomes_dead_letters_with_reasons_and_its_neighbours_are_handled(ground, protocol):
    good = EmailReceived(email_id="good", subject="a subject").SerializeToString()
    handlers, handled = collect()
    ground.raw(
        {"value": good, "headers": [TYPE]},
        {"value": b"\xff\xfe\xfd", "headers": [TYPE]},
        {"value": good[:-4], "headers": [TYPE]},
        {"value": None, "key": b"k", "headers": [TYPE]},
        {"value": good, "headers": [("ce_type", b"pat.events.v1.Unheard")]},
        {"value": good},
        {"value": good, "headers": [TYPE, ("content-type", b"application/json")]},
        {"value": good, "headers": [TYPE, *[(f"h{n}", b"x") for n in range(500)]]},
        {"value": good, "headers": [TYPE, ("h", b"x" * 100_000)]},
        {"value": good, "headers": [TYPE]},
    )
    ground.group(handlers, protocol=protocol)
    ground.until(lambda: ground.committed()[0] == 10)
    assert handled == ["good", "good"]
    reasons = {}
    for letter in ground.dead():
        headers = dict(letter.headers())
        offset = int(headers["__dlq.errors.offset"])
        reasons[offset] = headers["pat-dlq-reason"].decode()
        if offset == 1:
            assert letter.value() == b"\xff\xfe\xfd"
        if offset == 3:
            assert (letter.key(), letter.value()) == (b"k", None)
    assert reasons == {
        **dict.fromkeys((1, 2, 3, 6, 7, 8), "undecodable"),
        **dict.fromkeys((4, 5), "unknown-event"),
    }
    assert len(ground.dead()) == 8  # each once


@BOTH
def test_records_of_a_plain_client_are_events(ground, protocol):
    handlers, handled = collect()
    ground.raw(
        *(
            {
                "value": EmailReceived(email_id=f"e{n}").SerializeToString(),
                "key": f"e{n}",
                "partition": n % 4,
                "headers": [TYPE],
            }
            for n in range(100)
        )
    )
    ground.group(handlers, protocol=protocol)
    ground.until(lambda: sum(ground.committed().values()) == 100)
    assert sorted(handled) == sorted(f"e{n}" for n in range(100))


@BOTH
def test_two_groups_each_handle_everything_on_their_own(ground, protocol):
    producer = ground.producer()
    both = [collect(), collect()]
    groups = [
        ground.group(handlers, name, protocol=protocol)
        for (handlers, _), name in zip(both, ("first", "second"), strict=True)
    ]
    for number in range(500):
        producer.publish(EmailReceived(email_id=f"e{number}"))
    producer.flush(15)
    for (_, handled), name in zip(both, ("first", "second"), strict=True):
        ground.until(lambda name=name: sum(ground.committed(name).values()) == 500)
        assert sorted(handled) == sorted(f"e{n}" for n in range(500))
    assert all(group.running for group in groups)


def test_members_that_join_and_leave_share_the_work_and_lose_nothing(ground):
    handlers, handled = collect()
    producer = ground.producer()
    names = [f"e{number}" for number in range(3_000)]
    first = ground.group(handlers)
    for number, name in enumerate(names):
        producer.publish(EmailReceived(email_id=name))
        if number == 1_000:
            ground.group(handlers)
        if number == 2_000:
            first.stop()
    producer.flush(15)
    ground.until(lambda: sum(ground.committed().values()) == 3_000)
    assert set(handled) == set(names)


def test_a_missing_topic_is_a_typed_error_in_bounded_time(ground):
    ground.catalog.write_text(ground.catalog.read_text().replace(ground.topic, "no-such-topic"))
    handlers, _ = collect()
    began = time.monotonic()
    with pytest.raises(TopicMissingError, match="no-such-topic"):
        ground.group(handlers)
    assert time.monotonic() - began < 11


def test_a_missing_dead_letter_topic_is_a_typed_error_at_start(ground):
    handlers, _ = collect()
    with pytest.raises(TopicMissingError, match=r"\.third\.dlq"):
        ground.group(handlers, "third")


@pytest.mark.parametrize("who", ["group", "producer"])
def test_an_unreachable_broker_is_a_typed_error_in_bounded_time(ground, who):
    with socket.socket() as bound:  # bound, and nobody listens
        bound.bind(("127.0.0.1", 0))
        ground.servers = f"127.0.0.1:{bound.getsockname()[1]}"
        handlers, _ = collect()
        place = ground.place(connect_timeout_s=1.0)
        ground.place = lambda **settings: place
        began = time.monotonic()
        with pytest.raises(TransportUnavailableError, match=ground.servers):
            ground.group(handlers) if who == "group" else Producer(**place)
        assert time.monotonic() - began < 5
