"""What docs/dead-letters.md tells an operator to type does what it says."""

from __future__ import annotations

import shutil

import pytest

from pat_events import ConsumerGroup, Handlers, Producer, load_catalog
from pat_events.core import dead_letter
from pat_events.errors import PermanentError
from pat_events.events import EmailReceived
from pat_events.ops.cluster import Cluster
from pat_events.ops.tail import tail
from pat_events.testing import EmbeddedBroker
from tests.support.examples import ROOT, examples
from tests.support.shells import shell
from tests.support.waiting import until

PAGE = "docs/dead-letters.md"
TEXT = (ROOT / PAGE).read_text("utf-8")


@pytest.fixture
def broker():
    """One with a dead letter."""
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def process(event, ctx):
        raise PermanentError("no such customer")

    with EmbeddedBroker() as broker:
        broker.create_topics(load_catalog())
        with Producer(transport=broker.transport()) as producer:
            producer.publish(EmailReceived(email_id="e-1", subject="hello"))
        group = ConsumerGroup("email-processor", handlers, transport=broker.transport())
        with group:
            until(lambda: group.stats().dead_lettered)
        yield broker


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_letters_are_counted_and_their_events_published_again(broker, tmp_path):
    look, publish = (each.text for each in examples(PAGE, "sh"))
    said = shell(
        # It ends when nothing came for so long.
        (look + publish).replace("--idle-timeout 5", "--idle-timeout 1"),
        tmp_path,
        PAT_EVENTS_BOOTSTRAP_SERVERS=broker.bootstrap_servers,
    )
    assert "1 rejected pat_events.errors.PermanentError" in said
    first, again = tail(
        Cluster(broker.config()), ["pat-emails"], begin="earliest", limit=2, idle_timeout_s=30
    )
    assert first.value == again.value
    assert first.header_values["ce_id"] == again.header_values["ce_id"]


def test_the_page_names_every_header_of_a_letter():
    names = [
        value
        for name, value in vars(dead_letter).items()
        if name.startswith("_")
        and isinstance(value, str)
        and value.startswith(("pat-dlq", "__dlq"))
    ]
    assert len(names) > 10
    short = TEXT.replace("`.", "`__dlq.errors.")
    assert [name for name in names if f"`{name}`" not in short] == []
