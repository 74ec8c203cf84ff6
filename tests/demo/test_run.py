import dataclasses

import pytest

from pat_events import Config, ConsumerGroup, ConsumerStats, KafkaConfig
from pat_events.catalog.binding import EventTypes
from pat_events.demo import run as walk
from pat_events.demo import sites
from pat_events.demo.mail import samples
from pat_events.demo.pipeline import processor, read_every_text, validator
from pat_events.errors import ClosedError, TransportTimeoutError
from pat_events.ops.cluster import Cluster
from pat_events.ops.json_records import decode
from pat_events.ops.tail import tail

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}" + b"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def place(site):
    return {"config": site.config, "transport": site.transport}


def mail(*, subject="Hello", body=b"Hello", size=0):
    head = (
        "From: a@example.com\nDate: Mon, 16 Nov 2026 09:12:40 +0100\n"
        f"Message-ID: <1@example.com>\nSubject: {subject}\n\n"
    )
    return head.encode() + body + b"x" * size + b"\n"


@pytest.fixture(scope="module")
def outcome():
    """One run of the samples and one poisoned mail: the counts, and every event on the topic."""
    with sites.embedded() as site:
        tally = walk.run(site, [*samples(), mail(subject="Poison", body=EICAR)], lambda _: None)
        types = EventTypes(site.catalog)
        deliveries = tail(site.cluster, ["pat-emails"], begin="earliest", idle_timeout_s=0.5)
        yield tally, [decode(types, delivery) for delivery in deliveries]


def of(outcome, kind, subject):
    events = outcome[1]
    [key] = [
        event.email_id
        for event in events
        if type(event).__name__ == "EmailReceived" and subject in event.subject
    ]
    return [e for e in events if type(e).__name__ == kind and e.email_id == key]


def test_every_mail_is_handled_or_a_dead_letter(outcome):
    tally, events = outcome
    assert tally.adds_up
    assert tally.published == 13
    assert (tally.processor.handled, tally.processor.dead_lettered) == (12, 1)
    assert (tally.validator.handled, tally.validator.dead_lettered) == (12, 0)
    assert tally.processor.retried == 2
    assert len(events) == 13 + 12 + 12


def test_the_mail_that_always_fails_is_shown_with_its_cause(outcome):
    [letter] = outcome[0].letters
    assert "x-batch-9" in letter.cause.message
    assert letter.cause.root_cause_class == "builtins.LookupError"
    assert letter.cause.attempts == 3
    assert letter.record["event"]["subject"] == "Nightly report"


def test_an_authenticated_mail_is_valid(outcome):
    [validated] = of(outcome, "EmailValidated", "Parking")
    assert validated.overall_valid
    assert {result.rule_id for result in validated.results} == {
        "PAT-001",
        "PAT-002",
        "PAT-003",
        "PAT-004",
    }


def test_spam_fails_its_rule(outcome):
    [processed] = of(outcome, "EmailProcessed", "YOU HAVE WON")
    assert not processed.result.spam_check_passed
    [validated] = of(outcome, "EmailValidated", "YOU HAVE WON")
    assert not validated.overall_valid
    assert "PAT-002" in {result.rule_id for result in validated.results if not result.passed}


def test_the_test_virus_is_found(outcome):
    [processed] = of(outcome, "EmailProcessed", "Poison")
    assert list(processed.result.virus_signatures) == ["EICAR-Test-File"]
    assert not processed.result.virus_check_passed


def test_events_of_one_mail_share_a_correlation(outcome):
    [received] = of(outcome, "EmailReceived", "Parking")
    [validated] = of(outcome, "EmailValidated", "Parking")
    assert validated.metadata.correlation_id == received.metadata.event_id


def test_a_mail_too_large_to_be_scanned_is_not_called_clean():
    big = mail(subject="Big", size=40_000)
    with sites.embedded() as site:
        config = dataclasses.replace(site.config, max_event_bytes=20_000)
        tally = walk.run(dataclasses.replace(site, config=config), [big], lambda _: None)
        types = EventTypes(site.catalog)
        deliveries = tail(site.cluster, ["pat-emails"], begin="earliest", idle_timeout_s=0.5)
        events = [decode(types, delivery) for delivery in deliveries]
    [processed] = [event for event in events if type(event).__name__ == "EmailProcessed"]
    assert tally.adds_up
    assert not processed.result.virus_check_passed
    assert processed.error_message == "not in the event, so not scanned: raw_email,text_body"


def test_more_mail_than_the_embedded_broker_keeps_goes_through():
    mails = (mail(subject=f"number {number}", size=300_000) for number in range(60))
    with sites.embedded() as site:
        tally = walk.run(site, mails, lambda _: None)
    assert tally.published == tally.validator.handled == 60


def test_it_ends_when_nothing_moves():
    with sites.embedded() as site:
        first = ConsumerGroup(site.processor, processor(), **place(site))
        second = ConsumerGroup(site.validator, validator(), **place(site))
        with first, second:
            tally = walk.Tally(published=1)  # One that never reached the topic.
            waiting = walk._Walk(tally, first, second, lambda _: None, stall_s=0.2)
            with pytest.raises(TransportTimeoutError, match="1 published, 0 processed"):
                waiting.settle()


def test_it_ends_when_a_group_does():
    with sites.embedded() as site:
        first = ConsumerGroup(site.processor, processor(), **place(site))
        second = ConsumerGroup(site.validator, validator(), **place(site))
        with second:
            with first:
                pass
            waiting = walk._Walk(walk.Tally(published=1), first, second, lambda _: None, 30.0)
            with pytest.raises(ClosedError, match="email-processor"):
                waiting.settle()


@pytest.mark.parametrize("charset", ["x-batch-9", "hex", "\x00"])
def test_a_text_in_no_encoding_is_refused(charset):
    raw = f'Content-Type: text/plain; charset="{charset}"\n\nHello'.encode()
    with pytest.raises(ValueError, match="does not exist"):
        read_every_text(raw)


def test_bytes_that_do_not_fit_a_known_encoding_are_read():
    read_every_text(b"Content-Type: text/plain; charset=us-ascii\n\n\xff\xfe")


def test_a_lost_mail_does_not_add_up():
    tally = walk.Tally(
        published=3, processor=ConsumerStats(handled=2), validator=ConsumerStats(handled=2)
    )
    assert not tally.adds_up
    tally.processor.dead_lettered = 1
    assert tally.adds_up


@pytest.mark.kafka
def test_a_run_on_a_cluster_leaves_nothing_behind(kafka_broker):
    cluster = Cluster(KafkaConfig(bootstrap_servers=kafka_broker.bootstrap_servers))
    with sites.on_cluster(Config(), cluster) as site:
        tally = walk.run(site, samples(), lambda _: None)
        admin = cluster.admin()
        assert set(site.dead_letter_topics) <= admin.layouts().keys()
    assert tally.adds_up
    assert tally.processor.dead_lettered == 1
    assert not {*site.catalog.topics, *site.dead_letter_topics} & admin.layouts().keys()
    assert not {site.processor, site.validator} & set(admin.groups())
