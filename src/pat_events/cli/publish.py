"""``pat-events publish``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli import completion
from pat_events.cli.exit_codes import FAILED
from pat_events.cli.options import Bootstrap, CatalogFile, kafka_named
from pat_events.cli.output import command, print_json, say, say_error, silence
from pat_events.cli.streams import read_input, standard_input, unreadable
from pat_events.config import Config
from pat_events.core.wording import counted
from pat_events.errors import PatEventsError
from pat_events.ops.buses import TARGETS, transport_to
from pat_events.ops.event_classes import event_types
from pat_events.ops.lines import lines_as_they_come
from pat_events.ops.publishing import Extras, Outbox
from pat_events.ops.written_events import events_from_json, events_from_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pat_events.producer.ack import Ack


@command
def publish(
    *,
    event_type: Annotated[
        str,
        typer.Argument(
            metavar="EVENTTYPE",
            help="Name in the catalogue: EmailReceived.",
            autocompletion=completion.events,
        ),
    ],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON; standard input without it, or for '-'.")
    ] = Path("-"),
    to: Annotated[
        str, typer.Option("--to", metavar="TARGET", help=f"Where to: {TARGETS}.")
    ] = "kafka",
    stream: Annotated[
        bool,
        typer.Option("--stream", help="Publish each line as it comes, from a pipe without end."),
    ] = False,
    headers: Annotated[
        list[str] | None,
        typer.Option("--header", metavar="NAME=VALUE", help="A further header; may be repeated."),
    ] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="ID", help="The tenant they belong to.")
    ] = None,
    correlation_id: Annotated[
        str | None,
        typer.Option(
            "--correlation-id",
            metavar="ID",
            help="What they are part of; the id of the cause, or their own, without it.",
        ),
    ] = None,
    causation_id: Annotated[
        str | None,
        typer.Option("--causation-id", metavar="ID", help="Id of the event that they answer."),
    ] = None,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Publish events from JSON: one object, or one a line.

    Nothing is sent unless all of the input can be published. With --stream each line is sent as it
    comes, and a line that is no event ends it. Each acknowledged event is one line of JSON on
    standard output, also where another one was refused: its id and its place in the log.

    They go to Kafka, or with --to to a bus, queue or topic of AWS, which takes no broker; their
    place is the id of the message then.

    What an event's own metadata says of tenant and correlation gives way to the options.

    Example:
      echo '{"email_id": "e-1", "subject": "Hello"}' | pat-events publish EmailReceived
      pat-events publish TenantEvent tenants.jsonl --tenant acme --header origin=import
      tail -f mails.jsonl | pat-events publish EmailReceived --stream
      pat-events publish EmailReceived mail.json --to eventbridge:pat-dev
    """
    extras = Extras(_named(headers or ()), tenant, correlation_id, causation_id)
    if bootstrap is not None and to != "kafka":
        raise typer.BadParameter(f"{to} has no brokers", param_hint="--bootstrap")
    config = Config.from_env(catalog=catalog)
    transport = transport_to(to, lambda: kafka_named(bootstrap))
    types = event_types(load_catalog(config.catalog))
    types.catalog.event(event_type)  # Before waiting for input.
    outbox = Outbox(config, transport, extras)
    silence("pat_events.producer", "pat_events.aws")
    with ExitStack() as stack:
        prepared: Iterable[Ack | None]
        if stream:
            lines = lines_as_they_come(_open(file, stack))
            events = events_from_lines(types, event_type, lines)
            prepared = (None if each is None else outbox.prepare(each) for each in events)
        else:
            # All of them before one is sent.
            text = read_input(file)
            prepared = [outbox.prepare(each) for each in events_from_json(types, event_type, text)]
        _tell(outbox.send(prepared))


def _tell(acks: Iterator[Ack]) -> None:
    """Print acknowledgements as they come; where it ends early, how many came."""
    published = 0
    try:
        for ack in acks:
            place = ack.result(0)._asdict()  # It is acknowledged.
            # A log has no message id, and a bus nothing else.
            message_id = place.pop("message_id")
            if message_id:
                place = {"topic": place["topic"], "message_id": message_id}
            print_json({"event_id": ack.event_id, **place})
            published += 1
    except PatEventsError as error:
        if not published:
            raise
        say_error(error)
        say(f"published before it stopped: {counted(published, 'event')}")
        raise typer.Exit(FAILED) from error


def _named(headers: Iterable[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for header in headers:
        name, equals, value = header.partition("=")
        if not (name and equals):
            raise typer.BadParameter(
                f"{header!r} is no header: write NAME=VALUE", param_hint="--header"
            )
        if name in found:
            raise typer.BadParameter(f"{name!r} is given twice", param_hint="--header")
        # Bytes that are no UTF-8 reach us as surrogates.
        found[name] = value.encode("utf-8", "surrogateescape")
    return found


def _open(file: Path, stack: ExitStack) -> int:
    if str(file) == "-":
        return standard_input().fileno()
    try:
        return stack.enter_context(file.open("rb", buffering=0)).fileno()
    except OSError as error:
        raise unreadable(file, error) from error
