"""``pat-events dlq purge``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pat_events.cli.exit_codes import FAILED
from pat_events.cli.letter_options import OF_A_TOPIC, All, Chosen, Topic, Why, choosing
from pat_events.cli.options import Bootstrap, CatalogFile, configure
from pat_events.cli.output import command, console, say, table
from pat_events.cli.progress import progress
from pat_events.core.wording import counted
from pat_events.ops.letters import purging
from pat_events.ops.letters.audit import require_why

if TYPE_CHECKING:
    from pat_events.ops.letters.purging import PurgePlan


@command
@choosing(OF_A_TOPIC)
def purge(
    *,
    topic: Topic,
    apply: Annotated[
        bool, typer.Option("--apply", help="Delete; without it only say what would be.")
    ] = False,
    why: Why = "",
    everything: All = False,
    chosen: Chosen,
    bootstrap: Bootstrap = None,
    catalog: CatalogFile = None,
) -> None:
    """Delete dead letters for good: the oldest ones.

    Kafka deletes from the beginning of a partition up to an offset, and nothing else. So the
    letters that are meant have to be the first ones of their partitions, as with --until or a
    range of offsets: where one that is not meant lies before one that is, nothing is deleted, and
    what could be is said. Retention deletes all of them in the end.

    Without --apply nothing is changed, as what is deleted does not come back; 'dlq replay' and 'dlq
    redrive' act, unless --dry-run is given. Who, when, why and what is in the topic GROUP.audit.

    Example:
      pat-events dlq purge pat-emails.email-processor.dlq --until 14d
      pat-events dlq purge pat-emails.email-processor.dlq --until 14d --apply --why "GDPR 4711"
      pat-events dlq purge pat-emails.email-processor.dlq --partition 0 --offset 0-41
    """
    if apply:
        # Before every letter is read.
        require_why(why)
    config, cluster = configure(bootstrap, catalog)
    selection = chosen.selection(config)
    if everything and not selection.is_everything:
        raise typer.BadParameter("--all is every letter: leave it out, or what chooses some")
    with progress("reading letters") as tell:
        plan = purging.plan_purge(cluster, topic, selection, everything=everything, tell=tell)
    _show(plan)
    if apply:
        purging.purge(cluster, plan, why=why, config=config)
    else:
        purging.refuse_behind(plan)
    if not plan.cuts:
        say(f"{topic} holds no such dead letters")
        raise typer.Exit(FAILED)
    if apply:
        say(f"{counted(plan.letters, 'letter')} of {topic} deleted")
    else:
        say("nothing was deleted; add --apply")


def _show(plan: PurgePlan) -> None:
    if not plan.cuts:
        return
    columns = ("partition", "from", "to", "letters")
    shown = table(*columns, numbers=columns)
    for cut in plan.cuts:
        shown.add_row(*map(str, (cut.partition, cut.first, cut.end - 1, cut.letters)))
    console.print(shown)
    if plan.behind:
        cuts = (f"--partition {it.partition} --offset 0-{it.end - 1}" for it in plan.cuts)
        say(f"what can be deleted: {', and '.join(cuts)}")
