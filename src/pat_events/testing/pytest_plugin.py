"""Fixtures for services that use pat_events; pytest finds them by itself.

Settings are those of the environment (``PAT_EVENTS_*``), as in the service; only the
broker is another. Everything is imported inside the fixtures: pytest loads this module
in every run, also where nothing of it is used, and before coverage is measured.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pat_events.consumer.handlers import Handlers
    from pat_events.consumer.log.group import ConsumerGroup
    from pat_events.producer.producer import Producer
    from pat_events.testing.broker import EmbeddedBroker
    from pat_events.transports.log import Start


@pytest.fixture
def kafka() -> Iterator[EmbeddedBroker]:
    """An embedded broker of the test's own, with the topics of the catalogue.

    The catalogue is that of ``PAT_EVENTS_CATALOG``, or the packaged one.
    """
    from pat_events.catalog.load import load_catalog  # noqa: PLC0415
    from pat_events.config import Config  # noqa: PLC0415
    from pat_events.testing.broker import EmbeddedBroker  # noqa: PLC0415

    with EmbeddedBroker() as broker:
        broker.create_topics(load_catalog(Config.from_env().catalog))
        yield broker


@pytest.fixture
def producer(kafka: EmbeddedBroker) -> Iterator[Producer]:
    """A producer of the embedded broker, closed when the test ends.

    The broker is healed first, so that closing does not wait for a fault.
    """
    from pat_events.producer.producer import Producer  # noqa: PLC0415

    with Producer(transport=kafka.transport(environ=os.environ)) as producer:
        yield producer
        kafka.faults.clear()


@pytest.fixture
def consumer_group(kafka: EmbeddedBroker) -> Iterator[Callable[..., ConsumerGroup]]:
    """Start consumer groups: ``consumer_group(handlers, name="test-group", start="earliest")``.

    A group runs in the background from the call to the end of the test, which fails
    if the group failed or did not stop. The broker is healed before groups are
    stopped. Dead-letter topics of groups that the catalogue lacks are created.
    """
    from pat_events.catalog.load import load_catalog  # noqa: PLC0415
    from pat_events.config import Config  # noqa: PLC0415
    from pat_events.consumer.log.group import ConsumerGroup  # noqa: PLC0415

    config, transport = Config.from_env(), kafka.transport(environ=os.environ)
    catalog = load_catalog(config.catalog)
    known = set(catalog.groups)

    def start_group(
        handlers: Handlers, name: str = "test-group", start: Start = "earliest"
    ) -> ConsumerGroup:
        group = ConsumerGroup(name, handlers, config=config, transport=transport, start=start)
        if name not in known:
            known.add(name)
            kafka.create_dead_letter_topics(catalog, name, catalog.topics)
        group.start()
        groups.callback(group.stop)
        return group

    with ExitStack() as groups:
        yield start_group
        kafka.faults.clear()
