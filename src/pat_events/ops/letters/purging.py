"""Deletes dead letters, where Kafka can.

Kafka deletes from the beginning of a partition, up to an offset, and nothing else: a letter behind
one that is kept cannot be deleted. So those that are meant have to be all of the first ones of each
partition; where they are not, nothing is deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pat_events.catalog.load import load_catalog
from pat_events.config import Config
from pat_events.core.wording import counted
from pat_events.errors import ConfigError
from pat_events.ops.letters import audit
from pat_events.ops.letters.reading import TELL_EVERY, LetterReading
from pat_events.ops.letters.selection import Selection
from pat_events.ops.letters.writing import RecordWriter, audited, group_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pat_events.core.record import Position
    from pat_events.ops.cluster import Cluster
    from pat_events.ops.letters.letter import Letter


@dataclass(frozen=True, slots=True)
class Cut:
    """What is deleted of a partition: ``letters``, those at ``first`` and before ``end``."""

    partition: int
    first: int
    end: int
    letters: int


@dataclass(frozen=True, slots=True)
class PurgePlan:
    """What can be deleted of what is meant.

    Attributes:
        topic: The dead-letter topic.
        selection: Which letters are meant.
        cuts: The first letters of each partition that are all meant.
        behind: How many are meant and lie behind letters that are not.
        first_behind: The first of these.
    """

    topic: str
    selection: Selection
    cuts: Sequence[Cut]
    behind: int
    first_behind: Position | None

    @property
    def letters(self) -> int:
        """How many letters can be deleted."""
        return sum(cut.letters for cut in self.cuts)


def plan_purge(
    cluster: Cluster,
    topic: str,
    selection: Selection,
    *,
    everything: bool = False,
    tell: Callable[[int, int], None] = lambda _passed, _total: None,
) -> PurgePlan:
    """Return what a purge would delete; reads every letter, and changes nothing.

    Args:
        cluster: Where.
        topic: The dead-letter topic.
        selection: Which of its letters.
        everything: Every letter may be meant.
        tell: Is given how many letters were looked at, and of how many, as it goes on.

    Raises:
        ConfigError: this is no dead-letter topic, there is no such partition, or every letter is
            meant and that was not said.
        TopicMissingError: the topic does not exist.
        TransportError: reading failed.
    """
    selection.require_said(everything=everything)
    # All of a partition, as those that are not meant count.
    letters = LetterReading(cluster, topic, Selection(partition=selection.partition))

    def told() -> Iterable[Letter]:
        for count, letter in enumerate(letters):
            if count % TELL_EVERY == 0:
                tell(letters.passed, letters.total)
            yield letter

    return plan_of(topic, selection, told())


def plan_of(topic: str, selection: Selection, letters: Iterable[Letter]) -> PurgePlan:
    """Return the plan for all letters of some partitions, of each in their order."""
    cuts: dict[int, Cut] = {}
    closed = set[int]()
    behind, first_behind = 0, None
    for letter in letters:
        delivery = letter.delivery
        number = delivery.partition
        if not selection.matches(letter):
            closed.add(number)
        elif number in closed:
            behind += 1
            first_behind = first_behind or delivery.position
        else:
            cut = cuts.get(number, Cut(number, delivery.offset, 0, 0))
            cuts[number] = Cut(number, cut.first, delivery.offset + 1, cut.letters + 1)
    return PurgePlan(
        topic, selection, [cuts[number] for number in sorted(cuts)], behind, first_behind
    )


def purge(cluster: Cluster, plan: PurgePlan, *, why: str, config: Config | None = None) -> int:
    """Delete what a plan says and return how many letters that were.

    What became a letter since the plan was made stays. Who, when, why and what is told to the audit
    topic of the group before anything is deleted.

    Args:
        cluster: Where.
        plan: What ``plan_purge`` returned.
        why: For the audit topic.
        config: Which catalogue; as the environment says when None.

    Raises:
        ConfigError: letters that are meant lie behind others; nothing was deleted. Or this is no
            dead-letter topic of a group of the catalogue, or another run that changes the group's
            letters goes on.
        TransportError: the cluster did not answer, or does not permit it: that takes Delete on the
            topic. Some partitions may be done.
    """
    config = Config.given(config)
    audit.require_why(why)
    refuse_behind(plan)
    catalog = load_catalog(config.catalog)
    group = group_of(catalog, plan.topic)
    if not plan.cuts:
        return 0
    ends = {cut.partition: cut.end for cut in plan.cuts}
    selection = plan.selection.as_json()
    about = {"topics": [plan.topic], "why": why, "selection": selection, "before": ends}
    run = audit.begin(cluster, catalog, group, audit.PURGE, about)
    with RecordWriter(cluster, config) as writer, audited(run, writer.write) as told:
        cluster.admin().delete_before({(plan.topic, it): end for it, end in ends.items()})
        told.counts["deleted"] = plan.letters
    return plan.letters


def refuse_behind(plan: PurgePlan) -> None:
    """Return where all letters that are meant can be deleted.

    Raises:
        ConfigError: they cannot; the plan's cuts tell what can.
    """
    if not plan.behind:
        return
    raise ConfigError(
        f"of {counted(plan.letters + plan.behind, 'letter')} that are meant {plan.behind} lie "
        f"behind letters that are not, the first at {plan.first_behind}: Kafka deletes from the "
        "beginning of a partition alone, so nothing is deleted. Choose older letters as well, or "
        "fewer"
    )
