"""What a catalogue is refused for before a plan: all of it at once, with its lines."""

import re
from pathlib import Path

import pytest

from pat_events.catalog.load import check_catalog, load_catalog
from pat_events.errors import CatalogError
from tests.support.catalogs import change

TERRAFORM = Path(__file__).parents[2] / "terraform"


def refused(tmp_path, text):
    file = tmp_path / "shop.yaml"
    file.write_text(text)
    with pytest.raises(CatalogError) as caught:
        check_catalog(file)
    return caught.value.problems


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("    targets:", "    target:", "13: events.OrderPlaced.target: unknown key"),
        ("schedules:", "schedule:", "19: schedule: unknown key; did you mean 'schedules'?"),
        ("queues:\n", "queus:\n", "17: queus: unknown key; did you mean 'queues'?"),
        (
            "  OrderSent: {",
            "  OrderPlaced: {topic: orders}\n  OrderSent: {",
            "14: events.OrderPlaced: is already on line 8",
        ),
        ("partitions: 3", "partitions: 0", "5: topics.orders.partitions: 0 is less than"),
        (
            "source: shop.depot, detail_type: Order Sent",
            "source: shop.web, detail_type: Order Placed",
            (
                "14: events.OrderSent.detail_type: 'Order Placed' of source 'shop.web' is taken "
                "by OrderPlaced: their rules would catch each other's events"
            ),
        ),
        (
            "packing: {consumer_timeout_s: 60}",
            "packing: {consumer_timeout_s: 60, fifo: true}",
            (
                "20: schedules.nightly.queue: 'packing' is a FIFO queue, which needs a message "
                "group that a clock does not have"
            ),
        ),
        (
            "retention_days: 7",
            "retention_days: 6",
            (
                "5: topics.orders.retention_days: keeps events less than 7 days, which the "
                "platform promises"
            ),
        ),
        (
            "retention_days: 30",
            "retention_days: 6",
            (
                "6: dead_letters.retention_days: keeps them less than 7 days, which the "
                "platform promises"
            ),
        ),
        (
            "  packing: {",
            "  packing-dlq: {consumer_timeout_s: 1}\n  packing: {",
            (
                "19: queues.packing: its dead-letter queue 'packing-dlq' has the name of the queue "
                "'packing-dlq'; rename one"
            ),
        ),
        (
            "  packing: {",
            "  undelivered: {consumer_timeout_s: 1}\n  packing: {",
            (
                "18: queues.undelivered: has the name of the bus's dead-letter queue, "
                "'undelivered'; rename it"
            ),
        ),
        (
            "  OrderSent: {",
            "  ORderSent: {topic: orders, key: k, source: s, detail_type: d}\n  OrderSent: {",
            "15: events.OrderSent: its rule 'order-sent' has the name of the rule of ORderSent",
        ),
        (
            "groups:",
            "rules: {order-placed: {event: OrderPlaced, targets: {functions: [f]}}}\ngroups:",
            "15: rules.order-placed: has the name of a rule of OrderPlaced; rename one",
        ),
        (
            "groups:",
            "rules: {order-placed-2: {event: OrderPlaced, targets: {functions: [f]}}}\ngroups:",
            "15: rules.order-placed-2: has the name of a rule of OrderPlaced; rename one",
        ),
        (
            "groups:",
            "rules: {Big: {event: OrderPlaced, targets: {workflows: [w]}}}\ngroups:",
            "15: rules.Big: 'Big' must be 1 to 62 lower-case letters, digits or '-'",
        ),
        (
            "groups:",
            "rules: {big: {event: OrderPlaced, targets: {workflows: [W]}}}\ngroups:",
            "15: rules.big.targets.workflows[0]: 'W' must be lower-case letters, digits and '-'",
        ),
    ],
)
def test_what_a_plan_would_pass_over_is_refused_with_its_line(tmp_path, old, new, problem):
    found = refused(tmp_path, change(old, new))
    assert any(line.startswith(problem) for line in found), found


def test_all_of_it_is_told_in_one_run_in_the_order_of_the_file(tmp_path):
    text = change("    targets:", "    target:").replace("partitions: 3", "partitions: 0")
    text = text.replace("retention_days: 30", "retention_days: 6").replace("cron(0", "cron(99")
    assert [line.split(":")[0] for line in refused(tmp_path, text)] == ["5", "6", "13", "20"]


def test_queues_of_one_name_and_another_order_are_two_queues(tmp_path):
    fifo = "  packing-dlq: {consumer_timeout_s: 1, fifo: true}\n"
    text = change("  packing: {", f"{fifo}  packing: {{")
    (tmp_path / "shop.yaml").write_text(text)
    assert set(check_catalog(tmp_path / "shop.yaml").queues) == {"packing", "packing-dlq"}


def test_what_the_platform_on_aws_asks_for_is_not_asked_of_a_service_on_kafka(tmp_path):
    file = tmp_path / "shop.yaml"
    file.write_text(change("retention_days: 7", "retention_days: 1"))
    assert load_catalog(file).topics["orders"].retention_days == 1


def test_what_terraform_tells_the_check_tells_too():
    file = TERRAFORM / "tests" / "catalogs" / "faulty.yaml"
    with pytest.raises(CatalogError) as caught:
        check_catalog(file)
    tests = (TERRAFORM / "tests" / "platform.tftest.hcl").read_text("utf-8")
    told = re.search(r"catalog_faults\) == join\(\"\\n\", \[\n(.*?)\]\)", tests, re.DOTALL)[1]
    places = re.findall(r"\b(?:events|rules|queues|topics|groups|schedules)\.[\w-]+", told)
    assert len(places) > 25
    problems = "\n".join(caught.value.problems)
    assert [place for place in places if place not in problems] == []


def test_a_name_that_aws_has_no_room_for_is_refused(tmp_path):
    name = "OrderThatIsPlacedByACustomerWhoIsAnImportantOneOfLongStandingHere"
    assert any(
        f"events.{name}: its rule" in line
        for line in refused(
            tmp_path, change("OrderPlaced", name).replace("[OrderPlaced]", f"[{name}]")
        )
    )
    text = change("functions: [pack]", "workflows: [Pack_Order]")
    assert refused(tmp_path, text) == (
        (
            "13: events.OrderPlaced.targets.workflows[0]: 'Pack_Order' must be lower-case letters, "
            "digits and '-'"
        ),
    )


def test_the_packaged_catalogue_and_those_of_the_infrastructures_tests_are_good():
    assert check_catalog().events
    assert check_catalog(TERRAFORM / "tests" / "catalogs" / "shop.yaml").events
