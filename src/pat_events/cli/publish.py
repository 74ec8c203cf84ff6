"""``pat-events publish``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli.options import Bootstrap, CatalogFile, configure
from pat_events.cli.output import command, print_json, silence
from pat_events.errors import ConfigError
from pat_events.ops import publishing as ops
from pat_events.ops.event_classes import event_types
from pat_events.transports.kafka import KafkaTransport

if TYPE_CHECKING:
    from pat_events.core.record import Position


@command
def publish(
    event_type: Annotated[
        str, typer.Argument(metavar="EVENTTYPE", help="Name in the catalogue: EmailReceived.")
    ],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON; standard input without it, or for '-'.")
    ] = Path("-"),
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Publish events from JSON: one object, or one a line.

    Nothing is sent unless all of the input can be read. Each acknowledged event is one line of JSON
    on standard output, also where another one was refused: its id and its place in the log.

    Example:
      echo '{"email_id": "e-1", "subject": "Hello"}' | pat-events publish EmailReceived
      pat-events publish TenantEvent tenants.jsonl
    """
    config, cluster = configure(bootstrap, catalog)
    types = event_types(load_catalog(config.catalog))
    types.catalog.event(event_type)  # Before waiting for input.
    events = list(ops.events_from_json(types, event_type, _read(file)))
    silence("pat_events.producer.producer")
    for ack in ops.publish(config, KafkaTransport(cluster.kafka), events):
        position = cast("Position", ack.position)  # Kafka is a log.
        print_json({"event_id": ack.event_id, **position._asdict()})


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 text: {error}") from error
