"""``pat-events dlq`` for dead-letter queues of SQS."""

from __future__ import annotations

import json
import re
import signal

import pytest
from typer.testing import CliRunner

from pat_events.cli.app import app
from pat_events.core.dead_letter import Cause, dead_letter
from pat_events.core.record import Delivery
from pat_events.events import EmailReceived
from pat_events.transports.aws.letters import letter_fields
from pat_events.transports.sending import Outgoing
from tests.cli.conftest import DEADLINE_S, CommandLine, environ
from tests.support.fake_aws import fake_aws
from tests.support.invocations import body
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("aws_credentials")
TOPIC = ("t.g.dlq", "--bootstrap", "127.0.0.1:1")
ON_LOCALSTACK = pytest.mark.localstack


@pytest.fixture
def letters(make_letters):
    return make_letters()


@pytest.fixture
def variables(localstack_url):
    return {"PAT_EVENTS_AWS_ENDPOINT_URL": localstack_url, "PAT_EVENTS_AWS_REGION": "us-east-1"}


@pytest.fixture
def dlq(variables):
    def run(*arguments):
        return CliRunner().invoke(app, ["dlq", *arguments], env=variables)

    return run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show"], "name a TOPIC, or a queue of SQS with --queue"),
        (["show", "t.g.dlq", "--queue", "q"], "name a TOPIC, or a queue of SQS with --queue"),
        (["show", "--queue", "q", "--partition", "0"], "a queue has none of them"),
        (["show", "--queue", "q", "--key", "k"], "a queue has none of them"),
        (["show", "t.g.dlq", "--offset", "9-1"], "write the lower one first"),
        (["show", "t.g.dlq", "--offset", "x"], "'x' is no offset: write one (41), or a range"),
        (["show", *TOPIC, "--offset", "9"], "name the partition as well"),
        (["show", *TOPIC, "--since", "1h", "--until", "2h"], "later than the first"),
        (["show", *TOPIC, "--type", "EmailReceivd"], "did you mean 'EmailReceived'?"),
        (["show", "--queue", "q", "--type", "EmailReceivd"], "did you mean 'EmailReceived'?"),
        (["redrive"], "--queue"),
        (["redrive", "--queue", "q"], "nothing says which letters: choose some, or say --all"),
        (["redrive", "--queue", "q", "--max", "1"], "choose some, or say --all"),
        (["redrive", "--queue", "q", "--all", "--id", "1"], "--all is every letter: leave it out"),
        (["redrive", "--queue", "q", "--since", "noon"], "is no time"),
        (["move", "start", "--queue", "q", "--rate", "0"], "--rate"),
    ],
)
def test_wrong_options_say_what_is_right(arguments, words):
    result = CliRunner().invoke(app, ["dlq", *arguments])
    assert result.exit_code == 2
    assert words in " ".join(re.findall(r"[^\s│]+", result.output))


@ON_LOCALSTACK
def test_a_queue_is_listed_beside_others_without_a_receive(letters, dlq):
    letters.give_up("a", "b")
    result = dlq("list", "--queue", letters.dlq, "--queue", letters.source)
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[1:] == [[letters.dlq, *"200", "4", "d"], [letters.source, *"000", "4", "d"]]
    assert f"{letters.source} gives up what was received 1 times: its letters are in" in (
        result.stderr
    )
    (line,) = dlq("list", "--queue", letters.dlq, "--json").stdout.splitlines()
    assert (json.loads(line)["queue"], json.loads(line)["letters"]) == (letters.dlq, 2)


@ON_LOCALSTACK
def test_a_letter_is_shown_with_its_origin_and_its_event(letters, dlq):
    letters.give_up(body("e-1", {"x-mine": b"1"}))
    strange = {"DataType": "String", "StringValue": "a\u202eb"}
    letters.give_up("no event", MessageAttributes={"ErrorCode": strange})
    result = dlq("show", "--queue", letters.dlq, "--type", "EmailReceived")
    assert result.exit_code == 0
    assert f"came from  {letters.source}\n" in result.stdout
    assert re.search(r"^received   \d times, the first at 20", result.stdout, re.MULTILINE)
    assert '"email_id": "e-1"' in result.stdout
    assert "unreadable" not in result.stdout
    both = dlq("show", "--queue", letters.dlq).stdout
    assert "unreadable" in both
    assert "cause      a\\u202eb\n" in both
    none = dlq("show", "--queue", letters.dlq, "--id", "nobody")
    assert none.stdout == f"{letters.dlq} shows no such letters\n"
    assert letters.count(letters.dlq_url) == 2


@ON_LOCALSTACK
def test_a_letter_of_ours_is_shown_with_its_cause_and_sent_to_the_queue_that_is_named(letters, dlq):
    cause = Cause("emails", "app.handle", "rejected", LookupError("no such mailbox"), 3, 1, 2)
    event = EmailReceived(email_id="e-1").SerializeToString()
    headers = [("ce_type", b"pat.events.v1.EmailReceived"), ("ce_id", b"i-1")]
    record = dead_letter(Delivery("emails", 0, 41, b"e-1", event, headers, 0), "letters", cause)
    fields, _ = letter_fields(Outgoing(*record), is_fifo=False, limit=("SQS", 1_048_576))
    letters.sqs.send_message(QueueUrl=letters.dlq_url, **fields)
    shown = dlq("show", "--queue", letters.dlq, "--cause", "rejected").stdout
    assert "reason     rejected after 3 attempts\nerror      builtins.LookupError: no such" in shown
    assert "came from  emails/0/41\n" in shown
    assert '"email_id": "e-1"' in shown
    assert "pat-dlq" not in shown
    result = dlq(
        "redrive", "--queue", letters.dlq, "--to-queue", letters.source, "--type", "EmailReceived"
    )
    assert result.exit_code == 0
    assert [it["Body"] for it in letters.received()] == [fields["MessageBody"]]


@ON_LOCALSTACK
def test_chosen_letters_go_back_after_a_dry_run_that_sends_none(letters, dlq):
    letters.give_up(body("e-1"), body("e-2"), "no event")
    chosen = ["redrive", "--queue", letters.dlq, "--type", "EmailReceived"]
    result = dlq(*chosen, "--dry-run")
    *lines, last = result.stdout.splitlines()
    assert [line.partition(" ")[2] for line in lines] == [f"would go to {letters.source}"] * 2
    assert last == "2 letters; nothing was sent"
    assert (letters.count(letters.source_url), letters.count(letters.dlq_url)) == (0, 3)
    result = dlq(*chosen)
    assert (result.exit_code, result.stdout) == (
        0,
        "2 letters sent back of 3 that were looked at\n",
    )
    assert (letters.count(letters.source_url), letters.count(letters.dlq_url)) == (2, 1)


@ON_LOCALSTACK
def test_who_sends_back_no_more_than_so_many_is_told_that_others_may_stay(letters, dlq):
    letters.give_up(body("e-1"), body("e-2"))
    result = dlq("redrive", "--queue", letters.dlq, "--all", "--max", "1")
    assert result.stdout == "1 letter sent back of 1 that were looked at\n"
    assert "1 is the most that --max lets it send: more letters may be there" in result.stderr
    result = dlq("redrive", "--queue", letters.dlq, "--all", "--max", "2")
    assert result.exit_code == 0
    assert "--max" not in result.stderr


@ON_LOCALSTACK
def test_a_letter_of_unknown_origin_fails_the_command_and_stays(letters, dlq):
    letters.send("e-1", url=letters.dlq_url)
    result = dlq("redrive", "--queue", letters.dlq, "--all")
    assert result.exit_code == 1
    why = "1 stay: where they came from is not known, name a queue with --to-queue"
    assert why in result.stdout
    dry = dlq("redrive", "--queue", letters.dlq, "--dry-run")
    assert dry.exit_code == 1
    assert "stays: where it came from" in dry.stdout
    assert why in dry.stdout
    result = dlq("redrive", "--queue", letters.dlq, "--all", "--to-queue", letters.source)
    assert (result.exit_code, letters.count(letters.source_url)) == (0, 1)


@ON_LOCALSTACK
def test_ctrl_c_leaves_every_letter_in_one_of_the_queues(letters, variables):
    for n in range(0, 200, 10):
        entries = [{"Id": str(i), "MessageBody": str(n + i)} for i in range(10)]
        letters.sqs.send_message_batch(QueueUrl=letters.dlq_url, Entries=entries)
    command = CommandLine(environ(**variables))
    with command.start(
        "dlq", "redrive", "--queue", letters.dlq, "--all", "--to-queue", letters.source
    ) as process:
        until(lambda: letters.count(letters.source_url) > 0)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130, err
    moved = letters.count(letters.source_url)
    assert 0 < moved < 200
    assert letters.count(letters.dlq_url) == 200 - moved
    assert f"before it stopped: {moved} letters sent back" in err


@ON_LOCALSTACK
def test_sqs_moves_them_all_when_told_to(letters, dlq, monkeypatch):
    monkeypatch.setattr("pat_events.cli.queue_moves.EVERY_S", 0.05)
    letters.give_up("a", "b")
    assert dlq("move", "start", "--queue", letters.dlq).exit_code == 0
    result = dlq("move", "watch", "--queue", letters.dlq)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "COMPLETED  2 of about 2 moved"
    assert letters.count(letters.source_url) == 2
    result = dlq("move", "cancel", "--queue", letters.dlq)
    assert result.exit_code == 1
    assert "are being moved" in result.stderr


def test_a_move_that_failed_fails_the_command():
    arn = "arn:aws:sqs:us-east-1:000000000000:q-dlq"
    task = {"Status": "FAILED", "SourceArn": arn, "FailureReason": "AccessDenied"}
    with fake_aws(
        GetQueueAttributes=lambda fields: {"Attributes": {"QueueArn": arn}},
        ListMessageMoveTasks=lambda fields: {"Results": [task]},
    ) as aws:
        variables = {
            "PAT_EVENTS_AWS_ENDPOINT_URL": aws.address,
            "PAT_EVENTS_AWS_REGION": "us-east-1",
        }
        queue = f"{aws.address}/000000000000/q-dlq"
        result = CliRunner().invoke(
            app, ["dlq", "move", "watch", "--queue", queue, "--json"], env=variables
        )
    assert result.exit_code == 1
    assert f"the move of {queue} is FAILED: AccessDenied" in result.stderr
    assert json.loads(result.stdout)["moved"] == 0
