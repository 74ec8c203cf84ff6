"""``pat-events run``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from pat_events.cli.options import BOOTSTRAP_VARIABLE, CATALOG_VARIABLE, Bootstrap, CatalogFile
from pat_events.cli.output import command, log_like_a_service, say
from pat_events.ops.group_loader import load_consumer


@command
def run(
    consumer: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:NAME",
            help="Module and name of its consumer: a ConsumerGroup or a QueueConsumer.",
        ),
    ],
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Run a consumer, of topics or of a queue, until SIGTERM or Ctrl-C: running handlers finish.

    The module is looked for in the current directory as well. The options are handed to it as
    PAT_EVENTS_* variables: settings it makes otherwise keep their values. Exit code 3 means
    that handlers were still at work at the end; their events come again.

    Example:
      pat-events run orders.main:group
      pat-events run emails.main:consumer
    """
    log_like_a_service()
    if bootstrap is not None:
        os.environ[BOOTSTRAP_VARIABLE] = bootstrap
    if catalog is not None:
        os.environ[CATALOG_VARIABLE] = str(catalog)
    loaded = load_consumer(consumer)
    title = getattr(loaded, "title", consumer)
    say(f"starting {title}; Ctrl-C stops it gracefully, 'pat-events -v run' shows what it does")
    loaded.run()
