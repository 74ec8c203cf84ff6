"""What a member's client reports in place of records: what ``poll`` raises, and what it logs."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError

from pat_events.core.repeats import WINDOW_S
from pat_events.errors import ConfigError, HoldError, OffsetOutOfRangeError
from pat_events.transports.kafka.errors import is_fatal, translate
from pat_events.transports.kafka.unreadable import Unreadable

if TYPE_CHECKING:
    from confluent_kafka import Message

    from pat_events.core.record import TopicPartition as Pair
    from pat_events.errors import PatEventsError
    from pat_events.transports.kafka.assignment import Assignment
    from pat_events.transports.kafka.predecessor import Predecessor

_log = logging.getLogger("pat_events.kafka")

# How to be in one group with members that share partitions out in another way.
_OTHER_STRATEGY: Final = (
    "group {group} cannot be joined: its other members share partitions out in another way than "
    "this one's 'cooperative-sticky'. Set group_protocol to 'consumer' (Kafka 4 has both in one "
    "group), or let the others use 'cooperative-sticky'; while they are being replaced, the client "
    "property 'partition.assignment.strategy' can be theirs, such as 'range' or 'roundrobin'"
)


class ReadErrors:
    """Keeps what ``poll`` has to raise until it may: records that came with it go first.

    Args:
        group: Name of the group, for messages.
        address: Where it is read from, for messages.
        assignment: Is told of ends, and of positions that are out of range.
        predecessor: Is asked whether a fatal error is its doing.
    """

    def __init__(
        self, group: str, address: str, assignment: Assignment, predecessor: Predecessor
    ) -> None:
        self._group = group
        self._address = address
        self._assignment = assignment
        self._predecessor = predecessor
        self._failed: PatEventsError | None = None
        # Why this member is not let into the group.
        self._refused: PatEventsError | None = None
        self._remind_at = -math.inf
        #: Topics of the group alone, which need not be there.
        self.own: frozenset[str] = frozenset()
        #: What it cannot take apart; partitions that go are to be forgotten.
        self.unreadable = Unreadable()

    def fail(self, failure: PatEventsError) -> None:
        """Have ``poll`` raise this, unless something worse is to be raised already."""
        if not self.is_over:
            self._failed = failure

    @property
    def is_over(self) -> bool:
        """Whether this member reads no more."""
        return isinstance(self._failed, HoldError)

    def raise_failed(self) -> None:
        """Raise what is to be raised, once."""
        failed, self._failed = self._failed, None
        if failed is not None:
            raise failed

    def forget(self) -> None:
        """Forget what was to be raised: the member leaves."""
        self._failed = None

    def joined(self) -> None:
        """Note that this member was let into the group."""
        self._predecessor.has_gone()
        self._refused = None

    def remind(self) -> None:
        """Say now and then why this member is not let into its group."""
        if self._refused is not None and (now := time.monotonic()) >= self._remind_at:
            self._remind_at = now + WINDOW_S
            _log.error("%s; nothing is read until then", self._refused)

    def note(self, message: Message) -> None:
        """Note what came in place of a record."""
        error: KafkaError = message.error()  # type: ignore[assignment]
        pair: Pair = (message.topic(), message.partition())  # type: ignore[assignment]
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            if pair in self._assignment.marks:
                self._assignment.ends[pair] = message.offset()  # type: ignore[assignment]
        elif is_fatal(error):
            self._note_fatal(error)
        elif error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART and pair[0] in self.own:
            _log.debug("%s is not there, and is read as soon as it is", pair[0])
        elif error.code() == KafkaError.INCONSISTENT_GROUP_PROTOCOL:
            self.fail(ConfigError(_OTHER_STRATEGY.format(group=self._group)))
        elif error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            # Told once, and tried again without a word until the right is there.
            self._refused = translate(error, f"joining group {self._group}")
        elif not self.unreadable.note(error, pair, message.offset()):
            self._note_other(error, pair)

    def _note_fatal(self, error: KafkaError) -> None:
        if not self._assignment.marks and self._predecessor.is_there(error):
            return
        # Not a TransportError, after which reading goes on: this client never reads again.
        self.fail(
            HoldError(
                f"this member cannot go on at {self._address}: {error.str()} ({error.name()}); "
                "start it again"
            )
        )

    def _note_other(self, error: KafkaError, pair: Pair) -> None:
        where = f"{pair[0]}/{pair[1]}"
        failure = translate(error, f"reading {where} from {self._address}")
        if isinstance(failure, OffsetOutOfRangeError):
            self._assignment.out_of_range.add(pair)
            failure = OffsetOutOfRangeError(
                f"the group's position in {where} is no longer in the log, so events were lost to "
                "it or the topic was created again; decide where to go on with "
                "'pat-events groups reset' and start again"
            )
        self.fail(failure)
        _log.warning("%s", failure)
