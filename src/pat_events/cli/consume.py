"""``pat-events consume``."""

from __future__ import annotations

from typing import Annotated

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli.options import Bootstrap, CatalogFile, configure
from pat_events.cli.output import command, event_types_if_any, print_json
from pat_events.ops.json_records import record_as_json
from pat_events.ops.tail import tail


@command
def consume(
    *,
    topics: Annotated[list[str], typer.Argument(metavar="TOPIC", help="What to read.")],
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Begin with the oldest record there is.")
    ] = False,
    max_records: Annotated[
        int | None, typer.Option("--max", min=1, metavar="N", help="Stop after N records.")
    ] = None,
    timeout_s: Annotated[
        float | None,
        typer.Option(
            "--timeout", min=0.0, metavar="S", help="Stop when nothing came for S seconds."
        ),
    ] = None,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Tail topics as JSON lines; joins no group and commits nothing.

    A line has the record's place, its envelope and headers, and the event; or, where that cannot
    be read, why not and the bytes in base64.

    Example:
      pat-events consume pat-emails
      pat-events consume pat-emails --from-beginning --timeout 2 | jq .event.subject
    """
    config, cluster = configure(bootstrap, catalog)
    types = event_types_if_any(load_catalog(config.catalog))
    for delivery in tail(
        cluster,
        topics,
        from_beginning=from_beginning,
        max_records=max_records,
        timeout_s=timeout_s,
    ):
        print_json(record_as_json(types, delivery))
