"""A record as somebody reads it: its headers, and the event or why there is none."""

from __future__ import annotations

import enum
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from pat_events.cli.output import console, event_types_if_any, print_json, say
from pat_events.core.foreign_letters import FOREIGN_PREFIXES
from pat_events.core.headers import OF_LETTERS
from pat_events.core.shown import one_line, printable
from pat_events.core.wording import counted
from pat_events.ops.event_classes import event_types
from pat_events.ops.json_records import record_as_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pat_events.catalog.binding import EventTypes
    from pat_events.catalog.model import Catalog
    from pat_events.core.record import Delivery
    from pat_events.core.stored_cause import StoredCause

# Characters of one fact or header that are shown; the facts of our own letters have fewer.
_FIELD_MAX: Final = 2_000


def show_title(title: str) -> None:
    """Print what a record is called."""
    console.print(Text(f"== {title}", style="bold"), soft_wrap=True)


def show_facts(facts: Mapping[str, str]) -> None:
    """Print what is known of a record besides its content."""
    for name, value in facts.items():
        show_line(f"{name:<11}{one_line(value, _FIELD_MAX)}")


def cause_facts(cause: StoredCause) -> dict[str, str]:
    """Return what a dead letter tells of its cause, but for the stack; others' where they do."""
    attempts = counted(cause.attempts, "attempt")
    facts = {
        "reason": f"{cause.reason} after {attempts}",
        "error": f"{cause.error_class}: {cause.message}",
        "root cause": cause.root_cause_class,
        "group": cause.group,
        "handler": cause.handler,
        "came from": str(cause.origin or "unknown"),
        "published": shown_time(cause.timestamp_ms),
        "failed": f"{shown_time(cause.first_failed_ms)} to {shown_time(cause.last_failed_ms)}",
    }
    if cause.writer:
        told = f"{cause.reason or 'untold'}{f' after {attempts}' if cause.attempts else ''}"
        facts = {"written by": cause.writer, **facts, "reason": told}
        del facts["failed"]
        facts = {name: fact for name, fact in facts.items() if fact}
    if cause.replays:
        facts["replayed"] = f"{counted(cause.replays, 'time')} before"
    if cause.value_sha256:
        facts["value"] = (
            f"too large for a letter, see where it came from: {cause.value_bytes} bytes, "
            f"SHA-256 {cause.value_sha256}"
        )
    return facts


def show_stack(cause: StoredCause) -> None:
    """Print where a handler was when it failed."""
    if not cause.stacktrace and cause.writer:
        return
    show_line("stack")
    show_line("  " + cause.stacktrace.rstrip().replace("\n", "\n  "))


def show_content(record: Mapping[str, Any]) -> None:
    """Print headers and event of what ``record_as_json`` made; a cause was shown already."""
    show_line("headers")
    for name, value in record["headers"].items():
        if not name.startswith(OF_LETTERS + FOREIGN_PREFIXES):
            show_line(f"  {one_line(name, _FIELD_MAX)}: {one_line(str(value), _FIELD_MAX)}")
    if "event" in record:
        show_line("event")
        show_line(json.dumps(record["event"], indent=2, ensure_ascii=False))
    else:
        show_line(f"unreadable {one_line(record['error'])}")
        show_line(f"bytes      {record['value_base64']} (base64)")


def show_line(text: str) -> None:
    """Print text of any origin as it is."""
    console.print(Text(printable(text)), soft_wrap=True)


def shown_time(milliseconds: int) -> str:
    """Return a time in milliseconds since 1970 as text; 0 is none."""
    if not milliseconds:
        return "unknown"
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + "Z"


class Format(enum.StrEnum):
    """What a line has of a record."""

    RECORD = "record"
    EVENT = "event"


def types_shown(catalog: Catalog, shown: Format) -> EventTypes | None:
    """Return the events of a catalogue; None where only bytes can be shown, and may be."""
    return event_types_if_any(catalog) if shown is Format.RECORD else event_types(catalog)


def show_record(types: EventTypes | None, delivery: Delivery, shown: Format) -> bool:
    """Print a record as a line of JSON; tells whether it was not left out."""
    record = record_as_json(types, delivery)
    if shown is Format.RECORD:
        print_json(record)
    elif "event" in record:
        print_json(record["event"])
    else:
        say(f"{delivery.position} is left out: {record['error']}")
        return False
    return True
