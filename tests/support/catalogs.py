"""Catalogues for tests, and what is wrong with one that was changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pat_events.catalog.file import parse_catalog
from pat_events.errors import CatalogError

SCHEMAS = Path(__file__).parents[2] / "schemas"
JSON_SCHEMA = json.loads((SCHEMAS / "catalog.schema.json").read_text("utf-8"))

#: Text of a catalogue with one topic; ``format`` it with the name.
CATALOG = """\
version: 1
package: pat.events.v1
python_module: pat_events.events
topics:
  {topic}: {{partitions: 4, retention_days: 1, description: A test's.}}
dead_letters: {{partitions: 1, retention_days: 1}}
events:
  EmailReceived: {{topic: {topic}, key: email_id, source: t, detail_type: E}}
  EmailProcessed: {{topic: {topic}, key: email_id, source: t, detail_type: P}}
groups: {{}}
queues: {{}}
schedules: {{}}
"""

#: The catalogue of another company.
SHOP = """\
version: 1
package: shop.v1
python_module: shop.events
topics:
  orders: {partitions: 3, retention_days: 7, description: Orders.}
dead_letters: {partitions: 1, retention_days: 30}
events:
  OrderPlaced:
    topic: orders
    key: order_id
    source: shop.web
    detail_type: Order Placed
    targets: {queues: [packing], functions: [pack]}
  OrderSent: {topic: orders, key: order_id, source: shop.depot, detail_type: Order Sent}
groups:
  packer: {consumes: [OrderPlaced], publishes: [OrderSent]}
queues:
  packing: {consumer_timeout_s: 60}
schedules:
  nightly: {cron: 'cron(0 3 * * ? *)', queue: packing, input: {operation: count}}
"""

#: What the events of that company begin with.
SHOP_METADATA = """
syntax = "proto3"; package shop.v1; import "google/protobuf/timestamp.proto";
message Metadata {
  string event_id = 1; string correlation_id = 2; string source = 3;
  google.protobuf.Timestamp timestamp = 4; string tenant_id = 5; string user_id = 6;
  map<string, string> attributes = 7;
}
"""


def parse(text):
    return parse_catalog(text, "shop.yaml", JSON_SCHEMA)


def problems(text):
    with pytest.raises(CatalogError) as caught:
        parse(text)
    return caught.value.problems


def change(old, new):
    assert SHOP.count(old) >= 1
    return SHOP.replace(old, new, 1)
