"""``pat-events consume``."""

from __future__ import annotations

import enum
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli import completion
from pat_events.cli.options import Bootstrap, CatalogFile, Since, configure
from pat_events.cli.output import command, event_types_if_any, print_json, say
from pat_events.config import Config
from pat_events.core.wording import counted
from pat_events.ops.event_classes import event_types
from pat_events.ops.json_records import record_as_json
from pat_events.ops.queue_look import MessageFilter, QueueLook
from pat_events.ops.tail import AtOffset, Last, RecordFilter, tail
from pat_events.transports.aws.sqs_receiver import SqsQueue

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from pat_events.catalog.binding import EventTypes
    from pat_events.catalog.model import Catalog
    from pat_events.core.record import Delivery
    from pat_events.ops.tail import Begin

# What is shown of a queue unless asked for more: as long as it is here no consumer has it.
_LOOK_MAX: Final = 100
_QUIET_S: Final = 2.0


class Format(enum.StrEnum):
    """What a line has of a record."""

    RECORD = "record"
    EVENT = "event"


@command
def consume(
    *,
    topics: Annotated[
        list[str] | None,
        typer.Argument(metavar="TOPIC", help="What to read.", autocompletion=completion.topics),
    ] = None,
    queue: Annotated[
        str | None,
        typer.Option("--queue", metavar="QUEUE", help="Look into this queue of SQS instead."),
    ] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete each message of the queue that was shown.")
    ] = False,
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
        typer.Option("--key", metavar="KEY", help="Only records of this key, or message group."),
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
            help="Stop when nothing came for S seconds; 2 for a queue.",
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
    """Tail topics as JSON lines; joins no group and commits nothing. Or look into a queue.

    Without an option that says where to begin, only what comes from now on is read. It goes on
    until Ctrl-C, --max or --idle-timeout.

    A line has the record's place, its envelope and headers, and the event; or, where that cannot
    be read, why not and the bytes in base64. With --format event such a record is left out, and
    said on standard error.

    With --queue it shows each message that is there once, 100 at most unless --max says otherwise,
    and gives all of them back at its end: consumers do not get them meanwhile. Each look counts one
    receive of a message, and after so many the queue moves it to its dead-letter queue. With
    --delete what was shown is deleted; nothing else is.

    Example:
      pat-events consume pat-emails
      pat-events consume pat-emails --since 10m --type EmailReceived
      pat-events consume pat-emails --last 5 --idle-timeout 2 | jq .event.subject
      pat-events consume pat-emails --partition 3 --offset 1041 --max 1
      pat-events consume pat-emails --from-beginning --key e-17 --format event
      pat-events consume --queue pat-dev-email-processing --type EmailReceived
    """
    if queue is not None:
        of_topics = {
            "TOPIC": topics,
            "--from-beginning": from_beginning or None,
            "--last": last,
            "--since": since,
            "--offset": offset,
            "--partition": partition,
            "--bootstrap": bootstrap,
        }
        given = [name for name, value in of_topics.items() if value not in (None, [], "")]
        _refuse_of_topics(given)
        _look(queue, catalog, event_type, key, shown, limit, idle_timeout_s, delete=delete)
        return
    if not topics:
        raise typer.BadParameter("name a topic, or a queue with --queue", param_hint="TOPIC")
    if delete:
        raise typer.BadParameter("a record of a topic is not deleted", param_hint="--delete")
    begin = _begin(topics, partition, offset, last, since, from_beginning=from_beginning)
    config, cluster = configure(bootstrap, catalog)
    entries = load_catalog(config.catalog)
    full_name = None if event_type is None else entries.event(event_type).full_name
    types = _types(entries, shown)
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
        _show(types, delivery, shown)


def _types(catalog: Catalog, shown: Format) -> EventTypes | None:
    return event_types_if_any(catalog) if shown is Format.RECORD else event_types(catalog)


def _show(types: EventTypes | None, delivery: Delivery, shown: Format) -> bool:
    """Show a record; tells whether it was not left out."""
    record = record_as_json(types, delivery)
    if shown is Format.RECORD:
        print_json(record)
    elif "event" in record:
        print_json(record["event"])
    else:
        say(f"{delivery.position} is left out: {record['error']}")
        return False
    return True


def _refuse_of_topics(given: list[str]) -> None:
    if given:
        raise typer.BadParameter(f"not with --queue, but of topics alone: {', '.join(given)}")


def _look(
    name: str,
    catalog: Path | None,
    event_type: str | None,
    key: str | None,
    shown: Format,
    limit: int | None,
    idle_timeout_s: float | None,
    *,
    delete: bool,
) -> None:
    config = Config.from_env(catalog=catalog)
    entries = load_catalog(config.catalog)
    full_name = None if event_type is None else entries.event(event_type).full_name
    wanted = MessageFilter(key, full_name)
    types = _types(entries, shown)
    left = limit or (sys.maxsize if delete else _LOOK_MAX)
    queue = SqsQueue(name)
    name = queue.name
    with QueueLook(queue, config, gives_back=not delete) as look:
        say(_what_a_look_does(name, look, delete=delete))
        for message in look.messages(_QUIET_S if idle_timeout_s is None else idle_timeout_s):
            if not wanted.matches(message):
                continue
            if _show(types, message, shown) and delete:
                look.done(message)
            left -= 1
            if not left:
                if limit is None:
                    say(f"{_LOOK_MAX} messages were shown; --max N shows more")
                break
    if look.last_receives and not delete:
        say(
            f"received as often as {name} allows, which moves them to its dead-letter queue at the "
            f"next receive: {counted(look.last_receives, 'message')}"
        )


def _what_a_look_does(name: str, look: QueueLook, *, delete: bool) -> str:
    if look.untold:
        moves = f"after how many {name} moves a message away is not told ({look.untold})"
    elif look.max_receives is None:
        moves = f"{name} has no redrive policy, so they change nothing else"
    else:
        moves = f"after {look.max_receives} {name} moves it to its dead-letter queue"
    rest = "what is shown is deleted" if delete else "all is given back at the end"
    return f"{rest}; each look counts one receive of a message, and {moves}"


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
