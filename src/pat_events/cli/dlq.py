"""``pat-events dlq``."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.text import Text

from pat_events.catalog.load import load_catalog
from pat_events.catalog.model import DEAD_LETTER_SUFFIX
from pat_events.cli import completion
from pat_events.cli.exit_codes import FAILED
from pat_events.cli.options import Bootstrap, CatalogFile, Json, configure
from pat_events.cli.output import command, console, event_types_if_any, print_json, table
from pat_events.cli.usage import Command, Group
from pat_events.core.headers import KIP_1191_PREFIX, OWN_PREFIX
from pat_events.core.shown import one_line, printable
from pat_events.core.wording import counted
from pat_events.ops import dead_letters as ops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pat_events.ops.dead_letters import DeadLetterTopic, StoredLetter

_REASONS_MAX: Final = 10
# Characters of one fact or header that are shown; the facts of our own letters have fewer.
_FIELD_MAX: Final = 2_000

app = typer.Typer(cls=Group, no_args_is_help=True, help="Look at dead letters.")


@app.command("list", cls=Command)
@command
def list_topics(
    *, as_json: Json = False, bootstrap: Bootstrap = None, catalog: CatalogFile = None
) -> None:
    """List the dead-letter topics: how many letters, and for which reasons.

    Exit code 1 where a dead-letter topic of the catalogue may not be seen: it may hold some. In
    JSON a topic is a line, and "complete" is false where only a part was read for the reasons.

    Example:
      pat-events dlq list --bootstrap localhost:9092
      pat-events dlq list --json | jq -c 'select(.letters > 0)'
    """
    config, cluster = configure(bootstrap, catalog)
    found = ops.list_topics(cluster, load_catalog(config.catalog))
    if as_json:
        for topic in found.seen:
            print_json(asdict(topic))
    else:
        _show_counts(found.seen)
    if found.unseen:
        typer.echo(
            f"not permitted to see {', '.join(found.unseen)}: grant Describe and Read on what is "
            "there",
            err=True,
        )
        raise typer.Exit(FAILED)


def _show_counts(found: Sequence[DeadLetterTopic]) -> None:
    if not found:
        console.print(f"there is no topic that ends in {DEAD_LETTER_SUFFIX}")
        return
    shown = table("topic", "letters", "reasons", numbers=("letters",))
    for topic in found:
        reasons = ", ".join(
            f"{count} {reason}" for reason, count in list(topic.reasons.items())[:_REASONS_MAX]
        )
        if len(topic.reasons) > _REASONS_MAX:
            reasons += f", {len(topic.reasons) - _REASONS_MAX} more reasons"
        if not topic.complete:
            reasons += f" among the first {ops.MAX_COUNTED}"
        shown.add_row(topic.topic, str(topic.letters), reasons)
    console.print(shown)


@app.command("show", cls=Command)
@command
def show(
    *,
    topic: Annotated[
        str,
        typer.Argument(
            metavar="TOPIC",
            help="As 'dlq list' names it.",
            autocompletion=completion.dead_letter_topics,
        ),
    ],
    partition: Annotated[
        int | None, typer.Option("--partition", min=0, metavar="N", help="Only this partition.")
    ] = None,
    offset: Annotated[
        int | None,
        typer.Option("--offset", min=0, metavar="N", help="Only the letter at this offset."),
    ] = None,
    max_letters: Annotated[
        int, typer.Option("--max", min=1, metavar="N", help="Most letters.")
    ] = 10,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Show dead letters: the cause, where they came from, their headers and the event.

    Long headers are cut. 'pat-events consume' prints the same records whole, as JSON for programs.

    Example:
      pat-events dlq show pat-emails.email-processor.dlq
      pat-events dlq show pat-emails.email-processor.dlq --partition 0 --offset 41
    """
    config, cluster = configure(bootstrap, catalog)
    types = event_types_if_any(load_catalog(config.catalog))
    count = 0
    for letter in ops.show(
        cluster, types, topic, partition=partition, offset=offset, limit=max_letters
    ):
        count += 1
        _show(letter)
    if not count:
        console.print(f"{topic} holds no dead letters")


def _show(letter: StoredLetter) -> None:
    cause, record = letter.cause, letter.record
    facts = {
        "reason": f"{cause.reason} after {counted(cause.attempts, 'attempt')}",
        "error": f"{cause.error_class}: {cause.message}",
        "root cause": cause.root_cause_class,
        "group": cause.group,
        "handler": cause.handler,
        "came from": str(cause.origin or "unknown"),
        "published": _time(cause.timestamp_ms),
        "failed": f"{_time(cause.first_failed_ms)} to {_time(cause.last_failed_ms)}",
        "key": str(record["key"]),
    }
    if cause.value_sha256:
        facts["value"] = (
            f"too large for a letter, see where it came from: {cause.value_bytes} bytes, "
            f"SHA-256 {cause.value_sha256}"
        )
    console.print(Text(f"== {letter.position}", style="bold"), soft_wrap=True)
    for name, value in facts.items():
        _line(f"{name:<11}{one_line(value, _FIELD_MAX)}")
    _line("stack")
    _line("  " + cause.stacktrace.rstrip().replace("\n", "\n  "))
    _line("headers")
    for name, value in record["headers"].items():
        if not name.startswith((KIP_1191_PREFIX, OWN_PREFIX)):
            _line(f"  {one_line(name, _FIELD_MAX)}: {one_line(str(value), _FIELD_MAX)}")
    if "event" in record:
        _line("event")
        _line(json.dumps(record["event"], indent=2, ensure_ascii=False))
    else:
        _line(f"unreadable {one_line(record['error'])}")
        _line(f"bytes      {record['value_base64']} (base64)")


def _line(text: str) -> None:
    console.print(Text(printable(text)), soft_wrap=True)


def _time(milliseconds: int) -> str:
    if not milliseconds:
        return "unknown"
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + "Z"
