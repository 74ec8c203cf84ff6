"""What a group and a producer log when very much fails: little, and nothing that looks forged."""

from __future__ import annotations

import logging

import pytest

from pat_events import Handlers, Producer, RetryPolicy
from pat_events.errors import HoldError, PermanentError, TransportError
from pat_events.events import EmailReceived
from pat_events.transports.memory import MemoryTransport

TYPE = ("ce_type", b"pat.events.v1.EmailReceived")
FORGED = "no\n2026-11-27 ERROR all is lost\u2028\x1b[31mred"


def lines(caplog, level=logging.WARNING):
    ours = ("pat_events.consumer", "pat_events.producer")
    return [r.getMessage() for r in caplog.records if r.levelno >= level and r.name in ours]


def group(stage, error, **policy):
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(jitter=0, **policy))
    def handle(event, ctx):
        raise type(error)(*error.args)

    return stage.member(handlers, max_in_flight=10_000)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("busy"), "failed on pat-emails/0/0, attempt 1"),
        (HoldError("outage"), "failed on pat-emails/0/0, attempt 1"),
        (PermanentError("no"), "gave up pat-emails/0/0 after attempt 1"),
    ],
)
def test_the_first_failure_of_a_kind_is_logged_and_the_others_are_summed_up(
    stage, caplog, error, said
):
    stage.publish(*(f"k{n}" for n in range(300)))
    member = group(stage, error, first_delay_s=20, attempts=9)
    for _ in range(3):
        member.turn(0.1)
    (line,) = lines(caplog)
    assert said in line
    caplog.clear()
    for _ in range(60):
        member.turn(0.5)
    summed = [line for line in lines(caplog) if "more like before, the last: " in line]
    assert len(summed) == 1
    count = int(summed[0].partition(" ")[0])
    assert count >= 299
    assert said.split(" pat-emails")[0] in summed[0]
    assert len(lines(caplog)) == 1


def test_the_end_of_a_group_sums_up_the_rest(stage, caplog):
    stage.publish(*(f"k{n}" for n in range(30)))
    member = group(stage, PermanentError("no"))
    for _ in range(3):
        member.turn(0.1)
    member.engine.close()
    first, summed = lines(caplog)
    assert "gave up" in first
    assert summed.startswith("29 more like before, the last: ")


def test_kinds_are_told_apart_by_handler_outcome_and_class_of_error(stage, caplog):
    stage.publish("value/1", "value/2", "key/1", "last/1")
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(attempts=2, first_delay_s=1, jitter=0))
    def handle(event, ctx):
        raise {"value": ValueError, "key": KeyError}.get(event.email_id, PermanentError)("no")

    member = stage.member(handlers)
    member.run_until(lambda: stage.committed == 4)
    said = [line.split("handle ")[1].split(":")[0].split(" pat-")[0] for line in lines(caplog)]
    assert said == ["failed on", "failed on", "gave up", "gave up", "gave up"]


def test_dead_letters_that_an_outage_holds_are_one_line_and_refused_records_another(stage, caplog):
    for _ in range(50):
        stage.raw(b"x", [("ce_type", b"pat.events.v1.Unheard")])

    def refuse(outgoing):
        raise TransportError(FORGED)

    stage.broker.append = refuse
    member = group(stage, ValueError("no"))
    for _ in range(3):
        member.turn(0.1)
    refused, held = lines(caplog)
    assert refused.startswith("refused pat-emails/0/0: ")
    assert "is held: its dead letter could not be written" in held


@pytest.mark.parametrize("error", [PermanentError(FORGED), ValueError(FORGED)])
def test_the_text_of_an_error_cannot_forge_a_line(stage, caplog, error):
    stage.publish("a")
    member = group(stage, error)
    member.turn()
    member.turn()
    (line,) = lines(caplog)
    assert line.isprintable()
    assert r"no\n2026-11-27 ERROR all is lost" in line


def test_the_name_of_an_errors_class_cannot_forge_a_line(stage, caplog):
    stage.publish("a")
    member = group(stage, type("A\nB", (Exception,), {})("no"))
    member.turn()
    member.turn()
    (line,) = lines(caplog)
    assert line.isprintable()


def test_each_line_that_is_only_counted_is_one_of_level_debug(stage, caplog):
    caplog.set_level(logging.DEBUG, "pat_events.consumer")
    stage.publish(*(f"k{n}" for n in range(30)))
    member = group(stage, PermanentError("no"))
    member.turn()
    member.turn()
    assert len([line for line in lines(caplog, logging.DEBUG) if "gave up" in line]) == 30


def test_events_that_were_not_delivered_are_one_line_for_each_kind_of_error(stage, caplog):
    producer = Producer(stage.producer._config, transport=MemoryTransport(stage.broker))

    def refuse(outgoing):
        raise TransportError(FORGED)

    stage.broker.append = refuse
    for n in range(50):
        producer.publish(EmailReceived(email_id=f"k{n}"))
    (line,) = lines(caplog)
    assert line.isprintable()
    assert "was not delivered: no" in line
