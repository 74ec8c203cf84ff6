"""Dead letters of SQS: how many, and what each of them is.

Looking is receiving, see ``QueueLook``: nothing is deleted, and nothing moved away.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pat_events.catalog.load import load_catalog
from pat_events.codecs.structured import is_of_type
from pat_events.config import Config
from pat_events.core.headers import CE_ID
from pat_events.errors import ConfigError
from pat_events.ops.queue_look import QueueLook
from pat_events.transports.aws.config import AwsConfig
from pat_events.transports.aws.letter_queue import LetterQueue
from pat_events.transports.aws.unwrap import Unwrapping

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from datetime import datetime

    from pat_events.transports.aws.letter_queue import QueueCounts, QueueLetter

#: When nothing has come for so long, nothing more is there, in seconds. A wait, however short,
#: asks all of the queue's servers: without one an answer may be empty.
QUIET_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Which letters are meant: those that meet all that is given, as of a topic's ``Selection``.

    Attributes:
        causes: One of these is what a consumer of ours, EventBridge, SNS or Lambda said, such as
            ``rejected`` or ``NO_PERMISSIONS``.
        event_type: Type of the event, such as ``pat.events.v1.EmailReceived``.
        ids: Ids of events, or of messages.
        since: Sent at this time or later. SQS's own time: of a standard queue when the message was
            sent first, of a FIFO queue when it became a dead letter.
        until: Sent before this time.
    """

    causes: frozenset[str] = frozenset()
    event_type: str | None = None
    ids: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, letter: QueueLetter) -> bool:
        """Tell whether this letter is meant."""
        sent_s = letter.message.timestamp_ms / 1000
        if self.since is not None and sent_s < self.since.timestamp():
            return False
        if self.until is not None and sent_s >= self.until.timestamp():
            return False
        if self.causes and letter.cause not in self.causes:
            return False
        if not is_of_type(letter.message, self.event_type):
            return False
        event_id = (letter.message.header_values.get(CE_ID) or b"").decode(errors="replace")
        return not self.ids or not self.ids.isdisjoint({event_id, letter.message_id})


ANY: Final = LetterFilter()


def counts(queues: Iterable[str], *, aws: AwsConfig | None = None) -> Iterator[QueueCounts]:
    """Yield what is in each of these queues, about; no message is received.

    Args:
        queues: Their names, URLs or ARNs.
        aws: Where and how; from ``PAT_EVENTS_AWS_*`` when None.

    Raises:
        ConfigError: this is no queue's name, URL or ARN.
        TopicMissingError: there is no such queue.
        TransportError: AWS did not answer, or does not permit it; names the right.
    """
    for name in queues:
        with closing(LetterQueue(name, AwsConfig.given(aws), Unwrapping(None))) as queue:
            yield queue.counts()


def show(
    queue: str,
    wanted: LetterFilter = ANY,
    *,
    limit: int | None = None,
    config: Config | None = None,
    aws: AwsConfig | None = None,
) -> Generator[QueueLetter, None, None]:
    """Yield letters of a queue, in SQS's order; they are given back when iterating ends.

    Each look counts as a receive. A dead-letter queue does nothing with that number; a queue that
    moves messages away by it is refused.

    Args:
        queue: Name, URL or ARN of the dead-letter queue.
        wanted: Which letters.
        limit: Most letters.
        config: Which catalogue the events are of; as the environment says when None.
        aws: Where and how; from ``PAT_EVENTS_AWS_*`` when None.

    Raises:
        ConfigError: this is no queue's name, URL or ARN, or one that moves messages away.
        TopicMissingError: there is no such queue.
        TransportError: AWS did not answer, or does not permit it; names the right.
    """
    config = Config.given(config)
    with closing(open_queue(queue, config, aws)) as opened, QueueLook(opened, config) as look:
        shown = 0
        for message in look.messages(QUIET_S):
            letter = opened.letter(message)
            if wanted.matches(letter):
                yield letter
                shown += 1
                if shown == limit:
                    return


def open_queue(queue: str, config: Config, aws: AwsConfig | None) -> LetterQueue:
    """Return a queue to look into.

    Raises:
        ConfigError: as ``show``.
        TopicMissingError: there is no such queue.
        TransportError: AWS did not answer, or does not permit it; names the right.
    """
    unwrap = Unwrapping(load_catalog(config.catalog))
    opened = LetterQueue(queue, AwsConfig.given(aws), unwrap)
    with ExitStack() as ends:
        ends.callback(opened.close)
        found = opened.counts()
        if found.moves_to is not None:
            raise ConfigError(
                f"queue {found.queue} moves its messages to {found.moves_to} after "
                f"{found.max_receives} receives, and looking is one: the dead letters are in "
                f"{found.moves_to}"
            )
        ends.pop_all()
    return opened
