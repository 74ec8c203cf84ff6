"""The schema of today against the last released one."""

from pathlib import Path

import pytest

SCHEMAS = Path(__file__).parents[2] / "schemas"
RELEASED = max((SCHEMAS / "released").iterdir(), key=lambda folder: int(folder.name))
BEFORE = """
syntax = "proto3"; package shop.v1;
enum Color { COLOR_UNSPECIFIED = 0; COLOR_RED = 1; }
enum Size { reserved 4; SIZE_UNSPECIFIED = 0; }
message Gift { reserved 7 to 9; reserved "card"; }
message Order { string id = 1; int32 count = 2; oneof way { string air = 3; string sea = 4; } }
"""


def own(file_set):
    return file_set.file[-1]


def by_name(parts):
    return {part.name: part for part in parts}


def named_messages(messages, prefix=""):
    for message in messages:
        yield f"{prefix}{message.name}", message
        yield from named_messages(message.nested_type, f"{prefix}{message.name}.")


def is_reserved(part, number, name):
    return name in part.reserved_name and any(
        number in range(span.start, span.end) for span in part.reserved_range
    )


def freed(name, then, now):
    """What was reserved, and is not any more: an old reader takes it for what it once was."""
    for span in then.reserved_range:
        if not any(s.start <= span.start and span.end <= s.end for s in now.reserved_range):
            yield f"{name} {span.start}"
    for reserved in then.reserved_name:
        if reserved not in now.reserved_name:
            yield f"{name} {reserved}"


def breaks(then, now):
    """What a reader or writer of the older version would trip over."""
    found = [] if then.package == now.package else ["package"]
    messages = dict(named_messages(now.message_type))
    for name, message in named_messages(then.message_type):
        if name not in messages:
            found.append(name)
            continue
        fields = {field.number: field for field in messages[name].field}
        for field in message.field:
            place, same = f"{name}.{field.name}", fields.get(field.number)
            if same is None:
                if not is_reserved(messages[name], field.number, field.name):
                    found.append(place)
            elif same.SerializeToString() != field.SerializeToString():
                found.append(place)
        found += freed(name, message, messages[name])
        oneofs = [oneof.name for oneof in messages[name].oneof_decl]
        found += [f"{name}.{one.name}" for one in message.oneof_decl if one.name not in oneofs]
    enums = by_name(now.enum_type)
    for enum in then.enum_type:
        kept = by_name(enums[enum.name].value) if enum.name in enums else {}
        found += [
            f"{enum.name}.{value.name}"
            for value in enum.value
            if value.name not in kept or kept[value.name].number != value.number
        ]
        if enum.name in enums:
            found += freed(enum.name, enum, enums[enum.name])
    return found


def test_no_field_of_the_last_release_has_changed(compile_proto):
    then, now = (
        own(compile_proto((folder / "events.proto").read_text("utf-8")))
        for folder in (RELEASED, SCHEMAS)
    )
    assert breaks(then, now) == []


@pytest.mark.parametrize(
    ("old", "new", "broken"),
    [
        ("int32 count = 2", "int64 count = 2", ["Order.count"]),
        ("int32 count = 2", "int32 number = 2", ["Order.count"]),
        ("int32 count = 2", "int32 count = 5", ["Order.count"]),
        ("int32 count = 2", "repeated int32 count = 2", ["Order.count"]),
        ("int32 count = 2;", "", ["Order.count"]),
        ("int32 count = 2;", "reserved 2;", ["Order.count"]),
        (
            "string id = 1; ",
            "oneof way2 { string id = 1; }",
            ["Order.id", "Order.air", "Order.sea"],
        ),
        ("COLOR_RED = 1", "COLOR_RED = 2", ["Color.COLOR_RED"]),
        ("COLOR_RED = 1;", "", ["Color.COLOR_RED"]),
        ("message Order", "message Ordre", ["Order"]),
        ("shop.v1", "shop.v2", ["package"]),
        ("reserved 7 to 9;", "reserved 7; string ribbon = 8;", ["Gift 7"]),
        ('reserved "card";', "", ["Gift card"]),
        ("reserved 4;", "", ["Size 4"]),
        ("reserved 7 to 9;", "reserved 6 to 20;", []),
        ("int32 count = 2;", 'reserved 2; reserved "count";', []),
        ("int32 count = 2;", "int32 count = 2; bool gift = 5;", []),
        ("COLOR_RED = 1;", "COLOR_RED = 1; COLOR_BLUE = 2;", []),
    ],
)
def test_a_change_that_breaks_an_older_reader_is_noticed(compile_proto, old, new, broken):
    assert BEFORE.count(old) == 1
    then, now = own(compile_proto(BEFORE)), own(compile_proto(BEFORE.replace(old, new)))
    assert breaks(then, now) == broken
