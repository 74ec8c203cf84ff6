"""What a replay sends and what it leaves; on an embedded broker."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from pat_events import Config
from pat_events.catalog.load import load_catalog
from pat_events.core.replayed import read_replay
from pat_events.errors import ConfigError, TopicMissingError
from pat_events.ops.cluster import Cluster
from pat_events.ops.letters import audit
from pat_events.ops.letters.histogram import HOUR_MS
from pat_events.ops.letters.replay_walk import ReplayOptions
from pat_events.ops.letters.replaying import dry_run, replay
from pat_events.ops.letters.selection import EVERYTHING, Selection
from pat_events.ops.tail import read_stored
from pat_events.testing import EmbeddedBroker
from pat_events.transports.sending import Outgoing
from tests.support.catalogs import CATALOG
from tests.support.clusters import send
from tests.support.dead_letters import AUDIT, FAILED_MS, GROUP, LETTERS, RETRY, TOPIC, letter

ALL = ReplayOptions(everything=True)


@pytest.fixture
def cluster():
    with EmbeddedBroker() as broker:
        broker.create_topics(load_catalog())
        yield Cluster(broker.config())


@pytest.fixture
def put(cluster):
    return lambda *letters: send(cluster.kafka.bootstrap_servers, *letters)


def stored(cluster, topic):
    admin = cluster.admin([topic])
    pairs = [(topic, number) for number in range(admin.partitions[topic])]
    return list(read_stored(cluster, admin.ends(pairs)))


def keys(cluster, topic=RETRY):
    return sorted(each.key.decode() for each in stored(cluster, topic))


def run(cluster, selection=EVERYTHING, options=ALL, name=GROUP, **more):
    return replay(cluster, name, selection, options, why="a test", **more)


def test_a_letter_goes_to_the_retry_topic_of_its_group_as_the_event_it_was(cluster, put):
    put(letter("a"))
    done = run(cluster, name=LETTERS)
    assert (done.read, done.meant, done.sent, done.stay) == (1, 1, 1, 0)
    [retried] = stored(cluster, RETRY)
    [there] = stored(cluster, LETTERS)
    assert (retried.key, retried.value) == (b"a", b"\xff no event")
    assert retried.header_values["ce_id"] == b"id-a"
    assert not [name for name in retried.header_values if "dlq" in name]
    told = read_replay(retried.header_values)
    assert (told.run, told.letter, told.replays) == (done.run, there.position, 1)
    # Retention counts from the replay, not from the event.
    assert abs(retried.timestamp_ms - time.time() * 1000) < 60_000


def test_a_second_replay_sends_what_is_new_and_nothing_else(cluster, put):
    put(letter("a"), letter("b"))
    run(cluster)
    put(letter("c"))
    done = run(cluster)
    assert (done.meant, done.sent, done.before) == (3, 1, 2)
    assert keys(cluster) == ["a", "b", "c"]


def test_again_sends_what_was_sent_before(cluster, put):
    put(letter("a"))
    run(cluster)
    assert run(cluster, options=ReplayOptions(everything=True, again=True)).sent == 1
    assert keys(cluster) == ["a", "a"]


def test_what_is_selected_is_sent_and_no_other(cluster, put):
    put(
        letter("a"),
        letter("b", error=LookupError("none")),
        letter("c", handler="emails.index", failed_ms=FAILED_MS + 10_000),
    )
    then = datetime.fromtimestamp(FAILED_MS / 1000 + 1, UTC)
    for selection, count in (
        (Selection(causes=frozenset({"LookupError"})), 1),
        (Selection(ids=frozenset({"id-c"})), 1),
        (Selection(handler="emails.index"), 1),
        (Selection(until=then), 2),
        (Selection(until=then, causes=frozenset({"LookupError"})), 1),
    ):
        assert dry_run(cluster, GROUP, selection)[0].sent == count
    assert run(cluster, Selection(keys=frozenset({b"a", b"c"})), ReplayOptions()).sent == 2
    assert keys(cluster) == ["a", "c"]


def test_everything_has_to_be_asked_for(cluster, put):
    put(letter("a"))
    with pytest.raises(ConfigError, match="nothing says which letters"):
        run(cluster, options=ReplayOptions())
    assert keys(cluster) == []


def test_an_event_that_was_replayed_three_times_is_left_unless_asked_for(cluster, put):
    put(letter("a", replays=2), letter("b", replays=3), letter("c", replays=9))
    done = run(cluster)
    assert (done.sent, done.quarantined, done.stay) == (1, 2, 2)
    assert keys(cluster) == ["a"]
    assert run(cluster, options=ReplayOptions(everything=True, include_quarantined=True)).sent == 2
    counts = {each.key: read_replay(each.header_values).replays for each in stored(cluster, RETRY)}
    assert counts == {b"a": 3, b"b": 4, b"c": 10}


def test_of_the_letters_of_an_event_the_newest_is_sent_and_the_others_are_told(cluster, put):
    put(
        letter("a"),
        letter("a", replays=1, failed_ms=FAILED_MS + 1_000, handler="newest"),
        letter("a", failed_ms=FAILED_MS + 2_000),
        letter("b"),
    )
    for again in (False, True):
        done = run(cluster, options=ReplayOptions(everything=True, again=again))
        assert (done.meant, done.older, done.stay) == (4, 2, 0)
    found = [(it.key, read_replay(it.header_values).replays) for it in stored(cluster, RETRY)]
    assert sorted(found) == [(b"a", 2), (b"a", 3), (b"b", 1), (b"b", 2)]


def test_letters_without_an_id_are_events_of_their_own(cluster, put):
    made = letter("a")
    made.headers = [it for it in made.headers if it[0] != "ce_id"]
    put(made, letter("b"))
    put(Outgoing(made.topic, made.key, made.value, made.headers, made.timestamp_ms))
    assert (done := run(cluster)).sent == 3
    assert done.older == 0


def test_an_event_whose_first_letter_is_sent_again_and_again_is_left_after_three_times(
    cluster, put
):
    put(letter("a"))
    again = ReplayOptions(again=True, limit=1)
    first = Selection(partition=stored(cluster, LETTERS)[0].partition, offsets=range(1))
    sent = [run(cluster, first, again) for _ in range(4)]
    assert [(it.sent, it.quarantined) for it in sent] == [(1, 0), (1, 0), (1, 0), (0, 1)]
    counts = [read_replay(each.header_values).replays for each in stored(cluster, RETRY)]
    assert counts == [1, 2, 3]


def test_no_more_are_sent_than_asked_for_and_the_next_run_goes_on(cluster, put):
    put(*(letter(f"k{number}") for number in range(5)))
    two = ReplayOptions(everything=True, limit=2)
    assert [run(cluster, options=two).sent for _ in range(3)] == [2, 2, 1]
    assert keys(cluster) == ["k0", "k1", "k2", "k3", "k4"]


def test_a_rate_is_kept(cluster, put):
    put(*(letter(f"k{number}") for number in range(6)))
    began = time.monotonic()
    assert run(cluster, options=ReplayOptions(everything=True, rate=20)).sent == 6
    # In two transactions, of which the second waits for what the first one has used up.
    assert time.monotonic() - began > 5 / 20


def test_a_dry_run_tells_what_would_be_sent_by_cause_and_hour_and_writes_nothing(cluster, put):
    put(
        letter("a"),
        letter("b"),
        letter("c", reason="undecodable", error=ValueError("no"), handler=""),
        letter("d", failed_ms=FAILED_MS + 3_600_000, replays=3),
    )
    done, histogram = dry_run(cluster, GROUP, EVERYTHING)
    assert (done.meant, done.sent, done.quarantined) == (4, 3, 1)
    found = [(it.letters, it.reason, it.error_class, it.handler) for it in histogram.causes()]
    assert found == [
        (2, "attempts-exhausted", "builtins.ConnectionError", "emails.process"),
        (1, "undecodable", "builtins.ValueError", ""),
    ]
    assert histogram.hours() == {FAILED_MS // HOUR_MS * HOUR_MS: 3}
    assert keys(cluster) == []
    assert stored(cluster, AUDIT) == []


def test_the_audit_topic_tells_who_when_why_what_and_how_many(cluster, put):
    put(letter("a"), letter("b", replays=3))
    wanted = Selection(keys=frozenset({b"a", b"b"}))
    done = run(cluster, wanted, ReplayOptions(rate=100))
    began, ended = audit.lines(cluster, GROUP)
    assert began["run"] == ended["run"] == done.run
    assert "@" in began["who"]
    assert datetime.now(UTC) - datetime.fromisoformat(began["at"]) < timedelta(minutes=1)
    told = {name: began[name] for name in ("state", "why", "topics", "selection", "options")}
    assert told == {
        "state": "started",
        "why": "a test",
        "topics": [LETTERS],
        "selection": {"keys": ["a", "b"]},
        "options": {"rate": 100},
    }
    assert (ended["state"], ended["result"]) == ("ended", "done")
    assert ended["counts"] == {"read": 2, "total": 2, "meant": 2, "sent": 1, "quarantined": 1}


def test_a_value_that_was_too_large_for_its_letter_is_fetched_from_its_origin(cluster, put):
    event = Outgoing(TOPIC, b"a", b"v" * 5000, [("ce_id", b"id-a"), ("own", b"1")], FAILED_MS)
    put(event)
    origin = (TOPIC, *event.place)
    put(
        letter("a", value=b"v" * 5000, large=True, origin=origin),
        letter("altered", value=b"w" * 5000, large=True, origin=origin),
        letter("gone", value=b"v" * 5000, large=True, origin=(TOPIC, origin[1], 100)),
        letter("nowhere", value=b"v" * 5000, large=True, origin=(TOPIC, 100, 0)),
        # A header says where it came from: nobody is made to read what is not the group's.
        letter("strange", value=b"v" * 5000, large=True, origin=("pat-events", 0, 0)),
    )
    done = run(cluster)
    assert (done.sent, done.without_value, done.stay) == (1, 4, 4)
    [retried] = stored(cluster, RETRY)
    assert (retried.value, retried.header_values["own"]) == (b"v" * 5000, b"1")


def test_letters_of_another_s_consumer_go_to_the_group_that_is_named(cluster, put):
    others = "dlq.mails"
    put(
        letter("a", topic=others),
        letter("of another group", topic=others, group="notifier"),
        letter("of another topic", topic=others, origin=("elsewhere", 0, 0)),
        letter("of no group", topic=others, group=""),
    )
    done = run(cluster, options=ReplayOptions(everything=True, group=GROUP), name=others)
    assert (done.sent, done.of_others) == (2, 2)
    assert keys(cluster) == ["a", "of no group"]


def test_letters_of_another_group_in_its_own_topic_are_left_unless_the_group_is_named(cluster, put):
    put(letter("a"), letter("of another group", group="notifier"), letter("of none", group=""))
    for name in (GROUP, LETTERS):
        assert dry_run(cluster, name, EVERYTHING)[0].of_others == 1
    assert (done := run(cluster)).of_others == done.stay == 1
    assert keys(cluster) == ["a", "of none"]
    named = ReplayOptions(everything=True, group=GROUP)
    assert run(cluster, options=named, name=LETTERS).sent == 1
    assert keys(cluster) == ["a", "of another group", "of none"]


def test_letters_of_a_route_go_to_the_retry_topic_of_their_topic(tmp_path):
    path = tmp_path / "catalog.yaml"
    entry = "consumes: [EmailReceived], dead_letter_routes: [garbage]"
    text = CATALOG.format(topic="mails")
    path.write_text(text.replace("groups: {}", f"groups: {{reader: {{{entry}}}}}"))
    config = Config(catalog=path)
    with EmbeddedBroker() as broker:
        broker.create_topics(load_catalog(path))
        cluster = Cluster(broker.config())
        for topic in ("mails.reader.dlq", "mails.reader.garbage.dlq"):
            send(broker.bootstrap_servers, letter(topic, topic=topic, group="reader"))
        assert run(cluster, name="mails.reader.garbage.dlq", config=config).sent == 1
        assert run(cluster, name="reader", config=config).sent == 1
        assert len(keys(cluster, "mails.reader.retry")) == 2


@pytest.mark.parametrize(
    ("name", "group", "message"),
    [
        ("email-procesor", None, r"as well\); did you mean 'email-processor'\?$"),
        ("pat-emails.email-procesor.dlq", None, "did you mean 'pat-emails.email-processor.dlq'"),
        ("pat-emails", None, "neither a group of the catalogue nor a dead-letter topic"),
        ("dlq.mails", None, "name the group"),
        ("dlq.mails", "email-procesor", "did you mean 'email-processor'"),
        (LETTERS, "notifier", "those of group email-processor"),
        ("pat-emails", GROUP, "no dead-letter topic"),
    ],
)
def test_what_is_no_group_and_no_dead_letter_topic_is_refused(cluster, name, group, message):
    with pytest.raises(ConfigError, match=message):
        run(cluster, options=ReplayOptions(everything=True, group=group), name=name)


def test_a_missing_retry_topic_is_named_before_anything_is_written():
    with EmbeddedBroker() as broker:
        broker.create_topic(LETTERS)
        with pytest.raises(TopicMissingError, match=f"{RETRY}.*topics apply"):
            run(Cluster(broker.config()))


def test_no_replay_begins_beside_what_changes_the_letters(cluster, put):
    put(letter("a"))
    purge = audit.Run(GROUP, "dlq purge", "r-1", {}, who="somebody@elsewhere")
    put(Outgoing(*purge.record(audit.STARTED, audit.now_ms())))
    with pytest.raises(ConfigError, match="a 'dlq purge' of this group goes on: run r-1"):
        run(cluster)
    assert stored(cluster, RETRY) == []


def test_garbage_in_the_retry_and_audit_topics_keeps_nobody(cluster, put):
    put(
        letter("a"),
        Outgoing(RETRY, None, None, [("pat-replay-letter", b"\xff/9/x")], 1),
        Outgoing(RETRY, None, b"", [("pat-replay-letter", b"elsewhere/0/0")], 1),
        Outgoing(AUDIT, None, b"[" * 100_000, [], 1),
        Outgoing(AUDIT, None, None, [], 1),
        Outgoing(AUDIT, None, json.dumps({"command": "dlq replay", "at": "soon"}).encode(), [], 1),
    )
    assert run(cluster).sent == 1
