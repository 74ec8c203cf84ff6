"""Dead letters to the group that gave them up, through its retry topic.

What was replayed is read from the retry topic, whose records name their letters: whoever goes on,
after a process that was killed or beside another operator, sends no letter twice. A transactional
id lets one process at a time write, and ends what a killed one had begun before the next one looks.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Final

from pat_events.catalog.load import load_catalog
from pat_events.config import Config
from pat_events.errors import RecordTooLargeError
from pat_events.ops.letters import audit
from pat_events.ops.letters.histogram import Histogram
from pat_events.ops.letters.replay_target import target_of
from pat_events.ops.letters.replay_walk import DEFAULT, Replayed, ReplayWalk
from pat_events.ops.letters.writing import audited

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pat_events.core.record import Record
    from pat_events.ops.cluster import Cluster
    from pat_events.ops.letters.replay_walk import ReplayOptions
    from pat_events.ops.letters.selection import Selection
    from pat_events.ops.letters.writing import Audited
    from pat_events.transports.kafka.transactions import TransactionalSender

# What one transaction holds at most. Readers of the retry topic wait for its end.
_BATCH: Final = 500
_BATCH_BYTES: Final = 4_194_304
# With a rate, about how many transactions a second.
_A_SECOND: Final = 4


def dry_run(
    cluster: Cluster,
    name: str,
    selection: Selection,
    options: ReplayOptions = DEFAULT,
    *,
    config: Config | None = None,
    tell: Callable[[Replayed], None] = lambda _: None,
) -> tuple[Replayed, Histogram]:
    """Return what a replay would do, and what would be sent, by cause and by hour.

    Nothing is written, and a replay under way goes on. The arguments are those of ``replay``, and
    so is what is raised, but for what is about writing.
    """
    target = target_of(load_catalog(Config.given(config).catalog), name, options.group)
    walk = ReplayWalk(cluster, target, selection, options, tell)
    histogram = Histogram()
    for letter, _ in islice(walk.chosen(), options.limit):
        histogram.add(letter)
        walk.counts["sent"] += 1
    return walk.done(), histogram


def replay(
    cluster: Cluster,
    name: str,
    selection: Selection,
    options: ReplayOptions = DEFAULT,
    *,
    why: str,
    config: Config | None = None,
    tell: Callable[[Replayed], None] = lambda _: None,
) -> Replayed:
    """Send dead letters to the group that gave them up, through its retry topic.

    No letter is sent twice unless that is asked for, whatever ends a replay: the same call goes on
    where the last one ended. Key, value, headers and id are those of the event. What becomes a
    letter after this began is left. One replay of a group runs at a time, and none beside a purge,
    an import or an edit, as far as the audit topic tells of one; who, when, why and how
    many is written to the group's audit topic. A signal strikes between two transactions.

    Args:
        cluster: Where.
        name: The group, or one of its dead-letter topics.
        selection: Which letters.
        options: How.
        why: For the audit topic.
        config: Which catalogue; as the environment says when None.
        tell: Is given what was done, as it goes on.

    Raises:
        ConfigError: there is no such group or dead-letter topic in the catalogue, every letter is
            meant and that was not said, or another run that changes the group's letters goes on.
        ClosedError: another replay has taken over from this one.
        TopicMissingError: a dead-letter or retry topic does not exist.
        TransportError: the cluster did not answer, or does not permit it.
    """
    selection.require_said(everything=options.everything)
    audit.require_why(why)
    config = Config.given(config)
    catalog = load_catalog(config.catalog)
    target = target_of(catalog, name, options.group)
    walk = ReplayWalk(cluster, target, selection, options, tell)
    about = {
        "why": why,
        "topics": list(target.topics),
        "selection": selection.as_json(),
        "options": {
            name: value
            for name, value in asdict(options).items()
            if value != getattr(DEFAULT, name)
        },
    }
    run = audit.begin(cluster, catalog, target.group, audit.REPLAY, about)
    from pat_events.transports.kafka.transactions import (  # noqa: PLC0415 -- loads the client
        TransactionalSender,
    )

    audit_topic = catalog.audit_topic(target.group)
    with (
        closing(TransactionalSender(cluster.kafka, config, audit_topic)) as sender,
        audited(run, sender.send) as told,
    ):
        _Sending(told, sender, walk).all()
    return walk.done(run.run)


class _Sending:
    """Sends what a walk chooses."""

    def __init__(self, told: Audited, sender: TransactionalSender, walk: ReplayWalk) -> None:
        self._told = told
        self._sender = sender
        self._walk = walk
        self._due = time.monotonic()
        rate = walk.options.rate
        self._most = _BATCH if rate is None else max(1, min(_BATCH, rate // _A_SECOND))

    def all(self) -> None:
        chosen = islice(self._walk.chosen(self._told.id), self._walk.options.limit)
        batch: list[Record] = []
        size = 0
        try:
            for _, record in chosen:
                batch.append(record)
                size += len(record.value or b"")
                if len(batch) >= self._most or size >= _BATCH_BYTES:
                    self._send(batch)
                    batch, size = [], 0
            self._send(batch)
        finally:
            self._count()

    def _send(self, batch: Sequence[Record]) -> None:
        if not batch:
            return
        self._pace(len(batch))
        self._count(more=len(batch))
        try:
            # How far it is in one transaction with what that counts.
            self._sender.send([*batch, *self._told.progress()])
        except RecordTooLargeError:
            self._send_what_fits(batch)
        else:
            self._walk.counts["sent"] += len(batch)
            self._walk.tell(self._told.id)

    def _send_what_fits(self, batch: Sequence[Record]) -> None:
        for record in batch:
            try:
                self._sender.send([record])
            except RecordTooLargeError:
                self._walk.counts["too_large"] += 1
            else:
                self._walk.counts["sent"] += 1

    def _pace(self, count: int) -> None:
        rate = self._walk.options.rate
        if rate is not None:
            now = time.monotonic()
            time.sleep(max(0.0, self._due - now))
            self._due = max(self._due, now) + count / rate

    def _count(self, *, more: int = 0) -> None:
        """Note what the audit topic is told next, with what is about to be sent."""
        done = asdict(self._walk.done())
        done["sent"] += more
        self._told.counts = {name: count for name, count in done.items() if count}
