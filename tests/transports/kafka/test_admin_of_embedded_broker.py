"""An embedded broker has no controller: what only one can answer is refused, not waited for."""

from __future__ import annotations

import pytest

from pat_events import load_catalog
from pat_events.errors import ConfigError
from pat_events.ops.cluster import Cluster
from pat_events.ops.topics import TopicPlan, apply, diff
from pat_events.transports.kafka.admin import KafkaAdmin, TopicSpec

SPEC = TopicSpec("orders", 1, 1, {})
QUESTIONS = {
    "create": lambda admin: admin.create([SPEC]),
    "grow": lambda admin: admin.grow("pat-emails", 24),
    "set": lambda admin: admin.set("pat-emails", {"retention.ms": "1"}),
    "settings": lambda admin: admin.settings(["pat-emails"]),
    "delete": lambda admin: admin.delete(["pat-emails"], []),
    "forget": lambda admin: admin.delete([], ["readers"]),
    "permitted": lambda admin: admin.permitted(["pat-emails"]),
}


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_what_it_cannot_do_is_refused_with_what_to_do_instead(kafka, ask):
    with pytest.raises(ConfigError, match=r"embedded broker.*EmbeddedBroker\.create_topics"):
        ask(KafkaAdmin(kafka.config()))


def test_topics_are_neither_compared_nor_applied(kafka):
    with pytest.raises(ConfigError, match="embedded broker"):
        diff(Cluster(kafka.config()), load_catalog())
    with pytest.raises(ConfigError, match="embedded broker"):
        apply(Cluster(kafka.config()), TopicPlan((SPEC,), (), (), ()))
