"""The commands as a person types them: what they print and how they exit."""

import json
import re
import signal

import pytest
import yaml
from confluent_kafka import KafkaError
from typer.testing import CliRunner

from pat_events import KafkaConfig
from pat_events.catalog.load import load_catalog
from pat_events.cli.app import app
from pat_events.demo.sites import _own_catalog
from pat_events.ops.topics import wanted_topics
from pat_events.testing import Api
from pat_events.transports.kafka.admin import KafkaAdmin
from pat_events.transports.sending import Outgoing
from tests.support.clusters import send

COMMANDS = [
    ["demo"],
    ["catalog", "check"],
    ["topics", "diff"],
    ["topics", "apply"],
    ["run"],
    ["bridge"],
    ["publish"],
    ["consume"],
    ["dlq", "list"],
    ["dlq", "show"],
    ["dlq", "replay"],
    ["lag"],
    ["groups", "reset"],
    ["doctor"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_teaches_by_an_example(command):
    result = CliRunner().invoke(app, [*command, "--help"], env={"TERMINAL_WIDTH": "100"})
    assert result.exit_code == 0
    assert f"pat-events {' '.join(command)}" in result.output.partition("Example:")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["demo", "--nonsense"],
        ["consume"],
        ["consume", "pat-emails", "--max", "0"],
        ["consume", "pat-emails", "--last", "1", "--from-beginning"],
        ["consume", "pat-emails", "--offset", "1"],
        ["consume", "pat-emails", "pat-events", "--partition", "0", "--offset", "1"],
        ["consume", "pat-emails", "--since", "soon"],
        ["consume", "pat-emails", "--since", "2026-11-27T10:00"],
        ["consume", "pat-emails", "--since", "99999999999d"],
        ["consume", "pat-emails", "--format", "xml"],
        ["topics", "apply", "--replication", "many"],
        ["lag"],
        ["lag", "email-processor", "--all"],
        ["dlq", "show"],
    ],
    ids=" ".join,
)
def test_wrong_options_exit_with_2(arguments):
    assert CliRunner().invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [["doctor"], ["lag", "--all"], ["top"], ["topics", "apply"], ["demo"]],
    ids=" ".join,
)
def test_an_absent_broker_is_one_sentence_with_its_address(alone, arguments):
    result = alone(*arguments, "--bootstrap", "127.0.0.1:1")
    said = result.stdout if arguments == ["doctor"] else result.stderr
    assert result.returncode == 1
    # How long it was is measured where the command asks more than once.
    assert re.search(r"no broker answered at 127\.0\.0\.1:1 within [\d.]+ s", said)
    assert "Traceback" not in result.stdout + result.stderr
    if arguments != ["doctor"]:
        assert len(result.stderr.splitlines()) == 1


def test_without_a_broker_named_it_says_how_to_name_one(alone):
    result = alone("consume", "pat-emails")
    assert result.returncode == 1
    assert "--bootstrap" in result.stderr
    assert "PAT_EVENTS_BOOTSTRAP_SERVERS" in result.stderr


def test_a_catalogue_with_a_typo_is_named_by_line(alone, tmp_path):
    path = tmp_path / "catalog.yaml"
    path.write_text("version: 1\ntopisc: {}\n")
    result = alone("topics", "diff", "--bootstrap", "127.0.0.1:1", "--catalog", path)
    assert result.returncode == 1
    assert f"{path}:2:" in result.stderr
    assert "Traceback" not in result.stderr


def test_what_is_published_can_be_consumed(pat_events):
    lines = '{"email_id": "e-1", "subject": "Grüße \\u001b[31m"}\n{"email_id": "e-2"}\n'
    published = pat_events("publish", "EmailReceived", text=lines)
    assert published.returncode == 0, published.stderr
    acknowledged = [json.loads(line) for line in published.stdout.splitlines()]
    assert [ack["offset"] >= 0 for ack in acknowledged] == [True, True]
    consumed = pat_events("consume", "pat-emails", "--from-beginning", "--max", 2)
    assert consumed.returncode == 0, consumed.stderr
    assert "\x1b" not in consumed.stdout
    records = [json.loads(line) for line in consumed.stdout.splitlines()]
    ids = {record["envelope"]["event_id"] for record in records}
    assert ids == {ack["event_id"] for ack in acknowledged}
    subjects = {record["event"].get("subject") for record in records}
    assert subjects == {"Grüße \x1b[31m", None}


@pytest.mark.parametrize(
    ("event", "text", "reason"),
    [
        ("EmailRecieved", "{}", "did you mean 'EmailReceived'"),
        ("EmailReceived", "garbage", "not JSON"),
        ("EmailReceived", "{}", "email_id is empty"),
        (
            "TenantEvent",
            json.dumps({"tenant_id": "t", "tenant_name": "x" * 1_100_000}),
            "the limit",
        ),
    ],
)
def test_what_cannot_be_published_is_refused_in_one_sentence(pat_events, event, text, reason):
    result = pat_events("publish", event, text=text)
    assert result.returncode == 1
    assert reason in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_the_broker_refuses_is_said_once(pat_events, embedded):
    embedded.faults.push_request_errors(Api.PRODUCE, KafkaError.TOPIC_AUTHORIZATION_FAILED)
    result = pat_events("publish", "EmailReceived", text='{"email_id": "e-1"}')
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1, result.stderr


def test_a_topic_that_is_not_there_is_named(pat_events):
    result = pat_events("consume", "pat-email")
    assert result.returncode == 1
    assert "there is pat-emails" in result.stderr


def test_ctrl_c_ends_a_tail_with_130(pat_events):
    published = pat_events("publish", "TenantEvent", text='{"tenant_id": "t-1"}')
    assert published.returncode == 0, published.stderr
    with pat_events.start("consume", "pat-events", "--from-beginning") as process:
        assert json.loads(process.stdout.readline())["event"]["tenant_id"] == "t-1"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert not process.stderr.read()


SERVICE = """
from pat_events import ConsumerGroup, Context, Handlers
from pat_events.events import WorkflowTriggered

handlers = Handlers()

@handlers.on(WorkflowTriggered)
def handle(event: WorkflowTriggered, ctx: Context) -> None:
    print(event.workflow_id, flush=True)

group = ConsumerGroup("workflow-engine", handlers)
"""


def test_a_group_runs_until_it_is_told_to_stop(pat_events, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "service.py").write_text(SERVICE)
    published = pat_events("publish", "WorkflowTriggered", text='{"workflow_id": "w-1"}')
    assert published.returncode == 0, published.stderr
    with pat_events.start("run", "service:group") as process:
        assert process.stdout.readline() == "w-1\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        said = process.stderr.readline()
        assert said.startswith("pat-events: starting group workflow-engine; Ctrl-C stops it ")


def test_a_group_that_is_not_in_the_catalogue_is_told_what_to_do(pat_events, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "service.py").write_text(SERVICE.replace("workflow-engine", "workflow-engin"))
    result = pat_events("run", "service:group")
    assert result.returncode == 1
    [_, said] = result.stderr.splitlines()
    assert "has no topic pat-events.workflow-engin.dlq" in said
    assert "did you mean 'workflow-engine'? If not, add it under 'groups'" in said


STUCK = """
import time
from pat_events import ConsumerGroup, Context, Handlers
from pat_events.events import TenantEvent

handlers = Handlers()

@handlers.on(TenantEvent)
def handle(event: TenantEvent, ctx: Context) -> None:
    print(event.tenant_id, flush=True)
    time.sleep(60)

group = ConsumerGroup("notifier", handlers, drain_timeout_s=0.2)
"""


def test_a_group_that_ends_with_handlers_at_work_exits_with_3(pat_events, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stuck.py").write_text(STUCK)
    published = pat_events("publish", "TenantEvent", text='{"tenant_id": "t-2"}')
    assert published.returncode == 0, published.stderr
    with pat_events.start("run", "stuck:group") as process:
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 3
        assert "handlers still at work" in process.stderr.read()


FAILING = """
from pat_events import ConsumerGroup, Context, Handlers, RetryPolicy
from pat_events.events import TenantEvent

handlers = Handlers()

@handlers.on(TenantEvent, retry=RetryPolicy(attempts=1))
def handle(event: TenantEvent, ctx: Context) -> None:
    raise ValueError(event.tenant_name)

group = ConsumerGroup("notifier", handlers)
"""


def test_no_log_line_steers_the_terminal(pat_events, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "failing.py").write_text(FAILING)
    event = json.dumps({"tenant_id": "t-3", "tenant_name": "\x00 \x1b[31m"})
    published = pat_events("publish", "TenantEvent", text=event)
    assert published.returncode == 0, published.stderr
    with pat_events.start("run", "failing:group") as process:
        line = next(line for line in process.stderr if "ERROR" in line)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert "\\u0000 \\u001b[31m" in line


def test_a_group_that_is_not_there_is_said(alone):
    result = alone("run", "nowhere_at_all:group")
    assert result.returncode == 1
    assert result.stderr.startswith("pat-events: there is no module 'nowhere_at_all'")


def test_dead_letter_topics_are_listed(pat_events):
    result = pat_events("dlq", "list")
    assert result.returncode == 0, result.stderr
    assert re.search(r"^pat-emails\.email-processor\.dlq +0", result.stdout, re.MULTILINE)


def test_a_dead_letter_of_a_strangers_making_is_shown(pat_events, broker):
    topic = "pat-events.notifier.dlq"
    headers = [("pat-dlq-reason", b"forged"), ("pat-dlq-first-failed-ms", b"9" * 15)]
    send(broker, Outgoing(topic, None, None, headers, 1))
    result = pat_events("dlq", "show", topic)
    assert result.returncode == 0, result.stderr
    assert "reason     forged after 0 attempts" in result.stdout
    assert "came from  unknown" in result.stdout
    assert "failed     unknown to unknown" in result.stdout


@pytest.mark.kafka
def test_topics_are_applied_once(alone, kafka_broker, tmp_path):
    path = tmp_path / "catalog.yaml"
    path.write_text(yaml.safe_dump(_own_catalog("-cli")))
    options = ["--bootstrap", kafka_broker.bootstrap_servers, "--catalog", path]
    wanted = wanted_topics(load_catalog(path), 1)
    try:
        first = alone("topics", "apply", *options)
        second = alone("topics", "apply", *options)
    finally:
        config = KafkaConfig(bootstrap_servers=kafka_broker.bootstrap_servers)
        KafkaAdmin(config).delete(list(wanted), [])
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("\n+ ") + first.stdout.startswith("+ ") == len(wanted)
    assert second.stdout == "nothing to do\n"
