"""What is logged: the fields of an event, JSON, and neither a payload nor a secret."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

import pytest
import structlog
from prometheus_client import CollectorRegistry

from pat_events import ConsumerGroup, Handlers, Producer, RetryPolicy
from pat_events.core.log_fields import LOG_FIELDS
from pat_events.core.record import Position
from pat_events.core.repeats import Repeats
from pat_events.errors import PermanentError
from pat_events.events import EmailReceived
from pat_events.telemetry import Held, JsonFormatter, Origin, PrometheusMetrics
from pat_events.transports.memory import MemoryBroker, MemoryTransport
from pat_events.transports.sending import Outgoing
from tests.support import planted
from tests.support.invocations import record
from tests.support.spans import Spans
from tests.support.waiting import until

GROUP = "email-processor"
ONCE = RetryPolicy(attempts=1)


@pytest.fixture
def broker():
    broker = MemoryBroker()
    for topic in ("pat-emails", f"pat-emails.{GROUP}.dlq"):
        broker.create_topic(topic, 1)
    return broker


def handled(broker, handlers, events=1, *, raw=None):
    """Publish events with a payload that nothing may show, and handle them."""
    transport = MemoryTransport(broker)
    for number in range(events):
        event = EmailReceived(email_id=f"e-{number}", text_body=planted.PAYLOAD)
        given = record(f"e-{number}")
        value = event.SerializeToString()
        broker.append(Outgoing("pat-emails", b"k", value, given.headers, 1))
    if raw is not None:
        broker.append(raw)
        events += 1
    with ConsumerGroup(GROUP, handlers, transport=transport) as group:
        until(lambda: group.stats().handled + group.stats().dead_lettered == events)


def fields(record):
    return {name: getattr(record, name) for name in LOG_FIELDS if hasattr(record, name)}


def test_a_failure_is_logged_with_the_fields_of_its_event(broker, caplog):
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=ONCE)
    def process(event, ctx):
        raise PermanentError("no")

    handled(broker, handlers)
    (line,) = [it for it in caplog.records if "gave up" in it.getMessage()]
    assert fields(line) == {
        "event_id": "i-e-0",
        "event_type": "pat.events.v1.EmailReceived",
        "position": "pat-emails/0/0",
        "attempt": 1,
        "handler": f"{__name__}.{process.__qualname__}",
        "correlation_id": "c-1",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
    }


def test_a_handler_logs_with_the_same_fields_by_its_context(broker, caplog):
    handlers = Handlers()
    log = logging.getLogger("a.service")

    @handlers.on(EmailReceived)
    def process(event, ctx):
        log.warning("seen", extra=ctx.log_fields)

    handled(broker, handlers)
    (line,) = [it for it in caplog.records if it.name == "a.service"]
    assert tuple(sorted(fields(line))) == tuple(sorted(LOG_FIELDS))
    assert (line.event_id, line.attempt) == ("i-e-0", 1)


def test_structlog_takes_the_fields_as_they_are(broker):
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def process(event, ctx):
        structlog.get_logger().bind(**ctx.log_fields).warning("seen", extra_one=1)

    with structlog.testing.capture_logs() as lines:
        handled(broker, handlers)
    (line,) = lines
    assert line["event"] == "seen"
    assert line["event_id"] == "i-e-0"
    assert set(LOG_FIELDS) < set(line)


def test_structlog_renders_records_of_this_package_with_their_fields(broker, caplog):
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=ONCE)
    def process(event, ctx):
        raise PermanentError("no")

    handled(broker, handlers)
    (line,) = [it for it in caplog.records if "gave up" in it.getMessage()]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
        processor=structlog.processors.JSONRenderer(),
    )
    assert json.loads(formatter.format(line))["event_id"] == "i-e-0"


def made(**record):
    return logging.makeLogRecord({"name": "a", "levelname": "INFO", "msg": "m", **record})


def test_a_json_line_has_time_level_logger_message_and_every_extra():
    at = datetime(2026, 11, 28, 4, 5, 6, 789000, UTC).timestamp()
    line = made(msg="%d done", args=(3,), created=at, event_id="i-1", attempt=2)
    assert json.loads(JsonFormatter().format(line)) == {
        "time": "2026-11-28T04:05:06.789Z",
        "level": "INFO",
        "logger": "a",
        "message": "3 done",
        "event_id": "i-1",
        "attempt": 2,
    }


def test_a_json_line_is_one_line_with_the_traceback_in_it():
    error = ValueError("a\nb")
    line = JsonFormatter().format(made(exc_info=(ValueError, error, None)))
    assert "\n" not in line
    assert "ValueError: a\nb" in json.loads(line)["exception"]


@pytest.mark.parametrize("value", [object(), {1: b"x"}, {("a",): 1}, float("nan"), "\ud800"])
def test_a_json_line_is_made_whatever_the_extras_are(value):
    assert "odd" in json.loads(JsonFormatter().format(made(odd=value)))


def test_an_extra_does_not_take_the_place_of_a_field_of_the_line():
    assert json.loads(JsonFormatter().format(made(time="no", level="no")))["level"] == "INFO"


def test_a_payload_is_in_no_line_of_any_level(broker, caplog):
    caplog.set_level(logging.DEBUG)
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(attempts=2, first_delay_s=0.01))
    def process(event, ctx):
        raise ValueError("busy")

    header = {"ce_type": b"pat.events.v1.EmailReceived", "ce_id": b"i"}
    broken = b"\xff" + planted.PAYLOAD.encode()
    handled(broker, handlers, events=3, raw=Outgoing("pat-emails", b"k", broken, header, 1))
    told = {
        word
        for it in caplog.records
        for word in ("undecodable", "failed on", "DEBUG")
        if word in f"{it.levelname} {it.getMessage()}"
    }
    assert told == {"undecodable", "failed on", "DEBUG"}
    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert planted.found_in("\n".join(lines)) == []


@pytest.mark.parametrize(
    ("text", "outcome"), [("nothing", "passed"), (f"x {planted.PAYLOAD} y", "failed")]
)
def test_a_test_whose_output_shows_what_was_planted_fails(text, outcome):
    sections = [("Captured log setup", planted.PAYLOAD), ("Captured log call", text)]
    report = pytest.TestReport("a", ("a", 1, "a"), {}, "passed", None, "call", sections)
    assert planted.judged(report).outcome == outcome


def shows_by_log():
    logging.getLogger("a.service").warning("seen", extra={"subject": planted.PAYLOAD})


def shows_by_span():
    Spans().provider.get_tracer("a").start_span("a", attributes={"b": planted.PAYLOAD}).end()


def shows_by_metric():
    metrics = PrometheusMetrics(CollectorRegistry())
    held = Held(Position("t", 0, 0), planted.PAYLOAD, ValueError(), 1.0)
    metrics.told_by(Origin("kafka", "a-group")).saw(held)
    return metrics


@pytest.mark.parametrize("shows", [shows_by_log, shows_by_span, shows_by_metric])
def test_a_test_that_shows_what_was_planted_in_a_field_span_or_label_fails(shows):
    kept = shows()
    report = pytest.TestReport("a", ("a", 1, "a"), {}, "passed", None, "call", [])
    assert planted.judged(report).outcome == "failed"
    if kept is not None:
        kept.forget()
    report.outcome = "passed"
    assert planted.judged(report).outcome == "passed"


def test_a_callback_that_fails_for_every_event_is_logged_once_and_counted(
    broker, caplog, monkeypatch
):
    def broken(ack):
        raise RuntimeError("x")

    monkeypatch.setattr("pat_events.producer.ack._repeats", Repeats())
    with Producer(transport=MemoryTransport(broker)) as producer:
        for _ in range(50):
            producer.publish(EmailReceived(email_id="e")).add_done_callback(broken)
    assert len([it for it in caplog.records if "a callback of event" in it.getMessage()]) == 1
