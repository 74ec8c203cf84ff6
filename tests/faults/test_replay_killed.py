"""A replay that is killed: every letter is in the retry topic once, and handled once more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from pat_events import Handlers, KafkaConfig
from pat_events.catalog.model import Catalog
from pat_events.core.replayed import read_replay
from pat_events.events import EmailReceived
from pat_events.ops.cluster import Cluster
from pat_events.ops.tail import read_stored
from tests.support.catalogs import CATALOG
from tests.support.clusters import send
from tests.support.dead_letters import letter

pytestmark = pytest.mark.kafka
GROUP = "first"
LETTERS = 400
# Four transactions a second.
RATE = 400


class Site:
    """A topic of letters, and what is sent of them."""

    def __init__(self, ground, create_topic):
        self.cluster = Cluster(KafkaConfig(bootstrap_servers=ground.servers))
        text = CATALOG.format(topic=ground.topic)
        ground.catalog.write_text(
            text.replace("groups: {}", f"groups: {{{GROUP}: {{consumes: [EmailReceived]}}}}")
        )
        self._retry = create_topic(Catalog.retry_topic(ground.topic, GROUP))
        create_topic(Catalog.audit_topic(GROUP))
        self._environ = os.environ | {
            "PAT_EVENTS_BOOTSTRAP_SERVERS": ground.servers,
            "PAT_EVENTS_CATALOG": str(ground.catalog),
        }
        self._admin = self.cluster.admin([self._retry])

    def start(self, stack, *options):
        """The command, in a process of its own."""
        command = [sys.executable, "-m", "pat_events.cli", "dlq", "replay", GROUP, "--all"]
        process = subprocess.Popen(
            [*command, "--why", "a test", *map(str, options)], env=self._environ
        )
        stack.callback(process.wait)
        stack.callback(process.kill)
        return process

    def end(self):
        """How many offsets there are, marks and what is not committed included."""
        return sum(high for _, high in self._admin.ends([(self._retry, 0)]).values())

    def sent(self):
        """How often each letter is there."""
        stored = read_stored(self.cluster, self._admin.ends([(self._retry, 0)]))
        return Counter(read_replay(each.header_values).letter for each in stored)


def dead_letter(topic, number):
    key = str(number)
    value = EmailReceived(email_id=key, subject="hello").SerializeToString()
    return letter(key, value=value, topic=topic, group=GROUP)


def test_each_letter_is_handled_once_more_though_the_replaying_process_is_killed_twice(
    ground, create_topic, stack
):
    letters = Catalog.dead_letter_topic(ground.topic, GROUP)
    send(ground.servers, *(dead_letter(letters, number) for number in range(LETTERS)))
    site = Site(ground, create_topic)
    for _ in range(2):
        before = site.end()
        process = site.start(stack, "--rate", RATE)
        # As soon as the broker has something, of a transaction that may be open.
        ground.until(lambda before=before: site.end() > before, every_s=0.001)
        process.kill()
        process.wait()
    assert site.start(stack).wait(60) == 0
    sent = site.sent()
    assert (len(sent), set(sent.values())) == (LETTERS, {1})
    handled = Counter()
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        handled[event.email_id, ctx.envelope.event_id] += 1

    ground.group(handlers, GROUP)
    ground.until(lambda: handled.total() >= LETTERS)
    assert handled == {(str(number), f"id-{number}"): 1 for number in range(LETTERS)}
