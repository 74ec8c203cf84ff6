"""The demo over a bus and queues: the same mails, handlers and sums."""

from __future__ import annotations

import pytest

from pat_events import AwsConfig, Config
from pat_events.demo import aws_run, aws_site
from pat_events.demo.mail import samples
from pat_events.errors import PatEventsError

pytestmark = [pytest.mark.localstack, pytest.mark.usefixtures("aws_credentials")]


def names(aws, suffix):
    """Whatever there is of a run."""
    sqs, events = aws.client("sqs"), aws.client("events")
    try:
        urls = sqs.list_queues().get("QueueUrls", [])
        buses = [bus["Name"] for bus in events.list_event_buses()["EventBuses"]]
    finally:
        sqs.close()
        events.close()
    return [name for name in (*urls, *buses) if suffix in name]


@pytest.fixture
def config(localstack_url):
    return AwsConfig(region="us-east-1", endpoint_url=localstack_url)


def test_mails_walk_over_bus_and_queues_and_dead_letters_come_back(config, aws):
    with aws_site.on_aws(Config(), config) as site:
        assert len(names(aws, site.name.removeprefix("pat-events"))) == 5
        tally, returned = aws_run.run(site, samples(), lambda _: None)
    assert tally.adds_up
    assert (tally.published, tally.processor.handled, tally.validator.handled) == (12, 11, 11)
    [letter] = tally.letters
    assert "x-batch-9" in letter.cause.message
    assert letter.cause.attempts == 3
    assert letter.record["event"]["subject"] == "Nightly report"
    assert (returned.given_back, returned.handled) == (1, 1)
    assert not names(aws, site.name.removeprefix("pat-events"))


def test_where_a_part_cannot_be_made_the_others_are_removed(config, aws, monkeypatch):
    def refuse(*_):
        raise PatEventsError("no")

    monkeypatch.setattr(aws_site.AwsSite, "_make_rule", refuse)
    site = aws_site.AwsSite(Config(), config, "-demo-refused")
    with pytest.raises(PatEventsError, match="no"), aws_site.ExitStack() as ends:
        site.make(ends)
    assert not names(aws, "-demo-refused")
