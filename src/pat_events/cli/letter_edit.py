"""``pat-events dlq edit``."""

from __future__ import annotations

import json
import sys
from pathlib import Path  # noqa: TC003 -- typer reads it
from typing import Annotated

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli import completion
from pat_events.cli.letter_options import Topic, Why  # noqa: TC001 -- typer reads them
from pat_events.cli.options import Bootstrap, CatalogFile, configure
from pat_events.cli.output import command, say
from pat_events.cli.streams import read_input
from pat_events.ops.event_classes import event_types
from pat_events.ops.letters import editing


@command
def edit(
    *,
    topic: Topic,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="The new event as JSON; '-' for standard input. Without it the event is printed.",
        ),
    ] = None,
    partition: Annotated[
        int, typer.Option("--partition", min=0, metavar="N", help="Where the letter is.")
    ],
    offset: Annotated[
        int, typer.Option("--offset", min=0, metavar="N", help="Where the letter is.")
    ],
    allow: Annotated[
        bool,
        typer.Option("--allow-edit", help="Yes, write an event that no service has published."),
    ] = False,
    why: Why = "",
    event_type: Annotated[
        str | None,
        typer.Option(
            "--type",
            metavar="EVENTTYPE",
            help="Type of the new event; that of the letter's without it.",
            autocompletion=completion.events,
        ),
    ] = None,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Write a letter with another payload beside one that is there, to be replayed in its place.

    Without FILE the letter's event is printed as JSON, for an editor. With it, --allow-edit and
    --why a new letter is written, and the old one stays. There is no dry run: nothing is written
    without --allow-edit. Its event has an id of its own, always,
    and names the old one as what caused it; correlation, tenant, trace and further headers are
    carried on. Who, when and why is in the topic GROUP.audit.

    Example:
      pat-events dlq edit pat-emails.email-processor.dlq --partition 0 --offset 41 > event.json
      pat-events dlq edit pat-emails.email-processor.dlq event.json --partition 0 --offset 41 \
--allow-edit --why "address without @"
    """
    if file is not None and not allow:
        raise typer.BadParameter(
            "an edited letter is an event that no service has published: say so with --allow-edit"
        )
    config, cluster = configure(bootstrap, catalog)
    types = event_types(load_catalog(config.catalog))
    if file is None:
        event = editing.event_of(cluster, types, topic, partition, offset)
        sys.stdout.write(json.dumps(event, indent=2) + "\n")
        return
    done = editing.edit(
        cluster,
        types,
        topic,
        partition,
        offset,
        read_input(file),
        why=why,
        config=config,
        event_type=event_type,
    )
    say(f"{done.new_letter} has event {done.new_event_id}, caused by {done.event_id or 'one'}")
    if done.rekeyed:
        say("its key is another: it is in no order with events of the old one's key")
    say(f"'pat-events dlq replay {topic} --id {done.new_event_id} --why ...' has it handled")
