"""``pat-events consume``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli import completion
from pat_events.cli.options import Bootstrap, CatalogFile, Since, configure
from pat_events.cli.output import command, say
from pat_events.cli.shown_records import Format, show_record, types_shown
from pat_events.ops.tail import AtOffset, Last, RecordFilter, tail

if TYPE_CHECKING:
    from datetime import datetime

    from pat_events.ops.tail import Begin


@command
def consume(
    *,
    topics: Annotated[
        list[str],
        typer.Argument(metavar="TOPIC", help="What to read.", autocompletion=completion.topics),
    ],
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Begin with the oldest record there is.")
    ] = False,
    last: Annotated[
        int | None,
        typer.Option(
            "--last", min=1, metavar="N", help="Begin N records before the end of each partition."
        ),
    ] = None,
    since: Since = None,
    offset: Annotated[
        int | None,
        typer.Option("--offset", min=0, metavar="N", help="Begin at this offset of --partition."),
    ] = None,
    partition: Annotated[
        int | None, typer.Option("--partition", min=0, metavar="N", help="Only this partition.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="KEY", help="Only records of this key."),
    ] = None,
    event_type: Annotated[
        str | None,
        typer.Option(
            "--type",
            autocompletion=completion.events,
            metavar="EVENTTYPE",
            help="Only these events: EmailReceived, or with its package as records show it.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--max", min=1, metavar="N", help="Stop after N records.")
    ] = None,
    idle_timeout_s: Annotated[
        float | None,
        typer.Option(
            "--idle-timeout",
            min=0.0,
            metavar="S",
            help="Stop when nothing came for S seconds.",
        ),
    ] = None,
    shown: Annotated[
        Format,
        typer.Option(
            "--format", help="The whole record, or the event alone, as 'publish' takes it."
        ),
    ] = Format.RECORD,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Tail topics as JSON lines; joins no group and commits nothing.

    Without an option that says where to begin, only what comes from now on is read. It goes on
    until Ctrl-C, --max or --idle-timeout.

    A line has the record's place, its envelope and headers, and the event; or, where that cannot
    be read, why not and the bytes in base64. With --format event such a record is left out, and
    said on standard error.

    Example:
      pat-events consume pat-emails
      pat-events consume pat-emails --since 10m --type EmailReceived
      pat-events consume pat-emails --last 5 --idle-timeout 2 | jq .event.subject
      pat-events consume pat-emails --partition 3 --offset 1041 --max 1
      pat-events consume pat-emails --from-beginning --key e-17 --format event
    """
    begin = _begin(topics, partition, offset, last, since, from_beginning=from_beginning)
    config, cluster = configure(bootstrap, catalog)
    entries = load_catalog(config.catalog)
    full_name = None if event_type is None else entries.event(event_type).full_name
    types = types_shown(entries, shown)
    deliveries = tail(
        cluster,
        topics,
        begin=begin,
        wanted=RecordFilter(partition, None if key is None else key.encode(), full_name),
        limit=limit,
        idle_timeout_s=idle_timeout_s,
        on_quiet=_say_waiting,
    )
    for delivery in deliveries:
        show_record(types, delivery, shown)


def _begin(
    topics: list[str],
    partition: int | None,
    offset: int | None,
    last: int | None,
    since: datetime | None,
    *,
    from_beginning: bool,
) -> Begin:
    if sum((from_beginning, last is not None, since is not None, offset is not None)) > 1:
        raise typer.BadParameter(
            "--from-beginning, --last, --since and --offset say where to begin: give one of them"
        )
    if offset is not None and (partition is None or len(topics) > 1):
        raise typer.BadParameter("an offset is one of a partition: give one topic and --partition")
    if last is not None:
        return Last(last)
    if offset is not None:
        return AtOffset(offset)
    return since or ("earliest" if from_beginning else "latest")


def _say_waiting() -> None:
    if sys.stderr.isatty():
        say("waiting for events; Ctrl-C ends this")
