"""Dead letters that go elsewhere for their error."""

from __future__ import annotations

import pytest

from pat_events import (
    CodecError,
    Config,
    ConfigError,
    ConsumerGroup,
    Handlers,
    PermanentError,
    QueueConsumer,
)
from pat_events.catalog.load import load_catalog
from pat_events.consumer.recovery.letter_routes import route_of
from pat_events.errors import TopicMissingError
from pat_events.events import EmailReceived
from pat_events.transports.memory import MemoryBroker, MemoryQueue, MemoryTransport
from tests.support.catalogs import SCHEMAS
from tests.support.queue_stage import QueueStage

TOPIC, GROUP = "pat-emails", "email-processor"
EMAIL = [("ce_type", b"pat.events.v1.EmailReceived")]


class InvalidError(PermanentError):
    """The event is wrong."""


class TooLongError(InvalidError):
    """One of those."""


ROUTES = {InvalidError: "quarantine", CodecError: "garbage"}


@pytest.mark.parametrize(
    ("error", "route"),
    [
        (InvalidError("no"), "quarantine"),
        (TooLongError("no"), "quarantine"),
        (ExceptionGroup("", [ValueError("no"), InvalidError("no")]), "quarantine"),
        (CodecError("no"), "garbage"),
        (PermanentError("no"), None),
    ],
)
def test_the_first_class_that_fits_says_where_to(error, route):
    assert route_of(error, ROUTES) == route


def test_of_an_exception_group_its_own_class_may_be_named():
    assert route_of(ExceptionGroup("", [ValueError("no")]), {ExceptionGroup: "many"}) == "many"


@pytest.fixture
def catalog(tmp_path):
    """The file of a catalogue whose group has two routes."""
    text = (SCHEMAS / "catalog.yaml").read_text("utf-8")
    text = text.replace(
        "consumes: [EmailReceived]",
        "consumes: [EmailReceived]\n    dead_letter_routes: [quarantine, garbage]",
    )
    file = tmp_path / "catalog.yaml"
    file.write_text(text, "utf-8")
    return file


def handlers_that_raise(error):
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def process(event, ctx):
        raise error

    return handlers


def test_each_letter_is_in_the_topic_of_its_route(catalog, live, wait_until):
    for topic in load_catalog(catalog).dead_letter_topics(GROUP)[1:]:
        live.broker.create_topic(topic, 1)
    live.group(
        handlers_that_raise(TooLongError("no")),
        config=Config(catalog=catalog),
        dead_letter_routes=ROUTES,
    )
    live.publish("a")
    live.raw(b"\xff", EMAIL)
    live.raw(b"x", [("ce_type", b"unknown")])

    def letters(topic):
        return len(live.broker.records(topic))

    wait_until(lambda: letters(f"{TOPIC}.{GROUP}.quarantine.dlq") == 1)
    wait_until(lambda: letters(f"{TOPIC}.{GROUP}.garbage.dlq") == 1)
    wait_until(lambda: letters(f"{TOPIC}.{GROUP}.dlq") == 1)


def test_a_group_does_not_start_without_the_topic_of_a_route(catalog, live):
    group = live.group(
        handlers_that_raise(TooLongError("no")),
        config=Config(catalog=catalog),
        dead_letter_routes=ROUTES,
        started=False,
    )
    with pytest.raises(TopicMissingError, match=r"pat-emails.email-processor.quarantine.dlq"):
        group.start()


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ({InvalidError: "elsewhere"}, "which the group email-processor in the catalogue does not"),
        ({InvalidError: "a.b"}, "dead_letter_routes leads to 'a.b': use a word of letters"),
        ({InvalidError: ""}, "dead_letter_routes leads InvalidError to '': name where, in text"),
        ({"InvalidError": "a"}, "dead_letter_routes has 'InvalidError': give classes"),
        ({3: "a"}, "dead_letter_routes has 3: give classes of exceptions"),
        ("quarantine", "dead_letter_routes is 'quarantine'"),
    ],
)
def test_what_is_no_route_is_refused(routes, said):
    with pytest.raises(ConfigError, match=said):
        ConsumerGroup(
            GROUP,
            handlers_that_raise(ValueError()),
            config=Config(),
            transport=MemoryTransport(MemoryBroker()),
            dead_letter_routes=routes,
        )


def test_of_a_queue_a_route_names_the_whole_destination():
    stage = QueueStage()
    stage.broker.create_topic("emails-quarantine", 1)
    member = stage.member(
        handlers_that_raise(InvalidError("no")),
        letters=True,
        dead_letter_routes={InvalidError: "emails-quarantine"},
    )
    stage.send("a")
    stage.raw(b"\xff")
    member.turns(5)
    assert len(stage.broker.records("emails-quarantine")) == 1
    assert len(stage.letters) == 1
    assert stage.queue.message_ids == []


def test_a_queue_with_routes_says_where_all_other_letters_go():
    with pytest.raises(ConfigError, match="say where all others go, with dead_letters"):
        QueueConsumer(
            MemoryQueue("emails"),
            handlers_that_raise(ValueError()),
            config=Config(),
            dead_letter_routes={InvalidError: "emails-quarantine"},
        )
