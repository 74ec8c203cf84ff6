"""Letters that strangers wrote into a dead-letter topic."""

from pat_events import Config, load_catalog
from pat_events.cli import dlq
from pat_events.ops.letters import listing
from pat_events.transports.sending import Outgoing
from tests.support.clusters import send

LETTERS = "pat-emails.email-processor.dlq"


def test_reasons_of_any_length_and_number_make_one_short_line_each(cluster, capsys, monkeypatch):
    reasons = [f"{number}\n== forged {'x' * 50_000}".encode() for number in range(30)]
    letters = (Outgoing(LETTERS, None, None, [("pat-dlq-reason", it)], 1) for it in reasons)
    send(cluster.kafka.bootstrap_servers, *letters)
    found = {topic.topic: topic for topic in listing.list_topics(cluster, load_catalog()).seen}
    groups = found[LETTERS].groups
    assert sum(group.letters for group in groups) == 30
    assert all(len(it.reason) < 200 and it.reason.isprintable() for it in groups)
    only = listing.DeadLetterTopics([found[LETTERS]], [])
    monkeypatch.setattr(dlq.listing, "list_topics", lambda *_, **__: only)
    monkeypatch.setattr(dlq, "configure", lambda *_: (Config(), cluster))
    dlq.list_letters()
    shown = capsys.readouterr().out
    assert "and 20 more causes" in shown
    titles = [line for line in shown.splitlines() if line.startswith("==")]
    assert titles == [f"== {LETTERS}"]
