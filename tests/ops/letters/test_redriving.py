"""Dead letters of SQS go back where they came from: chosen, whole, and never lost."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pat_events import AwsConfig, Handlers, Producer, QueueConsumer, Sqs, SqsQueue
from pat_events.errors import (
    ConfigError,
    NotPermittedError,
    PermanentError,
    TopicMissingError,
    TransportError,
)
from pat_events.events import EmailReceived
from pat_events.ops.letters.queues import LetterFilter
from pat_events.ops.letters.redriving import Redriven, batches, deduplication_id, redrive
from pat_events.transports.aws.letter_queue import MAX_BYTES, LetterQueue, QueueLetter
from pat_events.transports.queue import QueueMessage
from tests.support.fake_aws import RefusedError, fake_aws
from tests.support.invocations import body
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("aws_credentials")
NOW_MS = 1_800_000_000_000
RECEIVED = "pat.events.v1.EmailReceived"


def letter(name, *, group=None, size=100, sent_ms=0, dedup=None):
    message = QueueMessage(
        "q", None, b"", [], sent_ms, message_id=name, receipt=name, receive_count=1, group=group,
        first_received_ms=0,
    )  # fmt: skip
    return QueueLetter(message, "s", None, dedup, {}, size)


def names(found):
    return [[each.message_id for each in batch] for batch in found]


class TestPure:
    def test_a_call_has_ten_letters_of_a_mebibyte_in_all(self):
        many = [letter(str(n)) for n in range(23)]
        assert [len(it) for it in batches(many, fifo=False)] == [10, 10, 3]
        large = [letter("a", size=MAX_BYTES), letter("b"), letter("c", size=MAX_BYTES - 100)]
        assert names(batches(large, fifo=False)) == [["a"], ["b", "c"]]

    def test_a_call_has_one_letter_of_a_group_so_that_order_is_kept(self):
        given = [letter(f"{group}{n}", group=group) for n in range(3) for group in "ab"]
        assert names(batches(given, fifo=True)) == [["a0", "b0"], ["a1", "b1"], ["a2", "b2"]]
        # One that has no room is not overtaken by the next of its group.
        large = [
            letter("a0", group="a", size=MAX_BYTES),
            letter("b0", group="b", size=1000),
            letter("b1", group="b", size=0),
        ]
        assert names(batches(large, fifo=True)) == [["a0"], ["b0"], ["b1"]]

    def test_the_deduplication_id_is_kept_unless_the_queue_may_remember_it(self):
        old = letter("m", dedup="d", sent_ms=NOW_MS - 331_000)
        assert deduplication_id(old, NOW_MS) == "d"
        assert deduplication_id(letter("m", dedup="d", sent_ms=NOW_MS - 1000), NOW_MS) == "m"
        assert deduplication_id(letter("m"), NOW_MS) is None

    def test_a_queue_of_the_other_kind_is_refused(self):
        with pytest.raises(ConfigError, match="are not of one kind"):
            redrive("q-dlq", to="q.fifo")
        with pytest.raises(ConfigError, match=r"letters of q-dlq\.fifo are there already"):
            redrive("q-dlq.fifo", to="https://sqs/1/q-dlq.fifo")
        with pytest.raises(ConfigError, match="limit is 0"):
            redrive("q-dlq", limit=0)


@pytest.fixture
def letters(make_letters):
    return make_letters()


@pytest.mark.localstack
class TestOnLocalStack:
    def test_all_go_back_as_they_were_and_are_deleted(self, letters, aws_config):
        attributes = {
            "ce_type": {"DataType": "String", "StringValue": RECEIVED},
            "x-raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
            "n": {"DataType": "Number.int", "StringValue": "7"},
        }
        trace = "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1"
        letters.give_up(
            *(f"é {n}" for n in range(23)),
            MessageAttributes=attributes,
            MessageSystemAttributes={
                "AWSTraceHeader": {"DataType": "String", "StringValue": trace}
            },
        )
        told = []
        done = redrive(letters.dlq, aws=aws_config, tell=told.append)
        assert done == Redriven(seen=23, sent=23)
        assert [it.sent for it in told] == sorted(it.sent for it in told)
        found = letters.received()
        assert sorted(it["Body"] for it in found) == sorted(f"é {n}" for n in range(23))
        for each in found:
            assert each["MessageAttributes"] == attributes
            assert each["Attributes"]["AWSTraceHeader"] == trace
            assert each["Attributes"]["ApproximateReceiveCount"] == "1"
        assert letters.count(letters.dlq_url) == letters.count(letters.dlq_url, "NotVisible") == 0

    def test_what_a_consumer_gave_up_is_handled_as_if_it_were_new(
        self, letters, aws_config, monkeypatch
    ):
        monkeypatch.setattr("pat_events.consumer.queue.intake.RECEIVE_S", 1.0)
        mended, attempts = [], []
        handlers = Handlers()

        @handlers.on(EmailReceived)
        def handle(event, ctx):
            attempts.append((event.email_id, ctx.attempt))
            if not mended:
                raise PermanentError("not yet")

        with Producer(transport=Sqs(letters.source, aws_config)) as producer:
            producer.publish(EmailReceived(email_id="e-1"))
        with QueueConsumer(SqsQueue(letters.source, aws_config), handlers, drain_timeout_s=1.0):
            until(lambda: letters.count(letters.dlq_url) == 1)
            mended.append(True)
            assert redrive(letters.dlq, aws=aws_config).sent == 1
            until(lambda: len(attempts) == 2)
        assert attempts == [("e-1", 1), ("e-1", 1)]
        assert letters.count(letters.dlq_url) == 0

    def test_only_what_is_chosen_goes_and_the_rest_can_be_received_at_once(
        self, letters, aws_config
    ):
        letters.give_up(body("e-1"), "no event", body("e-2"), body("e-3"))
        wanted, told = LetterFilter(event_type=RECEIVED, ids=frozenset({"i-e-1", "i-e-3"})), []
        done = redrive(letters.dlq, wanted, aws=aws_config, tell=told.append)
        assert done == told[-1] == Redriven(seen=4, sent=2)
        assert [it.seen for it in told] == [1, 2, 3, 4, 4]
        assert sorted(json.loads(it["Body"])["id"] for it in letters.received()) == [
            "i-e-1",
            "i-e-3",
        ]
        assert letters.count(letters.dlq_url) == 2
        assert redrive(letters.dlq, limit=1, aws=aws_config).sent == 1
        assert letters.count(letters.dlq_url) == 1

    def test_a_letter_whose_origin_is_not_known_stays_unless_a_queue_is_named(
        self, letters, aws_config
    ):
        letters.send("e-1", url=letters.dlq_url)
        assert redrive(letters.dlq, aws=aws_config) == Redriven(seen=1, unknown_source=1)
        assert letters.count(letters.dlq_url) == 1
        _, url = letters.create("other")
        for to in (url.rpartition("/")[2], url):
            assert redrive(letters.dlq, to=to, aws=aws_config) == Redriven(seen=1, sent=1)
            assert [it["Body"] for it in letters.received(url)] == ["e-1"]
            letters.send("e-1", url=letters.dlq_url)

    def test_what_became_a_letter_after_the_beginning_is_not_sent_round(self, letters, aws_config):
        letters.give_up(*(str(n) for n in range(10)))
        once = iter([True])

        def fails_again(done):
            if done.sent == 10 and next(once, False):
                letters.give_up("more")

        done = redrive(letters.dlq, aws=aws_config, tell=fails_again)
        # Some of those that were sent have failed again, and were seen.
        assert done.sent == 10
        assert letters.count(letters.dlq_url) == done.seen - 10 > 0

    def test_where_the_queue_is_gone_the_letters_stay(self, letters, aws_config):
        letters.give_up("e-1", "e-2")
        with pytest.raises(TopicMissingError, match="there is no queue nowhere in us-east-1"):
            redrive(letters.dlq, to="nowhere", aws=aws_config)
        assert letters.count(letters.dlq_url) == 2

    def test_a_fresh_letter_of_a_fifo_queue_is_not_dropped_as_a_duplicate(
        self, make_letters, aws_config
    ):
        letters = make_letters(fifo=True)
        letters.give_up(*(f"e-{n}" for n in range(3)), MessageGroupId="g")
        assert redrive(letters.dlq, aws=aws_config).sent == 3
        found = letters.received()
        assert [it["Body"] for it in found] == ["e-0", "e-1", "e-2"]
        assert {it["Attributes"]["MessageGroupId"] for it in found} == {"g"}
        assert letters.count(letters.dlq_url) == 0

    def test_an_old_letter_of_a_fifo_queue_keeps_its_deduplication_id(
        self, make_letters, aws_config, monkeypatch
    ):
        letters = make_letters(fifo=True)
        letters.send("e-1", url=letters.dlq_url, MessageGroupId="g", MessageDeduplicationId="own")
        now_ns = time.time_ns()
        monkeypatch.setattr(
            "pat_events.ops.letters.redriving.time.time_ns", lambda: now_ns + 10**12
        )
        assert redrive(letters.dlq, to=letters.source, aws=aws_config).sent == 1
        (found,) = letters.received()
        assert found["Attributes"]["MessageDeduplicationId"] == "own"

    def test_an_interrupt_ends_it_between_two_calls_and_nothing_is_lost_or_doubled(
        self, letters, aws_config, monkeypatch
    ):
        letters.give_up(*(str(n) for n in range(30)))
        calls = []
        send = LetterQueue.send

        def send_and_interrupt(self, *arguments):
            answer = send(self, *arguments)
            calls.append(answer)
            if len(calls) == 2:
                # It strikes when SQS has the letters, and they are not deleted yet.
                os.kill(os.getpid(), signal.SIGINT)
            return answer

        monkeypatch.setattr(LetterQueue, "send", send_and_interrupt)
        with pytest.raises(KeyboardInterrupt):
            redrive(letters.dlq, aws=aws_config)
        assert len(calls) == 2
        moved = letters.count(letters.source_url)
        assert 0 < moved < 30
        assert letters.count(letters.dlq_url) == 30 - moved
        bodies = [
            it["Body"]
            for url in (letters.source_url, letters.dlq_url)
            for it in letters.received(url)
        ]
        assert Counter(bodies) == Counter(str(n) for n in range(30))


class Queue:
    """A fake of SQS's batches with one letter after the other in the dead-letter queue."""

    def __init__(self, count):
        self.waiting = [str(n) for n in range(count)]
        self.taken = {}
        self.sent = []
        self.deleted = []

    def receive(self, fields):
        found, self.waiting = self.waiting[:10], self.waiting[10:]
        self.taken |= {name: name for name in found}
        old = str(int((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1000))
        source = "arn:aws:sqs:us-east-1:000000000000:source"
        return {
            "Messages": [
                {
                    "MessageId": name,
                    "ReceiptHandle": name,
                    "Body": name,
                    "Attributes": {"SentTimestamp": old, "DeadLetterQueueSourceArn": source},
                }
                for name in found
            ]
        }

    def send(self, fields):
        self.sent += [it["MessageBody"] for it in fields["Entries"]]
        return {"Successful": [{"Id": it["Id"], "MessageId": "x"} for it in fields["Entries"]]}

    def delete(self, fields):
        self.deleted += [it["ReceiptHandle"] for it in fields["Entries"]]
        return {"Successful": [{"Id": it["Id"]} for it in fields["Entries"]]}

    def give_back(self, fields):
        self.waiting += [self.taken[it["ReceiptHandle"]] for it in fields["Entries"]]
        return {"Successful": [{"Id": it["Id"]} for it in fields["Entries"]]}

    def answers(self, **other):
        return {
            "GetQueueAttributes": lambda fields: {"Attributes": {}},
            "ReceiveMessage": self.receive,
            "SendMessageBatch": self.send,
            "DeleteMessageBatch": self.delete,
            "ChangeMessageVisibilityBatch": self.give_back,
        } | other

    def redrive(self, told=None, **other):
        with fake_aws(**self.answers(**other)) as aws:
            config = AwsConfig(region="us-east-1", endpoint_url=aws.address, client_attempts=1)
            url = f"{aws.address}/000000000000/dlq"
            return redrive(url, aws=config, tell=[].append if told is None else told.append)


class TestOnAFake:
    @pytest.fixture(autouse=True)
    def no_waits(self, monkeypatch):
        monkeypatch.setattr("pat_events.ops.letters.redriving._WAITS_S", (0.0, 0.0))

    def test_what_is_refused_for_a_while_alone_is_sent_again(self):
        queue = Queue(3)
        first = iter([True])

        def one_is_refused(fields):
            if not next(first, False):
                return queue.send(fields)
            refused, *others = fields["Entries"]
            answer = queue.send({"Entries": others})
            failed = {"Code": "InternalError", "SenderFault": False}
            return answer | {"Failed": [{"Id": refused["Id"]} | failed]}

        assert queue.redrive(SendMessageBatch=one_is_refused) == Redriven(seen=3, sent=3)
        assert (queue.sent, queue.deleted) == (["1", "2", "0"], ["1", "2", "0"])

    def test_throttling_is_waited_for_and_given_up_in_the_end_with_the_letters_where_they_were(
        self,
    ):
        queue = Queue(12)
        calls = []

        def throttled(fields):
            calls.append(fields)
            raise RefusedError("RequestThrottled", "slow down")

        with pytest.raises(TransportError, match="sending to queue source in us-east-1: throttled"):
            queue.redrive(SendMessageBatch=throttled)
        assert len(calls) == 3
        assert sorted(queue.waiting) == sorted(str(n) for n in range(12))
        assert queue.deleted == []

    def test_what_cannot_help_is_told_at_once(self):
        queue = Queue(2)
        calls = []

        def denied(fields):
            calls.append(fields)
            raise RefusedError("AccessDenied", "no")

        with pytest.raises(NotPermittedError, match="grant sqs:SendMessage on it"):
            queue.redrive(SendMessageBatch=denied)
        assert len(calls) == 1
        assert sorted(queue.waiting) == ["0", "1"]

    def test_what_cannot_be_deleted_is_told_and_no_more_is_sent(self):
        queue = Queue(22)

        def denied(fields):
            raise RefusedError("AccessDenied", "no")

        with pytest.raises(NotPermittedError, match="looking into queue dlq in us-east-1"):
            queue.redrive(DeleteMessageBatch=denied)
        assert len(queue.sent) == 10
        # What was sent is not given back for the next one to send.
        assert not set(queue.sent) & set(queue.waiting)

    def test_a_delete_that_fails_in_part_is_told(self):
        queue = Queue(2)

        def all_but_the_first(fields):
            failed = {"Id": fields["Entries"][0]["Id"], "Code": "InternalError"}
            return queue.delete({"Entries": fields["Entries"][1:]}) | {"Failed": [failed]}

        with pytest.raises(TransportError, match="1 message could not be deleted from dlq"):
            queue.redrive(DeleteMessageBatch=all_but_the_first)
        assert queue.deleted == ["1"]


def test_what_is_counted_does_not_change():
    with pytest.raises(AttributeError):
        Redriven().sent = 1
    assert replace(Redriven(), sent=1).sent == 1
