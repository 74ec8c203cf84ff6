"""Avro for a catalogue and events of one's own: nothing but the setting is needed."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from pat_events import Config, ConsumerGroup, Handlers, Producer
from pat_events.errors import ConfigError
from pat_events.ops.doctor import Outcome, examine
from pat_events.transports.memory import MemoryBroker, MemoryTransport
from tests.support.catalogs import SHOP, SHOP_METADATA
from tests.support.waiting import until

EVENTS = """
message OrderPlaced {
  message Line { string article = 1; uint64 count = 2; }
  Metadata metadata = 1;
  string order_id = 2;
  repeated Line lines = 3;
  oneof payment { string voucher = 4; uint32 cents = 5; }
}
message OrderSent { Metadata metadata = 1; string order_id = 2; }
"""
RECURSIVE = """
message Node { repeated Node children = 1; }
message OrderPlaced { Metadata metadata = 1; string order_id = 2; Node tree = 3; }
message OrderSent { Metadata metadata = 1; string order_id = 2; }
"""


@pytest.fixture
def shop(tmp_path, monkeypatch, classes_of):
    """Settings of a company whose module holds the messages of the given text; its classes."""

    def make(text):
        module = ModuleType("shop.events")
        for name, cls in classes_of(SHOP_METADATA + text).items():
            setattr(module, name.rpartition(".")[2], cls)
        monkeypatch.setitem(sys.modules, "shop", ModuleType("shop"))
        monkeypatch.setitem(sys.modules, "shop.events", module)
        path = tmp_path / "shop.yaml"
        path.write_text(SHOP, "utf-8")
        return Config(catalog=path, codec="avro"), module

    return make


def test_events_of_ones_own_are_published_and_handled_as_avro(shop):
    config, events = shop(EVENTS)
    broker = MemoryBroker()
    for topic in ("orders", "orders.packer.dlq"):
        broker.create_topic(topic, 1)
    event = events.OrderPlaced(
        order_id="o-1", lines=[{"article": "tea", "count": 2**64 - 1}], voucher="v"
    )
    handled = []
    handlers = Handlers()
    handlers.add(events.OrderPlaced, lambda event, ctx: handled.append((event, ctx.envelope)))
    with Producer(config, transport=MemoryTransport(broker)) as producer:
        producer.publish(event).result(timeout=5)
        group = ConsumerGroup("packer", handlers, config=config, transport=MemoryTransport(broker))
        with group:
            until(lambda: handled)
    [(received, envelope)] = handled
    assert received == event
    assert envelope.content_type == "application/avro"


def test_what_avro_cannot_carry_is_told_when_the_producer_is_made(shop):
    config, _ = shop(RECURSIVE)
    with pytest.raises(
        ConfigError,
        match=r"shop\.v1\.OrderPlaced\.tree: shop\.v1\.Node\.children: shop\.v1\.Node contains "
        r"itself.*refer to the others by id, or use Protobuf",
    ):
        Producer(config, transport=MemoryTransport(MemoryBroker()))


@pytest.mark.parametrize(
    ("text", "codec", "outcome"),
    [
        (EVENTS, "avro", Outcome.FINE),
        (RECURSIVE, "avro", Outcome.WRONG),
        (RECURSIVE, "protobuf", Outcome.UNKNOWN),
    ],
)
def test_the_doctor_says_whether_avro_can_carry_the_catalogue(
    shop, monkeypatch, text, codec, outcome
):
    config, _ = shop(text)
    monkeypatch.setenv("PAT_EVENTS_CODEC", codec)
    monkeypatch.setenv("PAT_EVENTS_CONNECT_TIMEOUT_S", "0.1")
    found = examine("127.0.0.1:1", config.catalog)
    [check] = [check for check in found if check.name == "avro"]
    assert check.outcome is outcome
    if outcome is not Outcome.FINE:
        assert "OrderPlaced.tree" in check.finding
