"""``pat-events bridge``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pat_events.catalog.load import load_catalog
from pat_events.cli import completion
from pat_events.cli.options import Bootstrap, CatalogFile, configure
from pat_events.cli.output import command, log_like_a_service, say
from pat_events.config import Config
from pat_events.consumer.bridge.bridges import Bridge, QueueBridge
from pat_events.core.wording import counted
from pat_events.ops.buses import TARGETS, transport_to
from pat_events.ops.event_classes import event_types
from pat_events.transports.aws.sqs_receiver import SqsQueue
from pat_events.transports.kafka import KafkaTransport

if TYPE_CHECKING:
    from pat_events.transports.kafka import KafkaConfig


@command
def bridge(
    *,
    group: Annotated[
        str | None,
        typer.Argument(
            metavar="GROUP",
            help="Forward from Kafka, as this consumer group.",
            autocompletion=completion.groups,
            show_default=False,
        ),
    ] = None,
    to: Annotated[str, typer.Option("--to", metavar="TARGET", help=f"Where to: {TARGETS}.")],
    queue: Annotated[
        str | None,
        typer.Option("--queue", metavar="QUEUE", help="Forward from this queue of SQS instead."),
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="EVENTTYPE",
            help="Forward these events; may be repeated. Without it what the catalogue says, of a "
            "queue all.",
            autocompletion=completion.events,
        ),
    ] = None,
    dead_letters: Annotated[
        str | None,
        typer.Option(
            "--dead-letters",
            metavar="TOPIC",
            help="With --queue: where to write what is given up; left to the queue without it.",
        ),
    ] = None,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Forward events from Kafka to EventBridge, SQS or SNS, or from a queue to Kafka.

    Events keep their ids, envelopes and traces, and go on at least once; in order per key where the
    target keeps it. Those that the target refuses for good become dead letters, and while it is out
    of reach they stay where they are. It runs until SIGTERM or Ctrl-C; start it several times to
    share the work. AWS is where PAT_EVENTS_AWS_* and boto3's own settings say.

    Without --type those events go to EventBridge that the catalogue has targets for, and to a
    queue of SQS those that have it as a target; or what the catalogue says that the group consumes.
    A group that has no position yet begins with the oldest event: for another place see 'pat-events
    groups reset'.

    Example:
      pat-events bridge to-pat-dev --to eventbridge:pat-dev
      pat-events bridge to-search --to sqs:search.fifo --type EmailReceived --type EmailDeleted
      pat-events bridge --queue imports --to kafka
    """
    if (group is None) is (queue is None):
        raise typer.BadParameter("give the name of a GROUP to read Kafka, or else --queue")
    if queue is None and dead_letters is not None:
        raise typer.BadParameter(
            "those of a group go to <topic>.<group>.dlq: it goes with --queue alone",
            param_hint="--dead-letters",
        )
    log_like_a_service()
    config = Config.from_env(catalog=catalog)
    # Their module may be in the current directory.
    event_types(load_catalog(config.catalog))

    def kafka() -> KafkaConfig:
        return configure(bootstrap)[1].kafka

    target = transport_to(to, kafka)
    made: Bridge | QueueBridge
    if queue is None:
        source = KafkaTransport(kafka())
        made = Bridge(str(group), target, types=types or None, config=config, transport=source)
        origin = f"group {group}, from {source.address}"
    else:
        made = QueueBridge(
            SqsQueue(queue), target, types=types or None, config=config, dead_letters=dead_letters
        )
        origin = f"queue {queue}"
    say(
        f"starting to forward {', '.join(made.types)} ({origin}) to {to}; Ctrl-C stops it "
        "gracefully, 'pat-events -v bridge' shows what it does"
    )
    try:
        made.run()
    finally:
        stats = made.stats()
        if stats.delivered:
            say(
                f"forwarded {counted(stats.handled, 'event')}, "
                f"{counted(stats.dead_lettered, 'dead letter')}"
            )
