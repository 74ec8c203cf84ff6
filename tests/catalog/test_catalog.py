from dataclasses import replace

import pytest

from pat_events.catalog.model import Catalog, Group
from pat_events.errors import ConfigError, UnknownEventError
from tests.support.catalogs import SHOP, change, parse, problems


def test_a_catalogue_of_another_trade_is_read_completely():
    catalog = parse(SHOP)
    event = catalog.event("OrderPlaced")
    assert (event.full_name, event.topic, event.key) == (
        "shop.v1.OrderPlaced",
        "orders",
        "order_id",
    )
    assert event.targets == {"queues": ("packing",), "functions": ("pack",)}
    assert catalog.topics["orders"].retention_days == 7
    assert catalog.groups == {"packer": Group("packer", ("OrderPlaced",), ("OrderSent",))}
    assert catalog.queues["packing"].consumer_timeout_s == 60
    assert catalog.schedules["nightly"].input == {"operation": "count"}
    assert catalog.dead_letters.retention_days == 30


def test_a_queue_says_how_its_messages_are_kept_or_gets_what_suits_most():
    usual = parse(SHOP).queues["packing"]
    assert (usual.delay_s, usual.max_receive_count, usual.retention_days) == (0, 5, 7)
    assert usual.visibility_timeout_s is None
    own = "{delay_s: 30, max_receive_count: 3, retention_days: 14, visibility_timeout_s: 360, "
    queue = parse(change("{consumer_timeout_s: 60}", own + "consumer_timeout_s: 60}"))
    assert queue.queues["packing"] == replace(
        usual, delay_s=30, max_receive_count=3, retention_days=14, visibility_timeout_s=360
    )


BIG = """\
rules:
  big:
    event: OrderSent
    filter: {amount: [{numeric: [">", 100]}]}
    transform: {paths: {id: $.detail.order_id}, template: '{"order": <id>}'}
    targets: {queues: [packing], streams: [analytics]}
groups:
"""


def test_a_rule_is_for_some_of_an_events_occurrences_and_may_give_them_another_form():
    catalog = parse(change("groups:\n", BIG))
    rule = catalog.rules["big"]
    assert (rule.event, rule.filter) == ("OrderSent", {"amount": [{"numeric": [">", 100]}]})
    assert rule.transform == {"paths": {"id": "$.detail.order_id"}, "template": '{"order": <id>}'}
    assert rule.targets == {"queues": ("packing",), "streams": ("analytics",)}


def test_what_a_rule_names_has_to_be_there():
    text = change("groups:\n", BIG).replace("event: OrderSent", "event: OrderSend")
    assert problems(text.replace("queues: [packing], s", "queues: [packin], s")) == (
        "17: rules.big.event: there is no event 'OrderSend'; did you mean 'OrderSent'?",
        "20: rules.big.targets.queues[0]: there is no queue 'packin'; did you mean 'packing'?",
    )


@pytest.mark.parametrize("kind", ["workflows", "sns_topics", "streams", "buses", "endpoints"])
def test_an_event_with_a_target_of_any_kind_is_handed_on_by_the_bus(kind):
    text = change("targets: {queues: [packing], functions: [pack]}", f"targets: {{{kind}: [x]}}")
    assert parse(text).routed() == ("OrderPlaced",)


def test_an_event_that_only_a_rule_hands_on_is_handed_on():
    assert parse(change("groups:\n", BIG)).routed() == ("OrderPlaced", "OrderSent")


def test_an_unknown_event_is_answered_with_the_nearest_name():
    with pytest.raises(UnknownEventError, match="'OrderPlacd'; did you mean 'OrderPlaced'"):
        parse(SHOP).event("OrderPlacd")


def test_events_of_one_topic_name_it_once():
    assert parse(SHOP).topics_of(["OrderPlaced", "OrderSent"]) == ("orders",)


def test_an_event_is_found_with_and_without_its_package():
    catalog = parse(SHOP)
    assert catalog.event("shop.v1.OrderPlaced") is catalog.event("OrderPlaced")
    with pytest.raises(UnknownEventError, match="did you mean 'OrderPlaced'"):
        catalog.event("shop.v1.OrderPlacd")
    with pytest.raises(UnknownEventError, match=r"no event 'depot\.v1\.OrderPlaced'"):
        catalog.event("depot.v1.OrderPlaced")


def test_each_group_has_dead_letter_topics_of_its_own():
    assert parse(SHOP).dead_letter_topic("orders", "packer") == "orders.packer.dlq"
    assert parse(SHOP).dead_letter_topics("packer") == ("orders.packer.dlq",)


def test_beside_each_dead_letter_topic_is_a_retry_topic_and_of_each_group_an_audit_topic():
    assert parse(SHOP).retry_topic("orders", "packer") == "orders.packer.retry"
    assert parse(SHOP).retry_topics("packer") == ("orders.packer.retry",)
    assert parse(SHOP).audit_topic("packer") == "packer.audit"


@pytest.mark.parametrize("group", ["a b/../c", "packer\n", "p" * 239, "auftr\u00e4ge", "a\0b"])
def test_a_group_whose_dead_letter_topic_kafka_would_refuse_is_refused(group):
    with pytest.raises(ConfigError, match=r"is no topic name: rename the group or the topic"):
        Catalog.dead_letter_topic("orders", group)
    with pytest.raises(ConfigError, match=r"is no topic name: rename the group or the topic"):
        Catalog.retry_topic("orders", group)
    assert Catalog.dead_letter_topic("orders", "p" * 238).endswith(".dlq")
    assert Catalog.retry_topic("orders", "p" * 236).endswith(".retry")


def test_a_name_that_is_wrong_in_itself_is_reported_once():
    (problem,) = problems(SHOP.replace("packer", "pack er"))
    assert problem.startswith("16: groups.pack er: 'pack er' must be 1 to 249 letters")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "topic: orders",
            "topic: order",
            "9: events.OrderPlaced.topic: there is no topic 'order'; did you mean 'orders'?",
        ),
        (
            "queues: [packing]",
            "queues: [packin]",
            (
                "13: events.OrderPlaced.targets.queues[0]: there is no queue 'packin'; "
                "did you mean 'packing'?"
            ),
        ),
        (
            "consumes: [OrderPlaced]",
            "consumes: [OrderPlace]",
            (
                "16: groups.packer.consumes[0]: there is no event 'OrderPlace'; "
                "did you mean 'OrderPlaced'?"
            ),
        ),
        (
            "publishes: [OrderSent]",
            "publishes: [Moon]",
            "16: groups.packer.publishes[0]: there is no event 'Moon'",
        ),
        (
            "queue: packing",
            "queue: pack",
            "20: schedules.nightly.queue: there is no queue 'pack'; did you mean 'packing'?",
        ),
        (
            "    key: order_id",
            "    kee: order_id",
            "10: events.OrderPlaced.kee: unknown key; did you mean 'key'?",
        ),
        (
            "    key: order_id\n",
            "",
            "8: events.OrderPlaced: 'key' is a required property",
        ),
        (
            "partitions: 3",
            "partitions: many",
            "5: topics.orders.partitions: must be of type integer, not 'many'",
        ),
        (
            "partitions: 3",
            "partitions: 999999999999",
            ("5: topics.orders.partitions: 999999999999 is greater than the maximum of 10000"),
        ),
        (
            "source: shop.web",
            "source: aws.web",
            (
                "11: events.OrderPlaced.source: 'aws.web' must be 1 to 256 letters, digits, '.', "
                "'_', '/' or '-' and not begin with 'aws.', which EventBridge keeps for itself"
            ),
        ),
        (
            "key: order_id",
            "key: order-id",
            (
                "10: events.OrderPlaced.key: 'order-id' must be a letter or '_', then letters, "
                "digits and '_'"
            ),
        ),
        (
            "python_module: shop.events",
            "python_module: shop/events",
            "3: python_module: 'shop/events' must be a dotted Python module, such as shop.events",
        ),
        (
            "  packing: {",
            "  packing: {consumer_timeout_s: 1}\n  packing: {",
            "19: queues.packing: is already on line 18",
        ),
        (
            "  packing: {",
            "  7: {}\n  packing: {",
            "18: queues.7: a key must be text: put it in quotes",
        ),
        (
            "{consumer_timeout_s: 60}",
            "{consumer_timeout_s: 60, visibility_timeout_s: 359}",
            (
                "18: queues.packing.visibility_timeout_s: must be at least 6 times "
                "consumer_timeout_s, or the message of a slow consumer is given to a second one"
            ),
        ),
        (
            "operation: count",
            "run: !!python/name:os.system x",
            "20: tags (!name) are not allowed: write the value alone",
        ),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_reason(old, new, problem):
    assert problem in problems(change(old, new))


@pytest.mark.parametrize("name", [".", "..", "a" * 250, "bestell ungen", "aufträge"])
def test_a_topic_name_that_kafka_refuses_is_refused(name):
    (problem,) = problems(
        change("topics:\n", f"topics:\n  '{name}': {{partitions: 1, retention_days: 1}}\n")
    )
    assert problem.startswith("5: topics.")
    assert problem.endswith(
        "must be 1 to 249 letters, digits, '.', '_' or '-', and not '.' or '..'"
    )


def test_a_topic_whose_retry_topic_would_be_too_long_is_refused():
    topic = "o" * 237
    fits = SHOP.replace("orders", topic)
    assert parse(fits.replace("packer", "p" * 5)).topics
    (problem,) = problems(fits.replace("packer", "p" * 6))
    assert problem.startswith("16: groups.pppppp.consumes[0]: retry topic ")
    assert "(250 characters) is no topic name: rename the group or the topic" in problem


ROUTED = change("publishes: [OrderSent]", "dead_letter_routes: [bad-data, late]")


def test_each_route_of_a_group_is_a_dead_letter_topic_more():
    assert parse(ROUTED).dead_letter_topics("packer") == (
        "orders.packer.dlq",
        "orders.packer.bad-data.dlq",
        "orders.packer.late.dlq",
    )


def test_a_route_that_makes_the_topic_of_another_group_is_refused():
    another = "  packer.late: {consumes: [OrderPlaced]}\n  packer:"
    (problem,) = problems(ROUTED.replace("  packer:", another))
    assert problem.endswith("its topics would be those of the group 'packer.late'")


@pytest.mark.parametrize("route", ["a.b", "", "a b"])
def test_a_route_that_is_no_word_is_refused(route):
    (problem,) = problems(ROUTED.replace("bad-data", repr(route)))
    assert "groups.packer.dead_letter_routes[0]" in problem


def test_groups_whose_names_would_make_one_retry_topic_of_two_are_refused():
    topic = "topics:\n  orders.packer: {partitions: 1, retention_days: 7, description: More.}\n"
    text = change("topics:\n", topic).replace(
        "OrderSent: {topic: orders,", "OrderSent: {topic: orders.packer,"
    )
    two = "groups:\n  packer.late: {consumes: [OrderPlaced]}\n  late: {consumes: [OrderSent]}\n"
    (problem,) = problems(text.replace("groups:\n", two))
    assert problem.endswith(
        "groups.late: its retry topic 'orders.packer.late.retry' is that of the group packer.late "
        "as well; rename one"
    )


def test_a_topic_with_the_name_of_a_retry_topic_is_refused():
    name = "orders.packer.retry"
    topic = f"topics:\n  {name}: {{partitions: 1, retention_days: 7, description: More.}}\n"
    (problem,) = problems(change("topics:\n", topic))
    assert problem.endswith(
        f"topics.{name}: has the name of a retry topic of the group packer; rename it"
    )


def test_every_problem_is_reported_at_once_in_the_order_of_the_file():
    text = change("topic: orders", "topic: order")
    text = text.replace("partitions: 3", "partitions: 0").replace("[OrderSent]", "[OrderSend]")
    assert [problem.split(":")[0] for problem in problems(text)] == ["5", "9", "16"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("version: [1", "1: while parsing a flow sequence, expected ',' or ']', but got"),
        ("version: 1\n\tpackage: x", "2: while scanning for the next token, found character"),
        ("version: 1\n---\nversion: 1", "2: expected a single document in the stream, but found"),
        ("version: \x00", "1: unacceptable character"),
        ("", "1: must be of type object, not None"),
        ("- version", "1: must be of type object, not ['version']"),
    ],
)
def test_text_that_is_no_catalogue_is_refused_with_its_line(text, problem):
    (found,) = problems(text)
    assert found.startswith(problem)


def test_aliases_that_unfold_to_gigabytes_are_refused():
    bomb = "a0: &a0 [x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)
    )
    assert problems(bomb) == ("2: aliases (*name) are not allowed: write it out",)


def test_nesting_without_end_is_refused_before_it_exhausts_the_stack():
    assert problems("[" * 100_000) == ("1: nested too deeply",)


def test_wrong_types_are_the_only_complaint_about_a_broken_part():
    assert problems(change("events:\n", "events: none\nunused:\n")) == (
        "7: events: must be of type object, not 'none'",
        "8: unused: unknown key",
        "17: groups.packer.consumes[0]: there is no event 'OrderPlaced'",
        "17: groups.packer.publishes[0]: there is no event 'OrderSent'",
    )
