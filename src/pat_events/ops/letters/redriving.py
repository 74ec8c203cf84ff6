"""Dead letters of SQS to the queues that gave them up, chosen one by one.

A letter is sent first, and deleted after SQS has answered that it has it. Whatever happens in
between, it is in one of the two queues, or in both: it may be handled twice, and never gets lost.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pat_events.config import Config
from pat_events.core.checks import require_at_least_1
from pat_events.errors import ConfigError
from pat_events.ops.letters.queues import ANY, QUIET_S, open_queue
from pat_events.ops.queue_look import QueueLook
from pat_events.system.signals import signals_deferred
from pat_events.transports.aws.batching import Refused, Taken
from pat_events.transports.aws.letter_queue import MAX_BATCH, MAX_BYTES
from pat_events.transports.aws.queue_names import check_queue, short_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pat_events.ops.letters.queues import LetterFilter
    from pat_events.transports.aws.config import AwsConfig
    from pat_events.transports.aws.letter_queue import LetterQueue, QueueLetter

# For how long a FIFO queue remembers what it was sent, in milliseconds, and somewhat more.
_REMEMBERED_MS: Final = 330_000
# How long to wait before what failed for a while is tried again, in seconds.
_WAITS_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True)
class Redriven:
    """What was done so far.

    Attributes:
        seen: Letters that were looked at.
        sent: Letters that are in their queue again.
        unknown_source: Letters that were meant, and stay: SQS does not say where they came from.
        unseen: Letters that are in the dead-letter queue at the end and were not looked at, about;
            0 where it ended with ``limit``.
    """

    seen: int = 0
    sent: int = 0
    unknown_source: int = 0
    unseen: int = 0


def redrive(
    queue: str,
    wanted: LetterFilter = ANY,
    *,
    to: str | None = None,
    limit: int | None = None,
    config: Config | None = None,
    aws: AwsConfig | None = None,
    tell: Callable[[Redriven], None] = lambda _: None,
) -> Redriven:
    """Send letters back to the queue that gave them up, and delete them from this one.

    Body and attributes are as they were, and of a FIFO queue the group, the order within it, and
    the deduplication id; that is the message's id instead where the queue may still remember it and
    would drop the letter as a duplicate. What became a letter after this began is left, so that
    what fails at once is not sent round in circles. A signal strikes between two calls: what is
    under way is finished.

    Args:
        queue: Name, URL or ARN of the dead-letter queue.
        wanted: Which letters.
        to: Name, URL or ARN of the queue that gets them instead.
        limit: Most letters.
        config: Which catalogue the events are of; as the environment says when None.
        aws: Where and how; from ``PAT_EVENTS_AWS_*`` when None.
        tell: Is given what was done, as it goes on.

    Raises:
        ConfigError: this is none of these, a queue that moves messages away itself, or of the
            other kind than ``to``.
        TopicMissingError: there is no such queue; letters that were not sent stay.
        TransportError: AWS did not answer, or does not permit it; letters that were not sent stay,
            and of those sent some may not have been deleted.
    """
    if limit is not None:
        require_at_least_1("limit", limit)
    check_target(queue, to)
    now = datetime.now(UTC)
    wanted = replace(wanted, until=now if wanted.until is None else min(now, wanted.until))
    config = Config.given(config)
    with closing(open_queue(queue, config, aws)) as opened, QueueLook(opened, config) as look:
        run = _Run(opened, look, to, tell)
        meant: list[QueueLetter] = []
        for message in look.messages(QUIET_S):
            run.count(seen=1)
            letter = opened.letter(message)
            if wanted.matches(letter):
                meant.append(letter)
            if run.done.sent + len(meant) == limit:
                run.take(meant)
                return run.done
            if len(meant) == MAX_BATCH:
                run.take(meant)
                meant = []
        run.take(meant)
        return replace(run.done, unseen=opened.counts().letters)


def check_target(queue: str, to: str | None) -> None:
    """Refuse a queue of the other kind, and the queue itself.

    Raises:
        ConfigError: says why.
    """
    for name in filter(None, (queue, to)):
        check_queue(name)
    if to is not None and short_name(to) == short_name(queue):
        # A FIFO queue would drop a letter that it has had, and then it would be deleted.
        raise ConfigError(f"letters of {short_name(queue)} are there already: name another queue")
    if to is not None and to.endswith(".fifo") != queue.endswith(".fifo"):
        raise ConfigError(
            f"{short_name(queue)} and {short_name(to)} are not of one kind: letters of a FIFO "
            "queue go to a FIFO queue, and others to a standard one"
        )


def deduplication_id(letter: QueueLetter, now_ms: int) -> str | None:
    """Return by what a FIFO queue is to tell the letter from others; None for a standard queue.

    Its own, unless the queue may remember it from when the message was there first: it would take
    the letter, and drop it. SQS itself gives a dead letter the message's id for that reason.
    """
    if letter.deduplication_id is None:
        return None
    if now_ms - letter.message.timestamp_ms < _REMEMBERED_MS:
        return letter.message_id
    return letter.deduplication_id


def batches(letters: Sequence[QueueLetter], *, fifo: bool) -> Iterator[list[QueueLetter]]:
    """Yield what one call takes; of a FIFO queue's group one, so that its order is kept."""
    waiting = list(letters)
    while waiting:
        taken: list[QueueLetter] = []
        left: list[QueueLetter] = []
        groups: set[str | None] = set()
        size = 0
        for each in waiting:
            behind = fifo and each.message.group in groups
            large = bool(taken) and size + each.size_bytes > MAX_BYTES
            if behind or large or len(taken) == MAX_BATCH:
                left.append(each)
            else:
                taken.append(each)
                size += each.size_bytes
            groups.add(each.message.group)
        yield taken
        waiting = left


class _Run:
    """What is done with letters that are meant, and the count of it."""

    def __init__(
        self, queue: LetterQueue, look: QueueLook, to: str | None, tell: Callable[[Redriven], None]
    ) -> None:
        self._queue = queue
        self._look = look
        self._to = to
        self._tell = tell
        self.done = Redriven()

    def count(self, *, seen: int = 0, sent: int = 0, unknown_source: int = 0) -> None:
        done = self.done
        self.done = replace(
            done,
            seen=done.seen + seen,
            sent=done.sent + sent,
            unknown_source=done.unknown_source + unknown_source,
        )
        self._tell(self.done)

    def take(self, letters: Sequence[QueueLetter]) -> None:
        by_target: dict[str, list[QueueLetter]] = {}
        for each in letters:
            target = self._to or each.source
            if target is None:
                self.count(unknown_source=1)
            else:
                by_target.setdefault(target, []).append(each)
        for target, meant in by_target.items():
            for batch in batches(meant, fifo=self._queue.is_fifo):
                self._move(batch, target)

    def _move(self, letters: list[QueueLetter], target: str) -> None:
        """Send and delete; what fails for a while is tried again for a while."""
        for wait_s in (*_WAITS_S, None):
            with signals_deferred():
                letters, refused = self._try(letters, target)
            if refused is None:
                return
            if wait_s is None or not refused.again:
                raise refused.error
            time.sleep(wait_s)

    def _try(
        self, letters: list[QueueLetter], target: str
    ) -> tuple[list[QueueLetter], Refused | None]:
        """Return what is still to be sent, and why; what cannot help comes first."""
        now_ms = time.time_ns() // 1_000_000
        ids = [deduplication_id(each, now_ms) for each in letters]
        answer = self._queue.send(letters, ids, target)
        if isinstance(answer, Refused):
            return letters, answer
        left, refused = [], []
        for letter, its in zip(letters, answer, strict=True):
            if isinstance(its, Taken):
                # Deleted before more are received, or at the end.
                self._look.done(letter.message)
            else:
                left.append(letter)
                refused.append(its)
        # Before a signal can end it: whoever sent it is told.
        self.count(sent=len(letters) - len(left))
        return left, min(refused, key=lambda it: it.again, default=None)
