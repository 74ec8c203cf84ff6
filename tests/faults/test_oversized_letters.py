"""Dead letters that their topic does not take, on a real broker."""

from __future__ import annotations

import hashlib
import random

import pytest
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from pat_events import Handlers
from pat_events.core.dead_letter import read_cause
from pat_events.events import EmailReceived

pytestmark = pytest.mark.kafka
TYPE = ("ce_type", b"pat.events.v1.EmailReceived")


def test_a_letter_over_the_limit_of_its_topic_is_written_without_its_value(ground):
    limit = ConfigEntry("max.message.bytes", "50000", incremental_operation=AlterConfigOpType.SET)
    letters = f"{ground.topic}.first.dlq"
    resource = ConfigResource(ResourceType.TOPIC, letters, incremental_configs=[limit])
    admin = AdminClient({"bootstrap.servers": ground.servers})
    (done,) = admin.incremental_alter_configs([resource]).values()
    done.result(15)
    handlers, handled = Handlers(), []

    @handlers.on(EmailReceived)
    def handle(event, ctx):
        handled.append(event.email_id)

    large = random.Random(1).randbytes(400_000)  # noqa: S311 - what no compression makes small
    small = b"\xff\xfe\xfd"
    good = EmailReceived(email_id="good").SerializeToString()
    ground.raw(*({"value": value, "headers": [TYPE]} for value in (large, small, good)))
    ground.group(handlers)
    ground.until(lambda: ground.committed()[0] == 3)
    assert handled == ["good"]
    by_size = {len(letter.value() or b""): letter for letter in ground.dead()}
    assert sorted(by_size) == [0, len(small)]
    cause = read_cause(dict(by_size[0].headers()))
    assert cause.value_sha256 == hashlib.sha256(large).hexdigest()
    assert str(cause.origin) == f"{ground.topic}/0/0"
