"""``pat-events look``."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli import completion
from pat_events.cli.options import CatalogFile  # noqa: TC001 -- typer reads it
from pat_events.cli.output import command, say
from pat_events.cli.shown_records import Format, show_record, types_shown
from pat_events.config import Config
from pat_events.core.wording import counted
from pat_events.ops.queue_look import MessageFilter, QueueLook
from pat_events.transports.aws.sqs_receiver import SqsQueue

# What is shown of a queue unless asked for more: as long as it is here no consumer has it.
_LOOK_MAX: Final = 100


@command
def look(
    *,
    queue: Annotated[str, typer.Argument(metavar="QUEUE", help="Name or URL of the queue.")],
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="KEY", help="Only messages of this key, or message group."),
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
        int | None,
        typer.Option(
            "--max",
            min=1,
            metavar="N",
            help="Stop after N messages; after 100 without it, with --delete at the end.",
        ),
    ] = None,
    idle_timeout_s: Annotated[
        float,
        typer.Option(
            "--idle-timeout", min=0.0, metavar="S", help="Stop when nothing came for S seconds."
        ),
    ] = 2.0,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete each message that was shown.")
    ] = False,
    shown: Annotated[
        Format,
        typer.Option(
            "--format", help="The whole record, or the event alone, as 'publish' takes it."
        ),
    ] = Format.RECORD,
    catalog: CatalogFile = None,
) -> None:
    """Look into a queue of SQS: what is in it as JSON lines, given back at the end.

    It shows each message that is there once, 100 at most unless --max says otherwise, and gives all
    of them back at its end: consumers do not get them meanwhile. Each look counts one receive of a
    message, and after so many the queue moves it to its dead-letter queue. With --delete what was
    shown is deleted; nothing else is.

    A line is as those of 'consume', with the message in place of topic and offset. With --format
    event what cannot be read is left out, and said on standard error.

    Dead letters of a queue are looked at with 'dlq show --queue'.

    Example:
      pat-events look pat-dev-email-processing --type EmailReceived
      pat-events look pat-dev-email-processing --key e-17 --format event | jq .subject
    """
    config = Config.from_env(catalog=catalog)
    entries = load_catalog(config.catalog)
    full_name = None if event_type is None else entries.event(event_type).full_name
    wanted = MessageFilter(key, full_name)
    types = types_shown(entries, shown)
    left = limit or (sys.maxsize if delete else _LOOK_MAX)
    opened = SqsQueue(queue)
    name = opened.name
    with QueueLook(opened, config, gives_back=not delete) as held:
        say(_what_a_look_does(name, held, delete=delete))
        for message in held.messages(idle_timeout_s):
            if not wanted.matches(message):
                continue
            if show_record(types, message, shown) and delete:
                held.done(message)
            left -= 1
            if not left:
                if limit is None:
                    say(f"{_LOOK_MAX} messages were shown; --max N shows more")
                break
    if held.last_receives and not delete:
        say(
            f"received as often as {name} allows, which moves them to its dead-letter queue at the "
            f"next receive: {counted(held.last_receives, 'message')}"
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
