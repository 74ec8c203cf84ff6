"""Whatever the text holds: a catalogue, or a CatalogError with lines of bounded length."""

import pytest

from pat_events.catalog.file import parse_catalog
from pat_events.errors import CatalogError
from tests.support.catalogs import JSON_SCHEMA, SHOP, change, parse, problems


@pytest.mark.parametrize(
    "value",
    [
        '!!int ""',
        '!!float ""',
        "!!timestamp foo",
        "!!bool maybe",
        "!!binary x",
        "!!set {a}",
        "!own x",
        "! x",
        "{? !!str {a: b} : 1}",
        "!!str {a: b}",
        "!!map [a]",
    ],
)
def test_a_tag_is_refused_with_its_line(value):
    (problem,) = problems(change("operation: count", f"operation: {value}"))
    assert problem == "20: tags (!name) are not allowed: write the value alone"


@pytest.mark.parametrize(
    "number",
    [
        "3.0",
        "012",
        "1:30",
        "1_0",
        "0b11",
        "0x10",
        "0o7",
        "+3",
        "3e0",
        '"3"',
        "3 d",
        "yes",
        "'3\n  '",
    ],
)
def test_a_whole_number_is_written_in_decimal_digits_alone(number):
    (problem,) = problems(change("partitions: 3", f"partitions: {number}"))
    assert problem.startswith("5: topics.orders.partitions: must be of type integer, not ")


@pytest.mark.parametrize("boolean", ["yes", "on", "y", "1", '"true"'])
def test_a_boolean_is_true_or_false(boolean):
    (problem,) = problems(
        change("consumer_timeout_s: 60", f"consumer_timeout_s: 60, fifo: {boolean}")
    )
    assert problem.startswith("18: queues.packing.fifo: must be of type boolean, not ")


def test_the_version_is_a_whole_number():
    assert problems(change("version: 1", "version: 1.0"))[0].startswith("1: version: ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-13-01", "2026-13-01"),
        ("012", "012"),
        ("<<", "<<"),
        ("=", "="),
        (".inf", ".inf"),
        ("", None),
        ("~", None),
        ("False", False),
        ("-0", 0),
        ("-12", -12),
        ("1e3", 1000.0),
        ("-0.5E-1", -0.05),
    ],
)
def test_what_is_no_number_boolean_or_null_is_text(text, value):
    (schedule,) = parse(change("operation: count", f"operation: {text}")).schedules.values()
    assert schedule.input == {"operation": value}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("1e400", "is a larger number than there is"),
        ("9" * 5_000, "Exceeds the limit (4300 digits)"),
        ('"\\ud800"', "'utf-8' codec can't encode character"),
    ],
    ids=["infinite", "digits", "surrogate"],
)
def test_a_value_that_no_event_could_carry_is_refused_with_its_place(value, reason):
    (problem,) = problems(change("operation: count", f"operation: {value}"))
    assert problem.startswith(f"20: schedules.nightly.input.operation: {reason}")


def test_hexadecimal_digits_without_end_are_text():
    (schedule,) = parse(
        change("operation: count", f"operation: 0x{'f' * 5_000}")
    ).schedules.values()
    assert schedule.input["operation"].startswith("0xff")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('version: 1\npackage: "\\UFFFFFFFF"', 2),
        ('version: 1\npackage: "\\U00110000"', 2),
        ("version: 1\npackage: \x00", 2),
        ("version: 1\n%YAML 9.9", 2),
        ("version: 1\npackage: [1\n", 3),
    ],
)
def test_text_that_is_no_yaml_is_refused_with_its_line(text, line):
    (problem,) = problems(text)
    assert problem.startswith(f"{line}: ")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("package: shop.v1", 'package: "shop.v1\\n"'),
        ("python_module: shop.events", 'python_module: "shop.events\\n"'),
        ("  OrderSent:", '  "OrderSent\\n":'),
        ("key: order_id", 'key: "order_id\\n"'),
        ("source: shop.web", 'source: "shop.web\\n"'),
        ("cron: 'cron(0 3 * * ? *)'", 'cron: "cron(0 3 * * ? *)\\n"'),
        ("  packing:", '  "packing\\n": {consumer_timeout_s: 60}\n  packing:'),
        ("  orders:", '  "orders\\n": {partitions: 1, retention_days: 1}\n  orders:'),
        ("  packer:", '  "packer\\n": {consumes: [OrderSent]}\n  packer:'),
    ],
)
def test_no_name_ends_in_a_newline(old, new):
    assert any("must be " in problem for problem in problems(change(old, new)))


def test_no_problem_is_longer_than_a_screen():
    name, long = "x" * 1_000, "y" * 1_000_000  # A plain key of YAML has 1,024 characters.
    text = change("  OrderSent:", f"  {name}:").replace("orders:", f"{name}:")
    text = text.replace("detail_type: Order Placed", f"detail_type: {long}")
    text = text.replace("version: 1", f"version: 1\n{name}: 1\n? {long}\n: 1\n3{name}: {{}}\n3: 1")
    found = problems(text)
    assert len(found) > 5
    assert max(map(len, found)) < 1_000


def test_no_problem_has_more_than_one_line():
    found = problems(change("  OrderSent:", '  "a\\nb\\u2028c":'))
    assert all(len(problem.splitlines()) == 1 for problem in found)


def test_every_pattern_of_the_schema_is_for_the_whole_text():
    patterns = []

    def collect(part):
        if isinstance(part, dict):
            patterns.extend(p for key, p in part.items() if key == "pattern" and isinstance(p, str))
            part = list(part.values())
        if isinstance(part, list):
            for each in part:
                collect(each)

    collect(JSON_SCHEMA)
    assert len(patterns) > 5
    assert all(p.startswith("^") and p.endswith("$") for p in patterns)


def test_deep_and_long_text_is_refused_in_bounded_time():
    for text in ("? " * 100_000, "- " * 100_000, "{a: " * 100_000, "[" * 20 + SHOP):
        with pytest.raises(CatalogError):
            parse_catalog(text, "shop.yaml", JSON_SCHEMA)
