"""Dead-letter topics of other programs."""

import pytest

from pat_events.catalog.load import load_catalog
from pat_events.cli import dlq
from pat_events.errors import ConfigError
from pat_events.ops.letters.counting import LetterCounts
from pat_events.ops.letters.listing import list_topics
from pat_events.ops.letters.reading import LetterReading
from pat_events.ops.letters.selection import Selection
from pat_events.ops.letters.showing import show
from pat_events.transports.sending import Outgoing
from tests.core.test_foreign_letters import CONNECT, SHARE_GROUP, SPRING, STREAMS
from tests.support.clusters import send
from tests.support.dead_letters import LETTERS


def put(cluster, topic, *letters):
    address = cluster.kafka.bootstrap_servers
    send(address, *(Outgoing(topic, b"k", b"v", list(each.items()), 1) for each in letters))


@pytest.mark.parametrize(
    ("topic", "headers", "lines"),
    [
        ("orders-dlt", SPRING, ["written by Spring", "group      billing"]),
        ("orders-connect", CONNECT, ["reason     value_converter", "handler    orders-to-s3"]),
        ("orders-streams", STREAMS, ["error      java.lang.IllegalStateException: no such"]),
        ("dlq.orders", SHARE_GROUP, ["reason     untold after 5 attempts"]),
    ],
)
def test_letters_of_others_are_shown_from_a_topic_of_any_name(
    cluster, types, capsys, topic, headers, lines
):
    put(cluster, topic, {**headers, "mine": b"1"})
    [letter] = show(cluster, types, topic)
    dlq._show(letter)
    shown = capsys.readouterr().out
    assert all(f"\n{line}" in shown for line in lines), shown
    assert "came from  orders/3/41\n" in shown
    assert "headers\n  mine: 1\n" in shown
    assert "failed  " not in shown


def test_letters_of_others_are_chosen_by_what_was_raised(cluster, types):
    put(cluster, "orders-dlt", SPRING, {**SPRING, "kafka_dlt-exception-cause-fqcn": b"x.Other"})
    wanted = Selection(causes=frozenset({"ConnectException"}))
    assert len(list(show(cluster, types, "orders-dlt", wanted))) == 1


def test_a_topic_of_any_name_whose_records_tell_no_cause_is_none_of_dead_letters(cluster, types):
    put(cluster, "orders", {"mine": b"1"})
    with pytest.raises(ConfigError, match=r"orders is no dead-letter topic, as orders/\d/0 tells"):
        list(show(cluster, types, "orders"))
    with pytest.raises(ConfigError, match=r"orders is no dead-letter topic, as orders/\d/0 tells"):
        list_topics(cluster, load_catalog(), ["orders"])


def test_a_topic_of_any_name_without_records_is_none_of_dead_letters(cluster):
    with pytest.raises(ConfigError, match="pat-emails is no dead-letter topic, as none of its"):
        list_topics(cluster, load_catalog(), [LETTERS, "pat-emails"])


def test_letters_of_others_are_counted_from_a_topic_of_any_name(cluster):
    put(cluster, "orders-dlt", SPRING, {"mine": b"1"})
    [listed] = list_topics(cluster, load_catalog(), ["orders-dlt"]).seen
    assert listed.letters == 2


def test_what_changes_letters_takes_topics_of_groups_alone(cluster):
    put(cluster, "orders-dlt", SPRING)
    with pytest.raises(
        ConfigError, match="orders-dlt is no dead-letter topic: those of a group are in"
    ):
        LetterReading(cluster, "orders-dlt")


def test_letters_without_a_reason_are_counted_as_untold_by_who_wrote_them(cluster):
    put(cluster, "orders-dlt", SPRING, SPRING)
    counts = LetterCounts()
    for letter in LetterReading(cluster, "orders-dlt", any_name=True):
        counts.add(letter)
    assert [(it.reason, it.letters) for it in counts.groups()] == [("untold (Spring)", 2)]
