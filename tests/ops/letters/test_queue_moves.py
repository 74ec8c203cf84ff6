"""SQS moves all letters of a queue itself: started, watched and cancelled."""

from __future__ import annotations

import pytest

from pat_events import AwsConfig
from pat_events.errors import ConfigError, NotPermittedError, TopicMissingError
from pat_events.ops.letters import queue_moves
from tests.support.fake_aws import RefusedError, fake_aws
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("aws_credentials")
ARN = "arn:aws:sqs:us-east-1:000000000000:q-dlq"


def over(queue, aws):
    """The last task of a queue, once it moves nothing any more."""
    until(lambda: queue_moves.latest(queue, aws=aws).over, every_s=0.05)
    return queue_moves.latest(queue, aws=aws)


@pytest.mark.localstack
class TestOnLocalStack:
    def test_all_letters_go_back_to_where_they_came_from(self, make_letters, aws_config):
        letters = make_letters()
        letters.give_up(*(str(n) for n in range(12)))
        queue_moves.start(letters.dlq, aws=aws_config)
        last = over(letters.dlq, aws_config)
        assert (last.queue, last.to, last.state) == (letters.dlq, None, "COMPLETED")
        assert (last.moved, last.messages, last.completed) == (12, 12, True)
        assert last.started is not None
        assert sorted(it["Body"] for it in letters.received()) == sorted(map(str, range(12)))
        assert letters.count(letters.dlq_url) == 0

    def test_one_task_at_a_time_is_watched_and_cancelled(self, make_letters, aws_config):
        letters = make_letters()
        letters.give_up(*(str(n) for n in range(5)))
        other, url = letters.create("other")
        queue_moves.start(letters.dlq, to=other, per_s=1, aws=aws_config)
        running = queue_moves.latest(letters.dlq, aws=aws_config)
        assert (running.state, running.to, running.over) == ("RUNNING", other, False)
        with pytest.raises(ConfigError, match=r"are being moved \(RUNNING\): watch it, or cancel"):
            queue_moves.start(letters.dlq, aws=aws_config)
        assert queue_moves.cancel(letters.dlq, aws=aws_config) < 5
        last = over(letters.dlq, aws_config)
        assert (last.state, last.completed) == ("CANCELLED", False)
        moved = letters.count(url)
        assert letters.count(letters.dlq_url) + moved == 5
        assert moved < 5
        with pytest.raises(ConfigError, match=r"no messages of .* are being moved"):
            queue_moves.cancel(letters.dlq, aws=aws_config)

    def test_what_cannot_be_moved_is_told(self, make_letters, aws_config):
        letters = make_letters()
        _, url = letters.create("other")
        with pytest.raises(ConfigError, match=r"SQS moves no messages of .*-other in us-east-1"):
            queue_moves.start(url, aws=aws_config)
        with pytest.raises(TopicMissingError, match="there is no queue nowhere in us-east-1"):
            queue_moves.start("nowhere", aws=aws_config)
        with pytest.raises(ConfigError, match=f"has moved no messages of {letters.dlq} yet"):
            queue_moves.latest(letters.dlq, aws=aws_config)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"to": "q.fifo"}, "are not of one kind"),
        ({"per_s": 0}, "per_s is 0"),
        ({"per_s": 501}, "SQS moves at most 500"),
        ({"to": "a b"}, "is no SQS queue"),
    ],
)
def test_what_no_move_can_be_is_refused(fields, words):
    with pytest.raises(ConfigError, match=words):
        queue_moves.start("q-dlq", **fields)


def test_a_missing_right_is_named():
    def denied(fields):
        raise RefusedError("AccessDenied", "no")

    with fake_aws(
        GetQueueAttributes=lambda fields: {"Attributes": {"QueueArn": ARN}},
        ListMessageMoveTasks=lambda fields: {},
        StartMessageMoveTask=denied,
    ) as aws:
        config = AwsConfig(region="us-east-1", endpoint_url=aws.address)
        with pytest.raises(NotPermittedError, match="grant sqs:StartMessageMoveTask"):
            queue_moves.start(f"{aws.address}/000000000000/q-dlq", to="q", per_s=7, aws=config)
    assert aws.asked[-1][1] == {
        "SourceArn": ARN,
        "DestinationArn": "arn:aws:sqs:us-east-1:000000000000:q",
        "MaxNumberOfMessagesPerSecond": 7,
    }


def test_a_failed_move_tells_why():
    task = {
        "Status": "FAILED",
        "SourceArn": ARN,
        "FailureReason": "AccessDenied",
        "ApproximateNumberOfMessagesMoved": 3,
        "StartedTimestamp": 1_800_000_000_000,
    }
    with fake_aws(
        GetQueueAttributes=lambda fields: {"Attributes": {"QueueArn": ARN}},
        ListMessageMoveTasks=lambda fields: {"Results": [task]},
    ) as aws:
        config = AwsConfig(region="us-east-1", endpoint_url=aws.address)
        move = queue_moves.latest(f"{aws.address}/000000000000/q-dlq", aws=config)
    assert (move.state, move.reason, move.moved, move.messages) == (
        "FAILED",
        "AccessDenied",
        3,
        None,
    )
