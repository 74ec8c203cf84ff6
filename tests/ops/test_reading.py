"""Dead letters, lag and tailing: what an operator sees of a group that met failures."""

import base64

import pytest

from pat_events import KafkaConfig
from pat_events.catalog.load import load_catalog
from pat_events.errors import ConfigError, TopicMissingError, TransportUnavailableError
from pat_events.ops.cluster import Cluster
from pat_events.ops.json_records import record_as_json
from pat_events.ops.lag import lag
from pat_events.ops.letters import listing, showing
from pat_events.ops.letters.selection import Selection
from pat_events.ops.tail import tail
from pat_events.transports.kafka import admin
from pat_events.transports.kafka.connecting import connect
from pat_events.transports.sending import Outgoing
from tests.support.clusters import send
from tests.support.demo import demo_on

LETTERS = "pat-emails.email-processor.dlq"


def test_dead_letters_are_counted_by_cause_and_handler(failed):
    found = listing.list_topics(failed, load_catalog()).seen
    listed = {topic.topic: topic for topic in found}
    topic = listed[LETTERS]
    assert (topic.letters, topic.read, topic.complete) == (2, 2, True)
    [first, second] = sorted(topic.groups, key=lambda it: it.reason)
    assert (first.reason, first.error_class, first.letters) == (
        "attempts-exhausted",
        "builtins.LookupError",
        1,
    )
    assert first.handler.endswith("handle")
    assert 0 < first.first_failed_ms == first.last_failed_ms
    assert (second.reason, second.handler.endswith("handle")) == ("undecodable", True)
    assert listed["pat-emails.notifier.dlq"].letters == 0
    [named] = listing.list_topics(failed, load_catalog(), [LETTERS]).seen
    assert named == topic


def test_of_many_letters_the_last_are_read_unless_exact_figures_are_asked_for(cluster, monkeypatch):
    monkeypatch.setattr(listing, "TAIL", 20)
    monkeypatch.setattr(listing, "_TAIL_MIN", 5)
    old = [Outgoing(LETTERS, b"k", None, [("pat-dlq-reason", b"old")], 1) for _ in range(40)]
    new = [Outgoing(LETTERS, b"k", None, [("pat-dlq-reason", b"new")], 2) for _ in range(30)]
    send(cluster.kafka.bootstrap_servers, *old, *new)
    [topic] = listing.list_topics(cluster, load_catalog(), [LETTERS]).seen
    assert (topic.letters, topic.read, topic.complete) == (70, 20, False)
    assert [(it.reason, it.letters) for it in topic.groups] == [("new", 20)]
    told = []
    [topic] = listing.list_topics(
        cluster, load_catalog(), [LETTERS], exact=True, tell=lambda *how_far: told.append(how_far)
    ).seen
    assert (topic.letters, topic.read, topic.complete) == (70, 70, True)
    assert [(it.reason, it.letters) for it in topic.groups] == [("old", 40), ("new", 30)]
    assert told[0] == (0, 70)


def test_a_dead_letter_tells_its_cause_and_its_event(failed, types):
    letters = {x.cause.reason: x for x in showing.show(failed, types, LETTERS)}
    letter = letters["attempts-exhausted"]
    assert letter.cause.error_class == "builtins.LookupError"
    assert letter.cause.group == "email-processor"
    assert letter.cause.attempts == 2
    assert letter.cause.origin.topic == "pat-emails"
    assert 0 < letter.cause.first_failed_ms <= letter.cause.last_failed_ms
    assert letter.record["event"]["email_id"] == "bad"
    garbage = letters["undecodable"].record
    assert base64.b64decode(garbage["value_base64"]) == b"\xff\xff"
    assert "EmailReceived" in garbage["error"]


def test_one_dead_letter_is_shown_by_its_place(failed, types):
    shown = showing.show(failed, types, LETTERS)
    [place] = {x.position for x in shown if x.cause.reason == "undecodable"}
    at = range(place.offset, place.offset + 1)
    one = Selection(partition=place.partition, offsets=at)
    [letter] = showing.show(failed, types, LETTERS, one)
    assert letter.position == place


def test_no_more_letters_are_shown_than_asked_for(failed, types):
    assert len(list(showing.show(failed, types, LETTERS, limit=1))) == 1


@pytest.mark.parametrize("place", [{"partition": 3}, {"partition": 0, "offsets": range(9, 99)}])
def test_a_place_that_is_not_there_is_refused(cluster, types, place):
    with pytest.raises(ConfigError, match=r"no partition 3|no offset 9: it holds nothing"):
        list(showing.show(cluster, types, LETTERS, Selection(**place)))


def test_a_topic_of_events_is_refused_as_one_of_dead_letters(cluster, types):
    with pytest.raises(
        ConfigError, match=r"pat-emails is no .*: those of a group are in TOPIC\.GROUP\.dlq"
    ):
        list(showing.show(cluster, types, "pat-emails"))


def test_tailing_reads_everything_there_is(failed, types):
    deliveries = list(tail(failed, ["pat-emails"], begin="earliest", idle_timeout_s=0.3))
    shown = [record_as_json(types, delivery) for delivery in deliveries]
    assert len(shown) == 4
    events = {record["event"]["email_id"] for record in shown if "event" in record}
    assert events == {"e-1", "e-2", "bad"}


@pytest.fixture(scope="module")
def walked(kafka_broker):
    """Where the demo has run, on a real broker: an embedded one tells no positions of a group."""
    with demo_on(kafka_broker.bootstrap_servers) as site:
        yield site


@pytest.mark.kafka
def test_tailing_joins_no_group_and_commits_nothing(walked):
    admin = walked.cluster.admin()
    [topic] = walked.catalog.topics
    partitions = [(topic, number) for number in range(12)]
    groups, committed = admin.groups(), admin.committed(walked.processor, partitions)
    assert sum(committed.values()) == 34
    assert len(list(tail(walked.cluster, [topic], begin="earliest", idle_timeout_s=0.5))) == 34
    assert admin.committed(walked.processor, partitions) == committed
    assert walked.processor in groups
    assert "pat-events-reader" not in admin.groups()


@pytest.mark.kafka
def test_a_group_that_is_through_has_no_lag(walked):
    [rows] = lag(walked.cluster, walked.catalog, [walked.processor]).values()
    [topic] = walked.catalog.topics
    retries = walked.catalog.retry_topics(walked.processor)
    assert [row.topic for row in rows] == [topic] * 12 + [*retries] * 3
    assert sum(row.end for row in rows) == 34
    assert sum(row.lag for row in rows) == 0
    assert {row.committed for row in rows if row.end} == {row.end for row in rows if row.end}


@pytest.mark.kafka
def test_without_names_every_group_of_catalogue_and_cluster_is_looked_at(walked):
    packaged = load_catalog().groups
    everyone = lag(walked.cluster, load_catalog())
    assert {*packaged, walked.processor, walked.validator} <= everyone.keys()
    assert list(everyone) == sorted(everyone)


@pytest.mark.kafka
def test_every_dead_letter_topic_of_a_cluster_is_listed(walked):
    found = listing.list_topics(walked.cluster, walked.catalog).seen
    listed = {topic.topic: topic for topic in found}
    assert set(walked.dead_letter_topics) <= listed.keys()
    [group] = listed[walked.dead_letter_topics[0]].groups
    assert (group.reason, group.letters) == ("attempts-exhausted", 1)


def test_tailing_stops_after_as_many_as_asked_for(failed):
    assert len(list(tail(failed, ["pat-emails"], begin="earliest", limit=2))) == 2


def test_without_from_beginning_only_what_is_new_is_read(failed):
    assert not list(tail(failed, ["pat-emails"], idle_timeout_s=0.2))


@pytest.mark.parametrize(
    "read",
    [
        lambda cluster, types: tail(cluster, [LETTERS], idle_timeout_s=0),
        lambda cluster, types: showing.show(cluster, types, LETTERS),
    ],
    ids=["tail", "show"],
)
def test_reading_asks_once_what_topics_there_are(cluster, types, monkeypatch, read):
    asked = []

    def counting(*arguments):
        asked.append(arguments)
        return connect(*arguments)

    monkeypatch.setattr(admin, "connect", counting)
    assert not list(read(cluster, types))
    assert len(asked) == 1


def test_a_missing_topic_is_named_with_the_nearest(cluster):
    with pytest.raises(TopicMissingError, match="there is pat-emails"):
        next(tail(cluster, ["pat-email"], idle_timeout_s=0.1))


def test_a_group_without_a_position_lags_by_all_there_is(failed):
    [rows] = lag(failed, load_catalog(), ["email-validator"]).values()
    assert {row.committed for row in rows} == {None}
    assert sum(row.lag for row in rows) == 4


def test_an_unknown_group_is_refused_with_the_nearest(cluster):
    with pytest.raises(ConfigError, match="email-processor"):
        lag(cluster, load_catalog(), ["email-processor", "email-procesor"])


def test_a_broker_that_is_not_there_is_named_within_the_bound():
    cluster = Cluster(KafkaConfig(bootstrap_servers="127.0.0.1:1"), answer_timeout_s=0.3)
    with pytest.raises(TransportUnavailableError, match=r"127\.0\.0\.1:1 within 0\.3 s"):
        cluster.admin()
