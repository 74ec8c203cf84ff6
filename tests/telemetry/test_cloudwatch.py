"""What CloudWatch is told, by log lines in its embedded metric format.

The format: "Specification: Embedded metric format" in the Amazon CloudWatch User Guide.
"""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path

import pytest

from pat_events import ConfigError, Handlers, RetryPolicy, lambda_handler
from pat_events import telemetry as told
from pat_events.core.record import Position
from pat_events.events import EmailReceived
from pat_events.telemetry import Acknowledged, EmbeddedMetrics, NotDelivered
from pat_events.telemetry import metrics as m
from pat_events.telemetry.cloudwatch import NAMESPACE, SHOWN
from pat_events.telemetry.observer import Origin
from pat_events.telemetry.observers import Observers
from tests.support.forking import fork
from tests.support.invocations import LambdaContext, body, sqs
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
GROUP = Origin("kafka", "email-processor")
AT = Position("pat-emails", 0, 7)
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
UNITS = {"Seconds", "Count"}


@pytest.fixture
def out():
    return io.StringIO()


@pytest.fixture
def metrics(out):
    return EmbeddedMetrics(every_s=3600, out=out)


def lines(out):
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    out.seek(0)
    out.truncate()
    return found


def values(out):
    """What was printed: by dimensions, by name."""
    found = {}
    for line in lines(out):
        (described,) = line["_aws"]["CloudWatchMetrics"]
        assert described["Namespace"] == NAMESPACE
        dimensions = tuple(line[name] for name in described["Dimensions"][-1])
        found[dimensions] = {each["Name"]: line[each["Name"]] for each in described["Metrics"]}
    return found


def level(partition, lag, oldest_ms=None):
    paused = False
    return told.PartitionLevel("pat-emails", partition, 1, 10, 1, paused, lag, oldest_ms)


def test_a_line_has_the_form_that_cloudwatch_reads(metrics, out):
    Observers([metrics], GROUP).saw(told.DeadLettered(AT, "dlq", "mail.process", "undecodable"))
    metrics.print()
    (line,) = lines(out)
    about = line.pop("_aws")
    assert set(about) == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(about["Timestamp"], int)
    assert about["CloudWatchMetrics"] == [
        {
            "Namespace": "PatEvents",
            "Dimensions": [["group"], ["group", "topic"]],
            "Metrics": [{"Name": "pat_events_consumer_dead_lettered_total", "Unit": "Count"}],
        }
    ]
    assert line == {
        "group": "email-processor",
        "topic": "pat-emails",
        "pat_events_consumer_dead_lettered_total": 1,
    }


def test_counts_are_those_since_the_last_time(metrics, out):
    teller = Observers([metrics], GROUP)
    for events in (3, 4):
        teller.saw(told.Handled(events))
        metrics.print()
        assert values(out) == {("email-processor",): {"pat_events_consumer_handled_total": events}}
    metrics.print()
    assert values(out) == {}


def test_lag_and_age_are_those_of_the_worst_partition(metrics, out):
    Observers([metrics], GROUP).saw(told.Levels([level(0, 5), level(1, 9, 0)], 1, 2))
    metrics.print()
    found = values(out)
    assert found["email-processor",]["pat_events_consumer_held_messages"] == 1
    of_topic = found["email-processor", "pat-emails"]
    assert of_topic["pat_events_consumer_lag_messages"] == 9
    assert of_topic["pat_events_consumer_oldest_unprocessed_age_seconds"] > 10**9


def test_a_duration_is_the_mean_since_the_last_time(metrics, out):
    teller = Observers([metrics], GROUP)
    for seconds, mean in (([1.0, 3.0], 2.0), ([5.0], 5.0)):
        jobs = [told.EndedJob("pat-emails", 0, "h", 1, 0, None, each) for each in seconds]
        teller.saw(told.JobsEnded(jobs))
        metrics.print()
        found = values(out)["email-processor", "pat-emails"]
        assert found["messaging_process_duration_seconds"] == mean


def test_what_a_sender_failed_with_is_told_apart_and_no_dimension_is_empty(metrics, out):
    teller = Observers([metrics], Origin("aws_sqs"))
    teller.saw(Acknowledged(5))
    teller.saw(NotDelivered(2, ValueError("x")))
    metrics.print()
    assert values(out) == {
        ("aws_sqs",): {"messaging_client_sent_messages_total": 5},
        ("aws_sqs", "ValueError"): {"messaging_client_sent_messages_total": 2},
    }


def test_a_function_prints_at_the_end_of_each_invocation_and_has_no_thread(
    monkeypatch, metrics, out
):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "mails")
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(attempts=1))
    def process(event, ctx):
        if event.email_id == "bad":
            raise ValueError("x")

    handler = lambda_handler(handlers, observers=[metrics])
    for _ in range(2):
        handler(sqs(body("a"), body("bad")), LambdaContext())
        found = values(out)
        assert found["mails",]["pat_events_consumer_handled_total"] == 1
        ((_, of_queue),) = [it for it in found.items() if len(it[0]) == 2]
        assert of_queue["pat_events_consumer_given_up_total"] == 1
    assert metrics._thread is None


def test_elsewhere_a_thread_prints_now_and_then(out):
    metrics = EmbeddedMetrics(every_s=0.01, out=out)
    Observers([metrics], GROUP).saw(told.Handled(1))
    until(lambda: "handled_total" in out.getvalue())


def test_output_that_is_closed_harms_nobody_and_is_told_once(metrics, out, caplog):
    teller = Observers([metrics], GROUP)
    out.close()
    for _ in range(3):
        teller.saw(told.Handled(1))
        metrics.print()
    assert len([it for it in caplog.records if "could not be printed" in it.getMessage()]) == 1


@pytest.mark.parametrize("every_s", [0, -1, float("nan"), float("inf")])
def test_an_interval_that_is_none_is_refused(every_s):
    with pytest.raises(ConfigError, match="every_s"):
        EmbeddedMetrics(every_s=every_s)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_the_child_of_a_fork_begins_at_0(metrics, out):
    Observers([metrics], GROUP).saw(told.Handled(3))
    read, write = os.pipe()
    child = fork()
    if child == 0:
        metrics.print()
        os.write(write, str(len(out.getvalue())).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 99) == b"0"
    os.close(read)
    os.close(write)


def test_units_are_cloudwatchs():
    assert {shown.unit for shown in SHOWN.values()} <= UNITS


def test_terraforms_alarms_read_names_and_dimensions_that_are_printed():
    text = (ROOT / "terraform" / "monitoring.tf").read_text()
    alarms = re.findall(r'metric += "((?:pat_events|messaging)_\w+)"\s+dimensions += {(.*)}', text)
    assert {name for name, _ in alarms} == {
        SHOWN[metric].name for metric in (m.AGE, m.LAG, m.DEAD_LETTERED)
    }
    assert {dimensions.strip() for _, dimensions in alarms} == {"group = group"}
    assert f'"{NAMESPACE}\\"' in (ROOT / "terraform" / "variables.tf").read_text()


def test_the_page_lists_every_name():
    page = (ROOT / "docs" / "monitoring.md").read_text()
    missing = [shown.name for shown in SHOWN.values() if f"`{shown.name}`" not in page]
    assert missing == []
