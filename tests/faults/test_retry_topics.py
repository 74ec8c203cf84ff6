"""Dead letters that come back to their group on a real cluster: by hand, late, or not permitted."""

from __future__ import annotations

import uuid

import pytest

from pat_events import ConsumerGroup, Handlers, KafkaConfig, KafkaTransport, RetryPolicy
from pat_events.config import Config
from pat_events.core.dead_letter import read_cause
from pat_events.core.replayed import replayed
from pat_events.events import EmailReceived
from pat_events.transports.kafka.messages import delivery_of
from pat_events.transports.sending import Outgoing
from tests.support.catalogs import CATALOG
from tests.support.clusters import send
from tests.support.waiting import until

pytestmark = pytest.mark.kafka
PASSWORD = "not-a-secret"  # noqa: S105


class Service:
    """A handler that fails while it is told to, and notes its calls."""

    def __init__(self):
        self.fails = True
        self.calls = []
        self.handlers = Handlers()
        self.handlers.add(
            EmailReceived, self.handle, retry=RetryPolicy(attempts=2, first_delay_s=0.05)
        )

    def handle(self, event, ctx):
        self.calls.append((event.email_id, ctx.attempt))
        if self.fails:
            raise ValueError("bad")


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_letter_that_is_replayed_by_hand_is_handled_once_more(
    ground, create_topic, protocol, caplog
):
    retry = f"{ground.topic}.first.retry"
    service = Service()
    ground.producer().publish(EmailReceived(email_id="e-1")).result(30)
    if protocol == "classic":
        create_topic(retry)
    group = ground.group(service.handlers, protocol=protocol, start="earliest")
    ground.until(lambda: len(ground.dead()) == 1)
    if protocol == "consumer":
        assert f"there is no topic {retry}" in caplog.text
        create_topic(retry)
    for replays in (1, 2):
        service.calls.clear()
        service.fails = replays == 1
        letter = delivery_of(ground.dead()[-1])
        send(
            ground.servers, Outgoing(*replayed(letter, retry, f"run-{replays}", 1_795_000_000_000))
        )
        ground.until(lambda: group.stats().delivered == 1 + replays)  # noqa: B023
        ground.until(lambda: group.stats().in_flight == 0)
        causes = [read_cause(delivery_of(it).header_values) for it in ground.dead()]
        assert [it.replays for it in causes] == [0, 1]
        assert causes[1].origin[:3] == (retry, 0, 0)
    assert service.calls == [("e-1", 1)]
    assert group.stats().dead_lettered == 2


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_group_that_may_not_see_its_retry_topic_runs_without(
    secured_kafka, tmp_path, create_topic, protocol, caplog
):
    servers = secured_kafka.bootstrap_servers
    topic = f"unseen-{uuid.uuid4().hex[:8]}"
    name = f"{topic}-group"
    for each in (topic, f"{topic}.{name}.dlq", f"{topic}.{name}.retry"):
        create_topic(each, bootstrap_servers=servers)
    secured_kafka.add_user(name, PASSWORD)
    secured_kafka.permit(name, "topic", topic, "read")
    secured_kafka.permit(name, "topic", f"{topic}.{name}.dlq", "write")
    secured_kafka.permit(name, "group", name, "read")
    path = tmp_path / "catalog.yaml"
    path.write_text(CATALOG.format(topic=topic))
    value = EmailReceived(email_id="e-1").SerializeToString()
    send(servers, Outgoing(topic, b"k", value, [("ce_type", b"pat.events.v1.EmailReceived")], 1))
    kafka = KafkaConfig(
        bootstrap_servers=secured_kafka.scram_servers,
        client_properties=secured_kafka.scram(name, PASSWORD),
        group_protocol=protocol,
    )
    service = Service()
    service.fails = False
    transport = KafkaTransport(kafka)
    with ConsumerGroup(name, service.handlers, config=Config(catalog=path), transport=transport):
        until(lambda: service.calls == [("e-1", 1)])
    assert f"{topic}.{name}.retry: it is missing, or not permitted" in caplog.text
    assert "dead letters cannot be replayed before a restart then" in caplog.text
