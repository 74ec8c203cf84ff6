import sys
from dataclasses import replace
from importlib import resources
from types import ModuleType

import pytest

from pat_events import events
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.lines import CatalogLines
from pat_events.catalog.load import load_catalog
from pat_events.catalog.model import EventType
from pat_events.errors import CatalogError, ConfigError, UnknownEventError
from tests.support.catalogs import SHOP_METADATA

ORDER_PLACED = EventType(
    "OrderPlaced", "shop.v1.OrderPlaced", "orders", "order_id", "shop.web", "Order Placed"
)
NO_METADATA = (
    "events.OrderPlaced: shop_events.OrderPlaced has no message field 'metadata'; "
    "every event carries one"
)


@pytest.fixture
def shop(monkeypatch, classes_of):
    """A catalogue of another trade whose module holds the messages of the given text."""

    def make(text):
        module = ModuleType("shop_events")
        for name, cls in classes_of(SHOP_METADATA + text).items():
            setattr(module, name.rpartition(".")[2], cls)
        monkeypatch.setitem(sys.modules, "shop_events", module)
        return replace(
            load_catalog(),
            package="shop.v1",
            python_module="shop_events",
            events={"OrderPlaced": ORDER_PLACED},
            lines=CatalogLines("shop.yaml", {(): 1, ("events",): 6, ("events", "OrderPlaced"): 7}),
        )

    return make


def test_every_event_of_the_packaged_catalogue_has_its_class():
    types = EventTypes(load_catalog())
    known = {field.message_type.full_name.encode() for field in events.PatEvent.DESCRIPTOR.fields}
    assert types.by_full_name.keys() == known
    for full_name, binding in types.by_full_name.items():
        assert binding.message_class.DESCRIPTOR.full_name.encode() == full_name


def test_the_key_is_read_from_the_field_that_the_catalogue_names():
    binding = EventTypes(load_catalog()).of(events.WorkflowTriggered)
    assert binding.key_of(events.WorkflowTriggered(workflow_id="w-1")) == "w-1"


def test_an_event_and_its_class_have_the_same_binding():
    types = EventTypes(load_catalog())
    assert types.of(events.EmailDeleted()) is types.of(events.EmailDeleted)


def test_a_message_that_is_no_event_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownEventError, match=r"PatEvent is no event .* mean 'TenantEvent'"):
        EventTypes(load_catalog()).of(events.PatEvent)


def test_another_trade_brings_its_own_events(shop):
    types = EventTypes(shop("message OrderPlaced { Metadata metadata = 1; string order_id = 2; }"))
    binding = types.by_full_name[b"shop.v1.OrderPlaced"]
    assert binding.event_type == ORDER_PLACED
    assert binding.key_of(binding.message_class(order_id="o-1")) == "o-1"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "message OrderPlace {}",
            (
                "events.OrderPlaced: shop_events has no message class of that name; "
                "did you mean 'OrderPlace'?"
            ),
        ),
        (
            "message OrderPlaced { Metadata metadata = 1; string orderid = 2; }",
            (
                "events.OrderPlaced.key: shop_events.OrderPlaced has no field 'order_id'; "
                "did you mean 'orderid'?"
            ),
        ),
        (
            "message OrderPlaced { Metadata metadata = 1; int64 order_id = 2; }",
            "events.OrderPlaced.key: shop_events.OrderPlaced.order_id must be a string field",
        ),
        (
            "message OrderPlaced { Metadata metadata = 1; repeated string order_id = 2; }",
            "events.OrderPlaced.key: shop_events.OrderPlaced.order_id must be a string field",
        ),
        (
            "message OrderPlaced { string order_id = 2; }",
            NO_METADATA,
        ),
        (
            "message OrderPlaced { string metadata = 1; string order_id = 2; }",
            NO_METADATA,
        ),
        (
            (
                "message Id { string event_id = 1; } "
                "message OrderPlaced { Id metadata = 1; string order_id = 2; }"
            ),
            "events.OrderPlaced: shop_events.OrderPlaced: shop.v1.Id needs the field 'tenant_id'",
        ),
    ],
)
def test_a_class_that_the_catalogue_cannot_use_is_refused(shop, text, problem):
    with pytest.raises(CatalogError) as caught:
        EventTypes(shop(text))
    assert f"7: {problem}" in caught.value.problems


def test_what_the_module_does_not_bear_out_is_named_with_its_line(tmp_path):
    text = (resources.files("pat_events") / "schemas" / "catalog.yaml").read_text("utf-8")
    lines = text.splitlines()
    at = lines.index("    key: workflow_id")
    lines[at] = "    key: workflowid"
    file = tmp_path / "own.yaml"
    file.write_text("\n".join(lines), "utf-8")
    catalog = load_catalog(file)
    with pytest.raises(CatalogError) as caught:
        EventTypes(catalog)
    assert str(caught.value) == (
        f"{file}:{at + 1}: events.WorkflowTriggered.key: pat_events.events.WorkflowTriggered has "
        "no field 'workflowid'; did you mean 'workflow_id'?"
    )


def test_a_class_of_another_package_is_refused(shop):
    catalog = shop("message OrderPlaced { Metadata metadata = 1; string order_id = 2; }")
    elsewhere = replace(ORDER_PLACED, full_name="depot.v1.OrderPlaced")
    with pytest.raises(
        ConfigError, match=r"is shop\.v1\.OrderPlaced, by the catalogue it is depot"
    ):
        EventTypes(replace(catalog, events={"OrderPlaced": elsewhere}))


def test_a_module_that_is_not_there_is_named():
    catalog = replace(load_catalog(), python_module="no_such.events")
    with pytest.raises(ConfigError, match=r"'no_such\.events' cannot be imported"):
        EventTypes(catalog)


def test_a_catalogue_file_is_read_from_where_the_caller_says(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("version: 1", "utf-8")
    with pytest.raises(CatalogError, match=f"{file}:1: 'topics' is a required property"):
        load_catalog(file)


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_catalogue_file_that_cannot_be_read_is_named(tmp_path, content):
    file = tmp_path / "own.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"the catalogue {file} cannot be read"):
        load_catalog(file)
