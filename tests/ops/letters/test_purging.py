"""Letters that are deleted, and those that cannot be."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pat_events import Config
from pat_events.cli.app import app
from pat_events.core.record import Delivery
from pat_events.errors import ConfigError, TopicMissingError
from pat_events.ops.letters import audit, purging
from pat_events.ops.letters.letter import Letter
from pat_events.ops.letters.reading import LetterReading
from pat_events.ops.letters.selection import EVERYTHING, Selection
from pat_events.transports.sending import Outgoing
from tests.support.clusters import send

MEANT = Selection(causes=frozenset({"meant"}))


def letters(*reasons, partition=0, first=0):
    return [
        Letter.of(
            Delivery("t.g.dlq", partition, first + offset, None, None, [("pat-dlq-reason", it)], 1)
        )
        for offset, it in enumerate(reasons)
    ]


def test_the_first_letters_of_a_partition_can_be_deleted_if_all_are_meant():
    held = [
        *letters(b"meant", b"meant", b"other", first=40),
        *letters(b"other", partition=1),
        *letters(b"meant", partition=2),
    ]
    plan = purging.plan_of("t.g.dlq", MEANT, held)
    assert plan.cuts == [purging.Cut(0, 40, 42, 2), purging.Cut(2, 0, 1, 1)]
    assert (plan.letters, plan.behind) == (3, 0)
    purging.refuse_behind(plan)


def test_letters_behind_one_that_is_kept_cannot_and_nothing_is_deleted():
    plan = purging.plan_of("t.g.dlq", MEANT, letters(b"meant", b"other", b"meant", b"meant"))
    with pytest.raises(ConfigError) as refused:
        purging.refuse_behind(plan)
    assert "of 3 letters that are meant 2 lie behind letters that are not" in str(refused.value)
    assert "the first at t.g.dlq/0/2" in str(refused.value)
    assert plan.cuts == [purging.Cut(0, 0, 1, 1)]


def test_the_command_says_with_its_own_options_what_can_be_deleted(cluster):
    topic = "pat-emails.email-processor.dlq"
    reasons = (b"meant", b"meant", b"other", b"meant")
    where = cluster.kafka.bootstrap_servers
    send(where, *(Outgoing(topic, b"k", b"v", [("pat-dlq-reason", it)], 1) for it in reasons))
    number = next(iter(LetterReading(cluster, topic))).delivery.partition
    command = ["dlq", "purge", topic, "--cause", "meant", "--bootstrap", where]
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == 1
    offered, error = refused.stderr.splitlines()
    offer = f"--partition {number} --offset 0-1"
    assert offered == f"pat-events: what can be deleted: {offer}"
    assert "of 3 letters that are meant 1 lie behind letters that are not" in error
    taken = CliRunner().invoke(app, ["dlq", "purge", topic, *offer.split(), "--bootstrap", where])
    assert (taken.exit_code, "nothing was deleted; add --apply" in taken.stderr) == (0, True)


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=30))
def test_no_letter_that_is_not_meant_is_ever_deleted_and_none_that_is_goes_uncounted(written):
    ends = [0, 0, 0]
    held = []
    for partition, meant in written:
        reason = b"meant" if meant else b"other"
        held += letters(reason, partition=partition, first=ends[partition])
        ends[partition] += 1
    plan = purging.plan_of("t.g.dlq", MEANT, held)
    before = {cut.partition: cut.end for cut in plan.cuts}
    gone = [it for it in held if it.delivery.offset < before.get(it.delivery.partition, 0)]
    assert all(it.cause.reason == "meant" for it in gone)
    assert len(gone) == plan.letters
    assert plan.letters + plan.behind == sum(meant for _, meant in written)


def test_every_letter_has_to_be_said(cluster):
    with pytest.raises(ConfigError, match="nothing says which letters"):
        purging.plan_purge(cluster, "pat-emails.email-processor.dlq", EVERYTHING)


@pytest.mark.parametrize(
    ("topic", "error", "words"),
    [
        ("pat-emails", ConfigError, "is no dead-letter topic"),
        ("pat-emails.email-procesor.dlq", TopicMissingError, "there is pat-emails.email-processor"),
    ],
)
def test_only_dead_letters_are_deleted(cluster, topic, error, words):
    with pytest.raises(error, match=words):
        purging.plan_purge(cluster, topic, MEANT)


@pytest.mark.kafka
def test_what_is_meant_is_gone_the_rest_is_there_and_the_audit_topic_tells(site):
    cluster, path, topic, group = site
    times = [1_700_000_000_000 + each for each in range(5)]
    send(
        cluster.kafka.bootstrap_servers,
        *(
            Outgoing(
                topic, b"k", b"v",
                [("pat-dlq-reason", b"rejected"), ("pat-dlq-last-failed-ms", b"%d" % at)],
                int(datetime.now(UTC).timestamp() * 1000),
            )
            for at in times
        ),
    )  # fmt: skip
    until = datetime.fromtimestamp(times[3] / 1000, UTC)
    command = [
        "dlq", "purge", topic, "--until", until.isoformat(),
        "--bootstrap", cluster.kafka.bootstrap_servers, "--catalog", str(path),
    ]  # fmt: skip
    look = CliRunner().invoke(app, command)
    assert (look.exit_code, look.stdout.split()[4:]) == (0, ["0", "0", "2", "3"])
    assert "nothing was deleted; add --apply" in look.stderr
    assert len(list(LetterReading(cluster, topic))) == 5
    done = CliRunner().invoke(app, [*command, "--apply", "--why", "a test"])
    assert done.exit_code == 0, done.stderr
    assert "3 letters of" in done.stderr
    assert [it.delivery.offset for it in LetterReading(cluster, topic)] == [3, 4]
    begun, ended = audit.lines(cluster, group)
    assert (begun["command"], begun["why"], begun["before"]) == ("dlq purge", "a test", {"0": 3})
    assert json.dumps(begun["selection"]).startswith('{"until": "2023')
    assert (ended["result"], ended["counts"]) == ("done", {"deleted": 3})
    again = CliRunner().invoke(app, command)
    assert (again.exit_code, "holds no such dead letters" in again.stderr) == (1, True)
    # What is the newest alone lies behind what is not meant.
    late = Selection(since=datetime.fromtimestamp(times[4] / 1000, UTC))
    plan = purging.plan_purge(cluster, topic, late)
    with pytest.raises(ConfigError, match="Kafka deletes from the beginning"):
        purging.purge(cluster, plan, why="a test", config=Config(catalog=path))
